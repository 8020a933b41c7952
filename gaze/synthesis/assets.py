"""Where the renderer's assets lie, and how they are read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.array_files import DAMAGED_ARRAYS
from gaze.errors import DataError
from gaze.user_folders import data_dir

FETCH = "run `gaze synthesize fetch-assets`"


def default_assets_dir() -> Path:
    """GAZE_ASSETS, else the assets beside a development checkout, else the user's data folder."""
    if named := os.environ.get("GAZE_ASSETS"):
        return Path(named)
    beside = Path(__file__).resolve().parents[3] / "shared" / "assets"
    if beside.is_dir():
        return beside
    return data_dir() / "assets"


def read_packed(path: Path) -> dict[str, NDArray]:
    """All arrays of a packed asset.

    Raises:
        DataError: the file is missing, truncated or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; {FETCH}, or name the folder of the assets with --assets")
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except DAMAGED_ARRAYS as error:
        raise DataError(f"{path}: is damaged or no packed asset ({error}); {FETCH} to mend it") from error
