"""Which cameras this machine has, and who is using them."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys/class/video4linux")
PROC = Path("/proc")
# Of devices below /dev (the kernel's Documentation/admin-guide/devices.txt).
VIDEO_MAJOR = 81


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A capture device: the index OpenCV knows it by, its path, and the name its driver gives."""

    index: int
    path: str
    name: str

    def __str__(self) -> str:
        return f"{self.index} ({self.path}, {self.name})"


def find_cameras(sysfs: Path = SYSFS) -> list[FoundCamera]:
    """The cameras of a Linux machine, from the kernel's list; other systems keep none that can be read.

    A webcam shows itself as several nodes, of which ``index`` 0 delivers pictures.
    """
    found = []
    for node in sysfs.glob("video*") if sysfs.is_dir() else ():
        number = node.name.removeprefix("video")
        if not number.isdigit() or _text(node / "index", "0") != "0":
            continue
        found.append(FoundCamera(int(number), f"/dev/{node.name}", _text(node / "name", "unnamed")))
    return sorted(found, key=lambda camera: camera.index)


def users_of(device: str | os.PathLike[str], proc: Path = PROC) -> list[str]:
    """The processes that hold a device open, as "name (pid)", as far as this user may see them."""
    real = os.path.realpath(device)
    users = []
    for process in proc.iterdir() if proc.is_dir() else ():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            held = any(os.path.realpath(link) == real for link in (process / "fd").iterdir())
        except OSError:  # another user's process, or one that has just ended
            continue
        if held:
            users.append(f"{_text(process / 'comm', 'process')} ({process.name})")
    return users


def why_no_camera(device: int | str) -> str:
    """What to tell a person whose camera cannot be opened: the reason if visible, and what there is."""
    path = f"/dev/video{device}" if isinstance(device, int) else str(device)
    parts = []
    if sys.platform.startswith("linux"):
        if not Path(path).exists():
            parts.append(f"{path} does not exist")
        elif not _may_be_camera(path):
            parts.append(f"{path} is no camera")
        elif users := users_of(path):
            parts.append(f"it is in use by {', '.join(users)}: end that program first")
        elif not os.access(path, os.R_OK | os.W_OK):
            parts.append("no permission: add your user to the group video and log in again")
        cameras = find_cameras()
        listed = ", ".join(map(str, cameras)) if cameras else "none"
        parts.append(f"cameras found: {listed}")
    else:
        parts.append(
            "close other programs that use the camera and allow camera access in the system's settings"
        )
    parts.append("choose one with --source, or run `gaze doctor`")
    return "; ".join(parts)


def _may_be_camera(path: str) -> bool:
    """Whether it is no device of another kind than Linux has for video."""
    status = Path(path).stat()
    return not stat.S_ISCHR(status.st_mode) or os.major(status.st_rdev) == VIDEO_MAJOR


def _text(path: Path, otherwise: str) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or otherwise
    except OSError:
        return otherwise
