"""The window of the live demo, its keys, and whether there is a display to show it on."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import GazeError

LARGEST_SHOWN_PX = 1600


class DisplayError(GazeError):
    """A window was asked for and there is nothing to show it on."""


def display_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why no window can be opened here, or None when one can.

    OpenCV's window library ends the whole process when it cannot reach the display, so this asks first.
    """
    if not sys.platform.startswith("linux"):
        return None
    name = environment.get("DISPLAY", "")
    if not name:
        return "no display: DISPLAY is not set"
    if _x_server_answers(name):
        return None
    return f"no display: nothing answers at DISPLAY={name}"


def _x_server_answers(name: str) -> bool:
    match = re.fullmatch(r"(?:(?P<host>[^:]*)|unix):(?P<number>\d+)(?:\.\d+)?", name)
    if match is None:
        return False
    host, number = match["host"], int(match["number"])
    try:
        if host in (None, "", "unix"):
            path = f"/tmp/.X11-unix/X{number}"
            for address in (path, f"\0{path}"):
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                    probe.settimeout(1.0)
                    if probe.connect_ex(address) == 0:
                        return True
            return False
        with socket.create_connection((host, 6000 + number), timeout=2.0):
            return True
    except OSError:
        return False


def keep_events() -> None:
    """Let no event of a window get lost; to be called before the first window of the process.

    OpenCV's wheels bring Qt and, with it, an old libX11-xcb. Where Qt tells libX11 that it alone reads the
    events, that old library writes it to a wrong place of the system's newer libX11. Then both read, and what
    libX11 gets is dropped: on a busy machine now and then the event without which a window stays black.
    Loaded for all before Qt starts, the system's own libX11-xcb is taken instead.
    """
    if sys.platform.startswith("linux"):
        # The system's OpenGL, without which OpenCV is not imported, needs it: it is hardly ever missing.
        with suppress(OSError):
            ctypes.CDLL("libX11-xcb.so.1", mode=ctypes.RTLD_GLOBAL)


def key_name(code: int) -> str | None:
    """The name of a key that types something, by its code of cv2.waitKeyEx; None for arrows and the like.

    Codes of letters stand in the lower 16 bits, those of Num Lock and Shift above; keys without a letter have
    larger numbers there (GTK, Qt, macOS) or none (Windows).
    """
    code &= 0xFFFF
    if not 0 < code < 256:
        return None
    return {27: "escape", 32: "space", 13: "enter", 10: "enter"}.get(code, chr(code).lower())


class Window:
    """A resizable window. Keys come back from ``poll``; closing it counts as ``q``.

    Raises:
        DisplayError: there is no display.
    """

    def __init__(self, title: str = "gaze") -> None:
        if (problem := display_problem()) is not None:
            raise DisplayError(f"{problem}; use --no-window with --save or --jsonl")
        keep_events()
        self._title = title
        self._open = False

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture (H, W, 3) BGR."""
        if not self._open:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            scale = min(1.0, LARGEST_SHOWN_PX / max(picture.shape[:2]))
            width, height = (max(160, round(side * scale)) for side in picture.shape[1::-1])
            cv2.resizeWindow(self._title, width, height)
            self._open = True
        cv2.imshow(self._title, picture)

    def poll(self, wait_ms: int = 1) -> str | None:
        """The key pressed in the last ``wait_ms``: a letter, "space", "q" for Escape and a closed window."""
        code = cv2.waitKeyEx(max(1, wait_ms)) if self._open else -1
        if self._open and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self._open = False
            return "q"
        if code < 0:
            return None
        return {"escape": "q"}.get(name := key_name(code), name)

    def close(self) -> None:
        """Close the window."""
        if self._open:
            self._open = False
            cv2.destroyWindow(self._title)
            cv2.waitKey(1)


def snapshot_path(folder: Path, stem: str, suffix: str) -> Path:
    """A name in the folder that is not taken yet."""
    number = 0
    while True:
        path = folder / (f"{stem}{suffix}" if number == 0 else f"{stem}-{number}{suffix}")
        if not path.exists():
            return path
        number += 1
