"""What a wheel carries beside the code: every data file of a package fits a pattern of pyproject.toml."""

import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from gaze.model_spec import WEIGHTS_DIR

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
# Recipes are used from a checkout.
RECIPES = ("deploy/jetson", "deploy/nuc", "deploy/raspberrypi", "deploy/recipes")
LEFT_OUT = {".py", ".pyc"}


def patterns():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return content["tool"]["setuptools"]["package-data"]["*"]


def data_files():
    for package in ("gaze", "calibration", "deploy", "export"):
        for path in sorted((ROOT / package).rglob("*")):
            place = path.relative_to(ROOT).as_posix()
            if path.is_file() and path.suffix not in LEFT_OUT and not place.startswith(RECIPES):
                yield place


def test_every_data_file_is_packed():
    files = list(data_files())
    folders = {place.rpartition("/")[0] for place in files}
    assert {"gaze/weights", "gaze/synthesis", "gaze/synthesis/shaders", "deploy/assets"} <= folders
    known = patterns()
    missed = [place for place in files if not any(fnmatch(Path(place).name, form) for form in known)]
    assert missed == []


@pytest.mark.parametrize("model", sorted(WEIGHTS_DIR.glob("*.onnx")), ids=lambda path: path.stem)
def test_a_shipped_network_is_whole(model):
    """Beside the model lie its sidecar and the checkpoint that `gaze train --start shipped` takes."""
    assert model.with_suffix(".json").is_file() and model.with_suffix(".pt").is_file()
