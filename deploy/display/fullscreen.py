"""A window that fills one display, with its keys and clicks."""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.displays import Display
from deploy.display.window import DisplayError, display_problem, keep_events, key_name

# Codes of waitKeyEx: GTK and Qt, Windows, macOS.
ARROWS = {
    65361: "left", 65362: "up", 65363: "right", 65364: "down",
    2424832: "left", 2490368: "up", 2555904: "right", 2621440: "down",
    63234: "left", 63232: "up", 63235: "right", 63233: "down",
}  # fmt: skip
# Window managers take a while to obey.
PATIENCE_S = 3.0


class FullScreen:
    """Shows pictures over the whole of a display, inside one ``with``.

    ``poll`` returns keys by name, "click" for a mouse button, and "closed" once the window is gone.

    Raises:
        DisplayError: there is no display, or the window cannot be made to fill it.
    """

    def __init__(self, display: Display, title: str = "gaze calibrate") -> None:
        if (problem := display_problem()) is not None:
            raise DisplayError(
                f"{problem}; show the targets with another program and give --schedule, or use a desktop"
            )
        keep_events()
        self._display = display
        self._title = title
        self._clicked = False
        self._open = False

    def __enter__(self) -> FullScreen:
        display = self._display
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        self._open = True
        cv2.moveWindow(self._title, display.x_px, display.y_px)
        cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        cv2.setMouseCallback(self._title, self._mouse)
        self._wait_until_full()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._open:
            self._open = False
            cv2.destroyWindow(self._title)
            cv2.waitKey(1)

    def show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture (H, W, 3) BGR of the display's resolution."""
        if self._open:
            cv2.imshow(self._title, picture)

    def poll(self, wait_ms: int = 1) -> str | None:
        """What was pressed in the last ``wait_ms``."""
        if not self._open:
            return "closed"
        code = cv2.waitKeyEx(max(1, wait_ms))
        if cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self._open = False
            return "closed"
        if self._clicked:
            self._clicked = False
            return "click"
        if code < 0:
            return None
        if code in ARROWS:
            return ARROWS[code]
        return key_name(code)

    def _mouse(self, event: int, x: int, y: int, flags: int, user: object) -> None:
        if event == cv2.EVENT_LBUTTONDOWN:
            self._clicked = True

    def _wait_until_full(self) -> None:
        """Targets would stand in the wrong places if the picture did not fill the display."""
        display = self._display
        blank = np.full((display.height_px, display.width_px, 3), 90, np.uint8)
        start = time.monotonic()
        while True:
            cv2.imshow(self._title, blank)
            cv2.waitKey(30)
            width, height = cv2.getWindowImageRect(self._title)[2:]
            apart = (abs(width - display.width_px), abs(height - display.height_px))
            if max(apart) <= 2:
                return
            # Displays that are scaled by the desktop report sizes in scaled units: the shape must do.
            scale = display.width_px / max(width, 1)
            if 1.05 < scale < 4.0 and abs(height * scale - display.height_px) <= 0.01 * display.height_px:
                return
            passed = time.monotonic() - start
            if passed > PATIENCE_S / 3:
                # Without a window manager nobody makes it full; then its size is all that matters.
                cv2.resizeWindow(self._title, display.width_px, display.height_px)
                cv2.moveWindow(self._title, display.x_px, display.y_px)
            if passed > PATIENCE_S:
                raise DisplayError(
                    f"the window fills {width}x{height} of {display.width_px}x{display.height_px} px; take "
                    "panels away, or give the right display with --display and --resolution"
                )
