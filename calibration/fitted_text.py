"""Lines of text that must not be wider than the room they have."""

from __future__ import annotations

import cv2


def fitted_scale(text: str, scale: float, thickness: int, room_px: float) -> float:
    """Size of the letters as OpenCV counts it: ``scale``, or less where the line would be wider."""
    width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)[0][0]
    return scale * min(1.0, room_px / max(width, 1))
