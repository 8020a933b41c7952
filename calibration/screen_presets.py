"""Where cameras usually sit: the pose of a screen from a preset or from a tape measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from calibration.screen import FACING, Screen
from gaze.errors import UsageError
from gaze.geometry import FloatArray


@dataclass(frozen=True, slots=True)
class Placement:
    """A camera against the screen it belongs to, as the person in front of the screen sees it.

    ``right_mm``: right of the screen's vertical middle; ``up_mm``: above the top edge of the lit area
    (below it: negative); ``front_mm``: in front of the screen's plane; ``down_deg``: how far the
    camera looks down from the screen's normal. The deviations say how far to trust them.
    """

    right_mm: float = 0.0
    up_mm: float = 8.0
    front_mm: float = 0.0
    down_deg: float = 0.0
    position_sd_mm: float = 5.0
    rotation_sd_deg: float = 2.0

    def pose(self, width_mm: float) -> tuple[FloatArray, FloatArray]:
        """(R_cam_screen (3, 3), t_cam_mm (3,)) of a screen of this width."""
        angle = np.deg2rad(self.down_deg)
        c, s = np.cos(angle), np.sin(angle)
        # Columns: the axes of the tilted camera in the frame of one that looks along the normal.
        tilted_axes = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
        corner_from_camera = np.array([width_mm / 2.0 + self.right_mm, self.up_mm, -self.front_mm])
        return tilted_axes.T @ FACING, tilted_axes.T @ corner_from_camera


# "laptop": in the lid, so parallel to the panel. "above": clipped on top, usually tilted down a little.
# "below": on the desk or the lower bezel; up_mm is then counted from the bottom edge.
PRESETS = {
    "laptop": Placement(up_mm=8.0, position_sd_mm=6.0, rotation_sd_deg=1.0),
    "above": Placement(up_mm=30.0, front_mm=15.0, down_deg=8.0, position_sd_mm=20.0, rotation_sd_deg=6.0),
    "below": Placement(up_mm=-25.0, front_mm=10.0, down_deg=-8.0, position_sd_mm=25.0, rotation_sd_deg=8.0),
}


def preset(name: str, height_mm: float) -> Placement:
    """The placement of a preset on a screen of this height.

    Raises:
        UsageError: there is no such preset.
    """
    if name not in PRESETS:
        raise UsageError(f"no screen preset {name!r}; there are {', '.join(PRESETS)}")
    placement = PRESETS[name]
    if name == "below":
        return replace(placement, up_mm=placement.up_mm - height_mm)
    return placement


def placed_screen(
    placement: Placement,
    size_px: tuple[int, int],
    size_mm: tuple[float, float],
    name: str = "screen",
    pose_source: str = "preset",
) -> Screen:
    """A screen of this size, seen by a camera that is placed like this.

    Raises:
        CalibrationError: a size is not positive.
    """
    R, t = placement.pose(size_mm[0])
    return Screen(
        width_px=size_px[0],
        height_px=size_px[1],
        width_mm=size_mm[0],
        height_mm=size_mm[1],
        R_cam_screen=R,
        t_cam_mm=t,
        name=name,
        pose_source=pose_source,
        rotation_sd_deg=placement.rotation_sd_deg,
        position_sd_mm=placement.position_sd_mm,
    )
