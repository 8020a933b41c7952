"""The command table: exit codes, messages, and that nothing heavy is loaded for help."""

import os
import shlex
import subprocess
import sys
import textwrap
import types
from importlib.util import find_spec
from pathlib import Path

import pytest

from gaze import cli
from gaze.errors import GazeError, ModelError, UsageError


def install(monkeypatch, behaviour):
    """Make the command `probe` run ``behaviour``."""
    module = types.ModuleType("probe_command")
    module.main = behaviour
    monkeypatch.setitem(sys.modules, "probe_command", module)
    monkeypatch.setitem(cli.COMMANDS, "probe", ("probe_command", "a probe"))


def raising(error):
    def behaviour(argv):
        raise error

    return behaviour


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    for name in cli.COMMANDS:
        assert f"  {name} " in out


def test_no_command_is_wrong_use(capsys):
    assert cli.main([]) == 2
    assert "usage" in capsys.readouterr().out


def test_unknown_command_is_wrong_use(capsys):
    assert cli.main(["fly"]) == 2
    assert "no such command: fly" in capsys.readouterr().err


def test_version_is_the_package_version(capsys):
    from importlib.metadata import version

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == version("webcam-gaze")


def test_arguments_and_exit_code_are_passed_through(monkeypatch):
    seen = []
    install(monkeypatch, lambda argv: seen.append(list(argv)) or 7)
    assert cli.main(["probe", "--size", "3"]) == 7
    assert seen == [["--size", "3"]]


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("--size must be positive"), 2), (GazeError("no camera"), 1), (ModelError("truncated"), 1)],
)
def test_errors_become_one_line_and_an_exit_code(monkeypatch, capsys, error, code):
    install(monkeypatch, raising(error))
    assert cli.main(["probe"]) == code
    assert capsys.readouterr().err == f"gaze probe: {error}\n"


def test_interrupt(monkeypatch, capsys):
    install(monkeypatch, raising(KeyboardInterrupt()))
    assert cli.main(["probe"]) == 130


PRINTER = """
    import sys, types
    from gaze import cli
    module = types.ModuleType("probe_command")
    module.main = lambda argv: [print("line", k, flush=True) for k in range(100000)] and 0
    sys.modules["probe_command"] = module
    cli.COMMANDS["probe"] = ("probe_command", "a probe")
    sys.exit(cli.main(["probe"]))
"""


def test_a_reader_that_leaves_is_no_traceback():
    command = [sys.executable, "-c", textwrap.dedent(PRINTER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "line 0\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def run_shell(line, **options):
    """What a shell line with `gaze` in it ends with: exit code and standard error."""
    gaze = f'{shlex.quote(sys.executable)} -c "import sys; from gaze.cli import main; sys.exit(main())"'
    done = subprocess.run(
        ["bash", "-c", f'gaze() {{ {gaze} "$@"; }}; {line}'], capture_output=True, check=False, **options
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("line", ["gaze --help > /dev/full", "gaze --version >&-"])
def test_output_that_cannot_be_written_is_told_once(line):
    code, told = run_shell(line)
    assert code == 1
    assert "standard output, or a file: " in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("line", ["gaze --help | true", "gaze run --help | true"])
def test_a_reader_that_never_read_is_no_traceback(line):
    assert run_shell(line) == (0, "")


def test_closed_streams_are_not_taken_by_the_next_file(tmp_path):
    """What libraries print to descriptor 2 would land in the file that was opened as number 2."""
    code = (
        "import os, sys; from gaze.standard_streams import prepare; prepare(); "
        "file = os.open('out', os.O_WRONLY | os.O_CREAT); os.write(2, b'noise'); sys.stdin.read(); "
        "print('to stderr', file=sys.stderr); sys.exit(file <= 2)"
    )
    done = subprocess.run(
        ["bash", "-c", f'{shlex.quote(sys.executable)} -c "{code}" <&- 2>&-'],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(cli.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_name_can_be_printed(encoding):
    code = "from gaze.standard_streams import prepare; prepare(); print(chr(0xDCFF), chr(0x65E5))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"\\udcff ")


def test_messages_are_short_and_cannot_move_the_cursor(monkeypatch, capsys):
    install(monkeypatch, raising(GazeError(f"\x1b[2Ja\r\x9b {'A' * 100_000}; the mend, ü")))
    assert cli.main(["probe"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("gaze probe: \\x1b[2Ja\\r\\x9b AAA")
    assert told.endswith("AAA; the mend, ü\n")
    assert len(told) < 2100


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "/a/b"), "/a/b: No space left on device; check the disk"),
        (MemoryError("Unable to allocate 1 TiB"), "needs more memory than there is (Unable to allocate"),
    ],
)
def test_what_the_machine_lacks_is_no_traceback(monkeypatch, capsys, error, message):
    install(monkeypatch, raising(error))
    assert cli.main(["probe"]) == 1
    assert capsys.readouterr().err.startswith(f"gaze probe: {message}")


def test_missing_extra_names_the_install_command(monkeypatch, capsys):
    install(monkeypatch, raising(ModuleNotFoundError("No module named 'torch'", name="torch")))
    assert cli.main(["probe"]) == 1
    assert "pip install 'webcam-gaze[train]'" in capsys.readouterr().err


def test_missing_extra_at_import_is_explained_too(monkeypatch, capsys, tmp_path):
    (tmp_path / "needs_extra.py").write_text("import moderngl_that_is_not_here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(cli.COMMANDS, "probe", ("needs_extra", "a probe"))
    monkeypatch.setattr(cli, "_extra_of", lambda command, package: "synthesis")
    assert cli.main(["probe"]) == 1
    assert "webcam-gaze[synthesis]" in capsys.readouterr().err


def test_other_errors_are_not_hidden(monkeypatch):
    install(monkeypatch, raising(ZeroDivisionError("a defect")))
    with pytest.raises(ZeroDivisionError):
        cli.main(["probe"])


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_exists(name):
    assert find_spec(cli.COMMANDS[name][0]) is not None


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from gaze.cli import main; main(['--help']); "
        "heavy = {'numpy', 'cv2', 'mediapipe', 'torch', 'onnxruntime'} & set(sys.modules); "
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_of_prepare_needs_no_extra():
    code = "import sys; sys.modules['h5py'] = None; from gaze.cli import main; main(['prepare', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: gaze prepare" in done.stdout


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (
            "libGL.so.1: cannot open shared object file: No such file or directory",
            "libGL.so.1 is missing; Debian and Ubuntu: sudo apt-get install libgl1",
        ),
        (
            "libsomething.so.4: cannot open shared object file: No such file or directory",
            "libsomething.so.4 is missing; install the system's package that has it",
        ),
    ],
)
def test_a_library_of_the_system_that_opencv_lacks_is_one_line(tmp_path, says, told):
    """As `import cv2` ends on a server without a desktop."""
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2/__init__.py").write_text(f"raise ImportError({says!r})\n")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-m", "gaze.cli", "bench"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, f"gaze bench: the system's library {told}\n")


def test_other_faults_of_an_import_are_shown_in_full(monkeypatch):
    install(monkeypatch, raising(ImportError("cannot import name 'x' from 'y'")))
    with pytest.raises(ImportError, match="cannot import name"):
        cli.main(["probe"])


def test_a_working_folder_that_was_removed_is_named(monkeypatch, tmp_path, capsys):
    install(monkeypatch, raising(FileNotFoundError(2, "No such file or directory")))
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert cli.main(["probe"]) == 1
    assert capsys.readouterr().err == (
        "gaze probe: the folder that it was started in has been removed; change into another one\n"
    )
