"""Where the renderer's assets lie."""

from __future__ import annotations

import os
from pathlib import Path


def default_assets_dir() -> Path:
    """GAZE_ASSETS, else the assets beside a development checkout, else the user's data folder."""
    if named := os.environ.get("GAZE_ASSETS"):
        return Path(named)
    beside = Path(__file__).resolve().parents[3] / "shared" / "assets"
    if beside.is_dir():
        return beside
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "gaze" / "assets"
