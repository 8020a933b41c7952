"""The recipes: scripts, units and Dockerfiles by their own checkers where those are installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.run_config import parse_run

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
