"""Which Python `make` takes when nobody names one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
MAKE = shutil.which("make")

pytestmark = pytest.mark.skipif(MAKE is None, reason="there is no make on this machine")


def add_python(folder: Path, name: str, version: tuple[int, int]) -> None:
    """Write an executable `name` that runs `-c CODE` and says that it is Python `version`."""
    lie = f"import sys; sys.version_info = {(*version, 0)}; exec(sys.argv[1])"
    script = folder / name
    script.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{lie}' \"$2\"\n")
    script.chmod(0o755)


def make_environment(tmp_path: Path, pythons: dict[str, tuple[int, int]], *options: str):
    """The finished process of `make`, asked for the environment, where only `pythons` are installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, version in pythons.items():
        add_python(folder, name, version)
    kept = {
        key: value for key, value in os.environ.items() if key not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")
    }
    return subprocess.run(
        [MAKE, "--no-print-directory", *options, "VENV=venv", "-f", REPOSITORY / "Makefile", "venv/.made"],
        env={**kept, "PATH": str(folder)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("pythons", "chosen"),
    [
        ({"python3.10": (3, 10), "python3": (3, 13)}, "python3.10"),
        ({"python3.12": (3, 12), "python3.13": (3, 13)}, "python3.12"),
        ({"python3": (3, 9), "python3.13": (3, 13)}, "python3.13"),
        ({"python3": (3, 13)}, "python3"),
        ({"python": (3, 11)}, "python"),
    ],
)
def test_the_python_that_is_taken(tmp_path, pythons, chosen):
    said = make_environment(tmp_path, pythons, "--dry-run").stdout
    assert f"{tmp_path}/bin/{chosen} -m venv venv" in said.splitlines()


def test_without_a_supported_python_make_says_so(tmp_path):
    ended = make_environment(tmp_path, {"python3": (3, 9), "python": (2, 7)})
    assert ended.returncode != 0
    assert "no Python 3.10, 3.11, 3.12 or 3.13 found" in ended.stdout
    assert not (tmp_path / "venv").exists()
