"""The recipes: scripts, units and Dockerfiles by their own checkers where those are installed."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.bench.models_measure import Row
from deploy.bench.models_report import as_markdown
from deploy.run_config import parse_run
from export.to_tensorrt import trtexec_line
from gaze.cli import OWN_EXTRA
from gaze.model_spec import load_model_spec, resolve_model, shipped_models

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DEVICES = ("nuc", "jetson", "raspberrypi")
SCRIPTS = sorted(DEPLOY.glob("*/*.sh"))


def passes(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def found(program: str) -> str | None:
    """Where a program lies: on the path, or beside this Python."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(found(program) is None, reason=f"needs {program}")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
@needs("bash")
def test_scripts_are_whole(script):
    passes("bash", "-n", script)


@needs("shellcheck")
def test_shellcheck():
    passes("shellcheck", "-x", *SCRIPTS)


@needs("hadolint")
@pytest.mark.parametrize("device", DEVICES)
def test_hadolint(device):
    passes(found("hadolint"), DEPLOY / device / "Dockerfile")


@pytest.mark.parametrize("device", DEVICES)
def test_the_pages_name_the_folders_of_the_service(device):
    unit = (DEPLOY / "recipes" / "webcam-gaze.service").read_text()
    shared = (DEPLOY / "recipes" / "install_common.sh").read_text()
    for line in ("StateDirectory", "CacheDirectory", "RuntimeDirectory"):
        assert f"\n{line}=webcam-gaze\n" in unit
    assert " GAZE_CACHE_DIR=/var/cache/webcam-gaze " in unit
    assert "NAME=webcam-gaze\n" in shared and "PREFIX=/opt/$NAME\n" in shared
    assert "CONFIG=/etc/$NAME/gaze.toml\n" in shared and "UNIT=/etc/systemd/system/$NAME.service\n" in shared
    known = {
        *("/opt/webcam-gaze", "/opt/webcam-gaze/current", "/opt/webcam-gaze/releases"),
        *("/etc/webcam-gaze", "/etc/webcam-gaze/gaze.toml"),
        *("/etc/webcam-gaze/camera.json", "/etc/webcam-gaze/profile.json"),
        *("/etc/systemd/system/webcam-gaze.service", "/run/webcam-gaze/status.json"),
        *("/var/lib/webcam-gaze", "/var/cache/webcam-gaze"),
    }
    # What lies below these is made by the environment of Python and by the runtimes.
    below = {
        *("/opt/webcam-gaze/current/bin/gaze", "/opt/webcam-gaze/current/bin/python"),
        "/opt/webcam-gaze/current/lib/python3",
        "/var/cache/webcam-gaze/openvino",
        "/var/cache/webcam-gaze/tensorrt/",
        "/var/lib/webcam-gaze/gaze_mobilenetv2_tensorrt_fp16.engine",
    }
    text = (DEPLOY / device / "README.md").read_text()
    named = set(re.findall(r"/(?:etc|opt|var|run)/[\w./-]*webcam-gaze[\w./-]*", text))
    assert named and named <= known | below


@pytest.mark.parametrize("device", DEVICES)
def test_an_image_installs_what_its_command_needs(device):
    """No extra is asked for: `tests/gaze/test_extras.py` holds that `gaze run` needs none."""
    text = (DEPLOY / device / "Dockerfile").read_text()
    installed = re.findall(r"pip install --no-cache-dir (\S+)", text)
    assert installed[0] == "." and set(installed[1:]) <= {'"${ONNXRUNTIME_GPU}";'}
    assert "run" not in OWN_EXTRA
    assert 'ENTRYPOINT ["gaze", "run",' in text


@needs("bash")
@pytest.mark.parametrize("device", ["nuc", "raspberrypi"])
def test_the_steps_that_are_run_without_docker_are_those_of_the_dockerfile(device):
    script = DEPLOY / "recipes" / "test_dockerfile_steps.sh"
    done = subprocess.run([script, "--list", device], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    steps = [line.split("\t") for line in done.stdout.splitlines()]
    text = (DEPLOY / device / "Dockerfile").read_text()
    # The words of these are steps of their own, as a program's arguments are.
    once = [name for name, _ in steps if name not in ("ENTRYPOINT", "CMD", "ENV")]
    names = [line.split()[0] for line in text.splitlines() if line[:1].isupper()]
    assert once == [name for name in names if name not in ("ENTRYPOINT", "CMD", "ENV")]
    assert [value for name, value in steps if name == "USER"] == ["10001"]
    entry = [value for name, value in steps if name == "ENTRYPOINT"]
    config = parse_run([*entry[2:], "--source", "clip.mp4", "--frames", "5"])
    assert entry[:2] == ["gaze", "run"] and config.window is False and config.jsonl == "-"
    (packages,) = [value for name, value in steps if name == "RUN" and "apt-get" in value]
    assert "install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf" in packages


@needs("bash")
def test_a_step_that_is_not_understood_is_no_success(tmp_path):
    script = tmp_path / "deploy" / "recipes" / "test_dockerfile_steps.sh"
    for folder in ("recipes", "nuc"):
        (tmp_path / "deploy" / folder).mkdir(parents=True)
    shutil.copy(DEPLOY / "recipes" / script.name, script)
    for line in ("ADD a b", "COPY --from=other a b", "ENV PATH=/here:${PATH}", "WORKDIR here"):
        (tmp_path / "deploy" / "nuc" / "Dockerfile").write_text(f"FROM python:3.11-slim-bookworm\n{line}\n")
        done = subprocess.run([script, "--list", "nuc"], capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "not understood" in done.stderr


@needs("systemd-analyze")
@pytest.mark.parametrize("device", DEVICES)
def test_the_unit_with_what_the_device_adds(device, tmp_path):
    unit = tmp_path / "webcam-gaze.service"
    text = (DEPLOY / "recipes" / unit.name).read_text()
    # The program is not installed here; its arguments are tested below.
    unit.write_text(text.replace("/opt/webcam-gaze/current/bin/gaze", shutil.which("true")))
    (tmp_path / f"{unit.name}.d").mkdir()
    shutil.copy(DEPLOY / device / "device.conf", tmp_path / f"{unit.name}.d" / "10-device.conf")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # Only what is said of our unit counts; the machine's own units may have faults.
    assert not [line for line in done.stderr.splitlines() if "webcam-gaze" in line]


@pytest.mark.parametrize("device", DEVICES)
def test_the_units_command_reads_the_devices_settings(device):
    lines = (DEPLOY / "recipes" / "webcam-gaze.service").read_text().splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    arguments = start.split()[2:]
    arguments[arguments.index("--config") + 1] = str(DEPLOY / device / "gaze.toml")
    config = parse_run(arguments)
    assert config.wait and config.window is False and config.jsonl == "-"
    assert config.watchdog == "on" and config.status_file == "/run/webcam-gaze/status.json"


@pytest.mark.parametrize("device", DEVICES)
def test_a_dockerfile_copies_only_what_is_there(device):
    root = DEPLOY.parent
    copied = [
        line.split()[1:-1]
        for line in (DEPLOY / device / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ")
    ]
    assert copied and all((root / name).exists() for names in copied for name in names)


def shared_step(tmp_path, code, **programs):
    """Run code after the scripts' shared part, with programs (their shell text) in place of the system's."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, text in programs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    whole = f'source "{DEPLOY}/recipes/install_common.sh"; CONFIG="{tmp_path}/etc/gaze.toml"; {code}'
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["bash", "-c", whole], capture_output=True, text=True, env=environment, check=False)


@needs("bash")
@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        ("libgl1 libglib2.0-0", ""),
        ("libgl1 libglib2.0-0t64", ""),
        ("libgl1", "libglib2.0-0"),
        ("libglib2.0-0t64", "libgl1"),
    ],
    ids=["Debian 12", "Ubuntu 24.04", "one is missing", "another is missing"],
)
def test_installed_packages_are_found_by_their_new_names_too(tmp_path, installed, missing):
    dpkg_query = f"""
for last in "$@"; do :; done
for name in {installed}; do
    if [ "$name" = "$last" ]; then printf 'install ok installed'; exit 0; fi
done
# Of a name that an installed package provides; exits with 0 as well.
printf 'unknown ok not-installed'
"""
    apt_get = f'echo "$@" >>"{tmp_path}/apt"'
    packages = "PACKAGES=(libgl1 libglib2.0-0); "
    done = shared_step(tmp_path, packages + "install_system_packages", dpkg_query=dpkg_query, apt_get=apt_get)
    assert done.returncode == 0, done.stderr
    apt_calls = tmp_path / "apt"
    assert apt_calls.exists() == bool(missing)
    if missing:
        assert apt_calls.read_text().splitlines()[-1].endswith(f"--no-install-recommends {missing}")


@needs("bash")
def test_no_packages_says_what_is_missing(tmp_path):
    code = "PACKAGES=(libgl1 libglib2.0-0); SYSTEM_PACKAGES=no; install_system_packages"
    done = shared_step(tmp_path, code, dpkg_query="exit 1", apt_get="exit 9")
    assert done.returncode == 1
    assert "packages are missing: libgl1 libglib2.0-0; leave --no-packages out" in done.stderr


@needs("bash")
@pytest.mark.parametrize(
    ("has_models", "file", "call"),
    [
        (True, "", None),
        (False, "", "download-models --output {}/share/webcam-gaze/face_landmarker.task"),
        (
            False,
            "/a b.task",
            "download-models --output {}/share/webcam-gaze/face_landmarker.task --file /a b.task",
        ),
    ],
)
def test_a_release_whose_mediapipe_has_no_models_gets_the_file(tmp_path, has_models, file, call):
    release = tmp_path / "release"
    (release / "bin").mkdir(parents=True)
    for name, text in (("python", f"exit {int(not has_models)}"), ("gaze", f'echo "$@" >"{tmp_path}/call"')):
        (release / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (release / "bin" / name).chmod(0o755)
    done = shared_step(tmp_path, f'LANDMARK_MODEL="{file}"; install_landmark_model "{release}"')
    assert done.returncode == 0, done.stderr
    called = tmp_path / "call"
    assert called.exists() == (call is not None)
    if call is not None:
        assert called.read_text().strip() == call.format(release)


@needs("bash")
@pytest.mark.parametrize(
    ("version", "good"), [("3.9", False), ("3.10", True), ("3.13", True), ("3.14", False)]
)
def test_which_pythons_are_taken(tmp_path, version, good):
    """A python3 of each version, and no other: it answers the script's own question as that version would."""
    major_minor = ", ".join(version.split("."))
    fake = f'exec {sys.executable} -c "import sys; sys.version_info = ({major_minor}); $2"'
    others = {name: "exit 1" for name in ("python3.12", "python3.11", "python3.10", "python3.13")}
    done = shared_step(tmp_path, "python_for_wheels", python3=fake, **others)
    assert (done.returncode == 0) == good
    assert done.stdout.strip().endswith("python3") if good else "no Python 3.10 to 3.13" in done.stderr


@needs("bash")
def test_the_service_can_read_a_release_whatever_the_mask_of_root_is(tmp_path):
    before = os.umask(0o077)
    try:
        done = shared_step(tmp_path, f'mkdir "{tmp_path}/release"; echo >"{tmp_path}/release/file"')
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "release", tmp_path / "release" / "file")]
    assert modes == [0o755, 0o644]


@needs("bash")
def test_new_settings_can_be_read_by_root_and_the_service_alone(tmp_path):
    done = shared_step(tmp_path, "RECIPE=/recipe; install_configuration", install='echo "$@"')
    assert done.returncode == 0, done.stderr
    assert f"-m 0640 -o root -g gaze /recipe/gaze.toml {tmp_path}/etc/gaze.toml" in done.stdout
    # The group is there by then.
    main = (DEPLOY / "recipes" / "install_common.sh").read_text().split("main() {")[1]
    assert main.index("make_user") < main.index("install_configuration")


@needs("bash")
@pytest.mark.parametrize(
    ("source", "mode", "warned"),
    [
        ("rtsp://user:password@192.0.2.10/stream", 0o644, True),
        ("rtsp://user:password@192.0.2.10/stream", 0o640, False),
        ("rtsp://:password@192.0.2.10/stream", 0o644, True),
        ("rtsp://192.0.2.10:554/a@b", 0o644, False),
        ("/dev/video0", 0o644, False),
    ],
)
def test_settings_of_the_user_are_kept_and_a_readable_password_is_told(tmp_path, source, mode, warned):
    config = tmp_path / "etc" / "gaze.toml"
    config.parent.mkdir()
    text = f'[run]\nsource = "{source}"\n'
    config.write_text(text)
    config.chmod(mode)
    done = shared_step(tmp_path, "RECIPE=/recipe; install_configuration", install="exit 9")
    assert done.returncode == 0, done.stderr
    assert "is kept as it is" in done.stdout
    assert (config.read_text(), config.stat().st_mode & 0o777) == (text, mode)
    assert ("every user can read the password" in done.stderr) == warned
    assert "password@" not in done.stdout + done.stderr


@pytest.mark.parametrize("device", DEVICES)
def test_a_row_that_the_benchmark_prints_fits_the_pages_table(device):
    values = dict.fromkeys(item.name for item in dataclasses.fields(Row))
    values |= {"file": "a.onnx", "run": "onnxruntime:CPU:fp32", "precision": "fp32", "batch": 1}
    values |= {"median_ms": 2.0, "p99_ms": 3.0, "faces_per_s": 500.0, "size_mb": 1.0}
    *head, row = as_markdown([Row(**values)], "a box").splitlines()
    shown, *rows = result_table(device)
    assert [shown, rows[0]] == head
    assert len(rows) > 1 and {line.count("|") for line in rows} == {row.count("|")}


@pytest.mark.parametrize("device", DEVICES)
def test_the_page_has_a_command_for_every_row(device):
    text = (DEPLOY / device / "README.md").read_text().replace("\\\n", " ")
    commands = re.findall(r"gaze bench --models dist .*", text)
    # CPU is the default.
    measured = {"CPU"} | {
        name for words in commands for name in re.findall(r"CPU|GPU|NPU|CUDA|TENSORRT", words)
    }
    rows = result_table(device)[2:]
    assert commands and set(re.findall("CPU|GPU|NPU|CUDA|TENSORRT", " ".join(rows).upper())) <= measured


def result_table(device):
    """The lines of the page's table of measured models."""
    lines = (DEPLOY / device / "README.md").read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("| machine |"))
    return list(itertools.takewhile(lambda line: line.startswith("|"), lines[begin:]))


def test_the_jetsons_trtexec_lines_are_those_of_the_code():
    text = (DEPLOY / "jetson" / "README.md").read_text().replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line.startswith("trtexec ")]
    named = {}
    for words in lines:
        onnx, engine = (Path(word.partition("=")[2]) for word in words[1:3])
        spec = load_model_spec(resolve_model(onnx.stem))
        assert words == trtexec_line(onnx, spec, "fp16", engine).split()
        named[onnx.stem] = spec.input_size
    assert named == {"gaze_mobilenetv2": 160, "gaze_mobilenetv2_112": 112}
    assert set(named) == set(shipped_models())
