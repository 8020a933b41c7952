"""Fields of view that makers state for common webcams, for people without a board.

Makers state the diagonal at the full 16:9 picture; cameras that crop for a mode, or zoom to follow faces,
show less. The values are the makers' data sheets, rounded to whole degrees.
"""

from __future__ import annotations

import math

from gaze.errors import UsageError

# name: diagonal field of view in degrees at 16:9
DIAGONAL_DEG = {
    "Logitech C270": 55,
    "Logitech C310": 60,
    "Logitech C505": 60,
    "Logitech C615": 78,
    "Logitech C920": 78,
    "Logitech C922": 78,
    "Logitech StreamCam": 78,
    "Logitech Brio": 90,
    "Logitech Brio 100": 58,
    "Microsoft LifeCam HD-3000": 68,
    "Microsoft LifeCam Studio": 75,
    "Microsoft Modern Webcam": 78,
    "Razer Kiyo": 82,
    "Dell UltraSharp WB7022": 90,
    "Elgato Facecam": 82,
    "Raspberry Pi Camera Module 2": 72,
    "Raspberry Pi Camera Module 3": 75,
}


def horizontal_deg(diagonal_deg: float) -> float:
    """Horizontal field of view of a pinhole camera with 16:9 pictures and this diagonal one."""
    half = math.tan(math.radians(diagonal_deg) / 2) * 16 / math.hypot(16, 9)
    return math.degrees(2 * math.atan(half))


def webcam_hfov_deg(name: str) -> tuple[str, float]:
    """The full name and horizontal field of view of a webcam, by any part of its name.

    Raises:
        UsageError: the name fits none, or several.
    """
    wanted = name.casefold()
    exact = [known for known in DIAGONAL_DEG if known.casefold() == wanted]
    found = exact or [known for known in DIAGONAL_DEG if wanted in known.casefold()]
    if len(found) != 1:
        what = "fits several" if found else "is not in the table"
        raise UsageError(
            f"the webcam {name!r} {what}; known are {', '.join(found or DIAGONAL_DEG)}; "
            "or give --hfov with the horizontal field of view from its data sheet"
        )
    return found[0], horizontal_deg(DIAGONAL_DEG[found[0]])
