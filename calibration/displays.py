"""The displays of this machine: resolution, place on the desktop, and size in mm from EDID.

EDID is what a display says of itself; its size is right for most and missing or wrong for some (projectors,
televisions, virtual screens), so it is checked before it is believed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.screen import Screen
from gaze.errors import CalibrationError, UsageError

DRM = Path("/sys/class/drm")
# Phones have 500 dots per inch, televisions 30.
DPI_RANGE = (25.0, 600.0)
SHAPE_TOLERANCE = 0.04
# Sizes are stated in whole mm or cm, and measured with a ruler or a bank card.
SIZE_TOLERANCE = 0.05
# The sizes that some displays state instead of their own: the shape in cm.
SHAPES_AS_MM = {(160, 90), (160, 100), (16, 9), (16, 10), (40, 30)}


@dataclass(frozen=True, slots=True)
class Display:
    """``name``; resolution; place of its corner on the desktop; size in mm, 0 where it is not known."""

    name: str
    width_px: int
    height_px: int
    x_px: int = 0
    y_px: int = 0
    width_mm: float = 0.0
    height_mm: float = 0.0

    def differs_from(self, screen: Screen) -> bool:
        """Whether this cannot be the display that a screen was described for: by its resolution, or by its
        size where it tells one."""
        if (self.width_px, self.height_px) != (screen.width_px, screen.height_px):
            return True
        if self.size_problem():
            return False
        # A display that was not believed then says the same now.
        known_mm = screen.stated_width_mm or screen.width_mm
        return abs(self.width_mm / known_mm - 1.0) > SIZE_TOLERANCE

    def text(self) -> str:
        """Name, resolution and, where it is told, size."""
        size = "" if self.size_problem() else f" on {self.width_mm:.0f}x{self.height_mm:.0f} mm"
        return f"{self.name} {self.width_px}x{self.height_px} px{size}"

    def size_problem(self) -> str:
        """Why the size in mm cannot be right, or an empty string."""
        return size_problem((self.width_px, self.height_px), (self.width_mm, self.height_mm))


def size_problem(size_px: tuple[int, int], size_mm: tuple[float, float]) -> str:
    """Why a size in mm cannot be that of a screen of this resolution, or an empty string."""
    if size_px[0] <= 0 or size_px[1] <= 0:
        return f"its resolution is {size_px[0]}x{size_px[1]} px"
    if size_mm[0] <= 0 or size_mm[1] <= 0:
        return "it does not say how large it is"
    if (round(size_mm[0]), round(size_mm[1])) in SHAPES_AS_MM:
        return f"it states its shape ({size_mm[0]:.0f}x{size_mm[1]:.0f}) instead of its size"
    shape = (size_px[0] / size_px[1]) / (size_mm[0] / size_mm[1])
    if abs(shape - 1.0) > SHAPE_TOLERANCE:
        of_px, of_mm = f"{size_px[0]}x{size_px[1]} px", f"{size_mm[0]:.0f}x{size_mm[1]:.0f} mm"
        return f"pixels would not be square: {of_px} on {of_mm}"
    dpi = size_px[0] / size_mm[0] * 25.4
    if not DPI_RANGE[0] <= dpi <= DPI_RANGE[1]:
        return f"{size_px[0]} px on {size_mm[0]:.0f} mm are {dpi:.0f} dots per inch"
    return ""


def find_displays() -> list[Display]:
    """The connected displays, the main one first; empty where the platform does not tell."""
    if sys.platform.startswith("linux"):
        return _from_xrandr() or from_drm(DRM)
    if sys.platform == "win32":
        return _from_windows()
    if sys.platform == "darwin":
        return _from_macos()
    return []


def connected() -> list[Display] | None:
    """The connected displays; None where the platform does not tell."""
    return find_displays() or None


def choose_display(displays: Sequence[Display], wanted: str | None) -> Display:
    """A display by its number (from 0) or its name; the first where nothing is asked.

    Raises:
        CalibrationError: there is none.
        UsageError: none fits.
    """
    if not displays:
        lacking = sys.platform.startswith("linux") and shutil.which("xrandr") is None
        mend = "install xrandr (Debian: x11-xserver-utils), or " if lacking else ""
        raise CalibrationError(
            f"no display can be read here; {mend}give --resolution WxH and --size-mm WxH (the lit area)"
        )
    if wanted is None:
        return displays[0]
    if wanted.isdigit() and int(wanted) < len(displays):
        return displays[int(wanted)]
    for display in displays:
        if display.name.casefold() == wanted.casefold():
            return display
    names = ", ".join(f"{i} ({display.name})" for i, display in enumerate(displays))
    raise UsageError(f"no display {wanted!r}; there are {names}")


def parse_xrandr(text: str) -> list[Display]:
    """Displays of the output of `xrandr --query`."""
    pattern = re.compile(
        r"^(\S+) connected (primary )?(\d+)x(\d+)\+(-?\d+)\+(-?\d+) (.*?)(?:(\d+)mm x (\d+)mm)?$"
    )
    found = []
    for line in text.splitlines():
        match = pattern.match(line.rstrip())
        if match is None:
            continue
        name, primary, width, height, x, y, rest, mm_w, mm_h = match.groups()
        size = (float(mm_w or 0), float(mm_h or 0))
        # Before the bracket stands the rotation in force; the size is that of the panel as built.
        turned = rest.split("(")[0].split()
        if turned and turned[0] in ("left", "right"):
            size = size[::-1]
        found.append((not primary, Display(name, int(width), int(height), int(x), int(y), *size)))
    return [display for _, display in sorted(found, key=lambda item: item[0])]


def parse_edid(data: bytes) -> tuple[int, int, float, float]:
    """Preferred resolution (px) and size (mm) of an EDID block (VESA E-EDID 1.4, 3.10.2).

    Raises:
        CalibrationError: it is no EDID, or its checksum is wrong.
    """
    if len(data) < 128 or data[:8] != b"\x00\xff\xff\xff\xff\xff\xff\x00":
        raise CalibrationError(f"no EDID: {len(data)} bytes without its header")
    if sum(data[:128]) % 256 != 0:
        raise CalibrationError("EDID: its checksum is wrong")
    timing = data[54:72]
    width = timing[2] | (timing[4] & 0xF0) << 4
    height = timing[5] | (timing[7] & 0xF0) << 4
    width_mm = float(timing[12] | (timing[14] & 0xF0) << 4)
    height_mm = float(timing[13] | (timing[14] & 0x0F) << 8)
    if width_mm == 0 or height_mm == 0:
        width_mm, height_mm = data[21] * 10.0, data[22] * 10.0
    return width, height, width_mm, height_mm


def from_drm(folder: Path) -> list[Display]:
    """Displays of the kernel's list; their places on the desktop are not told."""
    found = []
    for path in sorted(folder.glob("card*-*")) if folder.is_dir() else ():
        try:
            if (path / "status").read_text().strip() != "connected":
                continue
            width, height, width_mm, height_mm = parse_edid((path / "edid").read_bytes())
        except (OSError, CalibrationError):
            continue
        found.append(
            Display(
                name=path.name.partition("-")[2],
                width_px=width,
                height_px=height,
                x_px=0,
                y_px=0,
                width_mm=width_mm,
                height_mm=height_mm,
            )
        )
    return found


def _from_xrandr() -> list[Display]:
    if shutil.which("xrandr") is None:
        return []
    try:
        answer = subprocess.run(["xrandr", "--query"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_xrandr(answer.stdout) if answer.returncode == 0 else []


def _from_windows() -> list[Display]:
    import ctypes

    user, gdi = ctypes.windll.user32, ctypes.windll.gdi32
    user.SetProcessDPIAware()
    device = user.GetDC(0)
    try:
        # HORZSIZE, VERTSIZE, HORZRES, VERTRES of the main display.
        width_mm, height_mm, width, height = (gdi.GetDeviceCaps(device, code) for code in (4, 6, 8, 10))
    finally:
        user.ReleaseDC(0, device)
    return [
        Display(
            name="main",
            width_px=width,
            height_px=height,
            x_px=0,
            y_px=0,
            width_mm=float(width_mm),
            height_mm=float(height_mm),
        )
    ]


def _from_macos() -> list[Display]:
    import ctypes

    class Size(ctypes.Structure):
        _fields_ = (("width", ctypes.c_double), ("height", ctypes.c_double))

    graphics = ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
    graphics.CGDisplayScreenSize.restype = Size
    main = graphics.CGMainDisplayID()
    size = graphics.CGDisplayScreenSize(main)
    width, height = graphics.CGDisplayPixelsWide(main), graphics.CGDisplayPixelsHigh(main)
    return [
        Display(
            name="main",
            width_px=int(width),
            height_px=int(height),
            x_px=0,
            y_px=0,
            width_mm=size.width,
            height_mm=size.height,
        )
    ]
