"""The user's name, and their own folders for what is fetched and what is compiled."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

# As the distribution is called: `gaze` alone is a name that others have too.
NAME = "webcam-gaze"


def cache_dir() -> Path:
    """What can be made again: ``webcam-gaze`` in the XDG cache folder, ~/.cache unless set otherwise."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def data_dir() -> Path:
    """What is kept: ``webcam-gaze`` in the XDG data folder, ~/.local/share unless set otherwise."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def settle_home() -> None:
    """Give a user without a home folder, as in many containers, one that is not there.

    Libraries ask for the home folder when they are imported; none of them needs it, and none expects that it
    is not known.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/nonexistent"  # as Debian calls it


def user_name() -> str:
    """How the system calls the user, "unnamed" where it does not know them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unnamed"


def _xdg(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable, "")
    # The XDG specification: a relative path is invalid and to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / fallback) / NAME
