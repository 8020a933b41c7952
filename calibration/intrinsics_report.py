"""The result of a camera calibration for people: a table, and a picture of where corners were seen."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.intrinsics import Intrinsics

ENLARGED = 60.0


def intrinsics_text(result: Intrinsics) -> str:
    """Camera, errors of every view, and what is doubtful."""
    camera = result.camera
    K = camera.K
    held_out = ", ".join(f"{name} {error:.3f} px" for name, error in result.held_out_px.items())
    lines = [
        f"camera {camera.width}x{camera.height}: focal length {K[0, 0]:.1f} x {K[1, 1]:.1f} px, "
        f"field of view {camera.hfov_deg:.1f} degrees across, middle ({K[0, 2]:.1f}, {K[1, 2]:.1f}) px",
        f"distortion {result.model}: {', '.join(f'{value:.4f}' for value in camera.distortion)}",
        f"error on views not used in the fit: {held_out}",
        f"RMS {result.rms_px:.3f} px over {int(result.used.sum())} of {len(result.views)} views, corners in "
        f"{100 * result.coverage:.0f} % of the picture",
        "  view                          corners  RMS px  tilt deg",
    ]
    columns = (result.views, result.view_rms_px, result.used, result.tilts_deg)
    for view, rms, used, tilt in zip(*columns, strict=True):
        note = "" if used else "  left out"
        lines.append(f"  {view.name[:28]:<28} {len(view.points_px):8d} {rms:7.3f} {tilt:9.0f}{note}")
    lines += [f"doubtful: {warning}" for warning in result.warnings]
    return "\n".join(lines)


def coverage_picture(result: Intrinsics) -> NDArray[np.uint8]:
    """Every corner where it was seen, with its error enlarged; views left out in red."""
    camera = result.camera
    picture = np.full((camera.height, camera.width, 3), 36, np.uint8)
    for i in range(1, 6):
        cv2.line(picture, (i * camera.width // 6, 0), (i * camera.width // 6, camera.height), (70, 70, 70), 1)
    for i in range(1, 4):
        cv2.line(
            picture, (0, i * camera.height // 4), (camera.width, i * camera.height // 4), (70, 70, 70), 1
        )
    radius = max(1, camera.width // 500)
    for view, residual, used in zip(result.views, result.residuals, result.used, strict=True):
        colour = (120, 220, 80) if used else (70, 70, 235)
        for point, miss in zip(view.points_px, residual, strict=True):
            tip = np.clip(point + ENLARGED * miss, -2000, 8000)
            at = (round(float(point[0])), round(float(point[1])))
            cv2.line(picture, at, (round(float(tip[0])), round(float(tip[1]))), colour, 1, cv2.LINE_AA)
            cv2.circle(picture, at, radius, colour, -1, cv2.LINE_AA)
    text = f"corners seen; errors {ENLARGED:.0f} times enlarged; red: views left out"
    scale = camera.width / 1600
    cv2.putText(
        picture,
        text,
        (10, camera.height - 12),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (230, 230, 230),
        1,
        cv2.LINE_AA,
    )
    return picture
