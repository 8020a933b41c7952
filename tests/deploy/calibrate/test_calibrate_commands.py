"""`gaze calibrate` as a whole, and its board."""

import subprocess
import sys
from pathlib import Path

import pytest
from calibrate_options import DRY, PANEL

from deploy.calibrate.board import main as board_command
from deploy.calibrate.command import STAGES, main
from gaze.cli import main as gaze
from gaze.errors import UsageError

pytestmark = pytest.mark.usefixtures("no_display")


def test_stages_exist_and_have_help(capsys):
    assert main(["--help"]) == 0
    assert main([]) == 2
    assert "gaze calibrate person && gaze calibrate show" in capsys.readouterr().out
    for name in STAGES:
        with pytest.raises(SystemExit) as caught:
            main([name, "--help"])
        assert caught.value.code == 0
        assert f"gaze calibrate {name}" in capsys.readouterr().out
    assert main(["eyes"]) == 2
    assert "gaze calibrate: no such stage: eyes\n" in capsys.readouterr().err


def test_board_is_written():
    assert board_command(["--pdf", "b.pdf"]) == 0
    assert Path("b.pdf").read_bytes().startswith(b"%PDF-")
    with pytest.raises(UsageError, match=r"--pdf FILE .* or --show"):
        board_command([])


@pytest.mark.parametrize(
    "arguments",
    [
        ["camera", "--hfov", "70", "--out"],
        ["screen", *PANEL, "--preset", "above", "--out"],
        ["board", "--pdf"],
        ["person", "--simulate", "3", *DRY, "--points", "4", "--out"],
        ["person", "--simulate", "3", *DRY, "--points", "4", "--picture"],
        ["simulate", "--people", "1", "--json"],
        ["rendered", "--errors"],
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(arguments):
    Path("taken").mkdir()
    with pytest.raises(UsageError, match="taken: is a folder"):
        main([*arguments, "taken"])
    assert [path.name for path in Path().iterdir()] == ["taken"]


def test_outputs_go_to_a_folder_that_is_made():
    assert main(["person", "--simulate", "3", *DRY, "--points", "4", "--out", "new/mine.json"]) == 0
    assert {path.name for path in Path("new").iterdir()} == {"mine.json", "mine.session.json"}


def test_a_disk_that_runs_full_is_one_line_and_what_was_taken_is_kept(monkeypatch, capsys):
    def full(self, path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("calibration.profile.Profile.save", full)
    assert gaze(["calibrate", "person", "--simulate", "3", *DRY, "--points", "4"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("gaze calibrate: profile.json: No space left on device; check the disk")
    assert Path("profile.session.json").exists()


def test_whole_command_line_exit_codes(tmp_path):
    def gaze(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "gaze.cli", "calibrate", *arguments],
            capture_output=True, text=True, cwd=tmp_path, check=False, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    code, text = gaze("person", "--simulate", "3", *DRY, "--points", "4", "--validation", "0")
    assert code == 0, text
    code, text = gaze("check", "--profile", "absent.json", "--simulate", "1", "--no-window")
    assert code == 1
    assert "gaze calibrate: absent.json: cannot be read" in text
    code, text = gaze("person", "--no-window")
    assert code == 2
    code, text = gaze("nonsense")
    assert code == 2
    assert "no such stage" in text


@pytest.mark.parametrize(
    "option", ["--board=charuco", "--columns=9", "--rows=6", "--square-mm=28", "--paper=a3"]
)
def test_a_board_on_the_screen_takes_no_measures_of_paper(option):
    with pytest.raises(UsageError, match=f"{option.partition('=')[0]} does not go with --show"):
        board_command(["--show", option])
