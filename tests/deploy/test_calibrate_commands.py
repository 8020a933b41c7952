"""`gaze calibrate` as a whole, and its board."""

import subprocess
import sys
from pathlib import Path

import pytest
from calibrate_options import DRY

from deploy.calibrate_board import main as board_command
from deploy.calibrate_command import STAGES, main, usage
from gaze.errors import UsageError

pytestmark = pytest.mark.usefixtures("no_display")


def test_stages_exist_and_have_help(capsys):
    assert main(["--help"]) == 0
    assert main([]) == 2
    for name in STAGES:
        assert name in usage()
        with pytest.raises(SystemExit) as caught:
            main([name, "--help"])
        assert caught.value.code == 0
        assert f"gaze calibrate {name}" in capsys.readouterr().out
    with pytest.raises(UsageError, match="no such stage: 'eyes'"):
        main(["eyes"])


def test_board_is_written():
    assert board_command(["--pdf", "b.pdf"]) == 0
    assert Path("b.pdf").read_bytes().startswith(b"%PDF-")
    with pytest.raises(UsageError, match=r"--pdf FILE .* or --show"):
        board_command([])


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
