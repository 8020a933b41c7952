"""A hand of tubes: palm, four fingers and a thumb that bend, and a forearm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import unit
from gaze.synthesis.solids import Part, ellipsoid, sweep

# Index to little finger: place across at wrist and knuckle, palm length, finger length, radius; mm, an adult.
_FINGERS = (
    (-13.0, -27.0, 88.0, 70.0, 9.3),
    (-4.0, -9.0, 91.0, 78.0, 9.5),
    (5.0, 9.0, 87.0, 73.0, 9.1),
    (13.0, 25.5, 79.0, 57.0, 8.3),
)
_JOINTS = np.array([0.0, 0.46, 0.77, 1.0])
_BENDS = np.deg2rad([75.0, 95.0, 60.0])


@dataclass(frozen=True)
class HandPose:
    """``curl`` (5,) of index to little finger and thumb, 0 straight to 1 fist; ``spread`` about 0 to 1."""

    curl: tuple[float, float, float, float, float]
    spread: float
    right: bool


def make_hand(pose: HandPose, wrist_mm, along, palm, size: float = 1.0) -> list[Part]:
    """Parts of a hand: ``wrist_mm`` (3,), ``along`` where straight fingers point, ``palm`` where it faces."""
    along = unit(np.asarray(along, dtype=np.float64))
    palm = np.asarray(palm, dtype=np.float64)
    palm = unit(palm - (palm @ along) * along)
    across = np.cross(along, palm) * (-1.0 if pose.right else 1.0)
    basis = np.stack([across, along, palm], axis=1)
    origin = np.asarray(wrist_mm, dtype=np.float64)
    parts = []
    for k, (at_wrist, at_knuckle, palm_length, length, radius) in enumerate(_FINGERS):
        path, radii = _finger(
            at_wrist, at_knuckle * (0.92 + 0.25 * pose.spread), palm_length, length, radius, pose, k
        )
        parts.append(_tube(size * path @ basis.T + origin, size * radii, basis[:, 0]))
    path, radii = _thumb(pose)
    parts.append(_tube(size * path @ basis.T + origin, size * radii, basis[:, 1]))
    middle = np.array([0.0, 45.0, 2.0]) * size @ basis.T + origin
    parts.append(ellipsoid(middle, (34.0 * size, 52.0 * size, 14.0 * size), basis, 10, 16))
    arm = np.array(
        [[0.0, 12.0, 1.0], [0.0, -10.0, 0.0], [0.0, -60.0, 0.0], [0.0, -130.0, 0.0], [0.0, -220.0, 0.0]]
    )
    width = np.array([25.0, 28.0, 29.0, 34.0, 40.0]) * size
    parts.append(sweep(size * arm @ basis.T + origin, basis[:, 0], width, 0.75 * width, sides=16, square=2.0))
    return parts


def _finger(at_wrist, at_knuckle, palm_length, length, radius, pose: HandPose, k: int):
    """Local path (P, 3) of across, along, palm and radii (P,)."""
    lean = np.deg2rad(6.0) * pose.spread * (k - 1.5)
    knuckle = np.array([at_knuckle, palm_length, 0.0])
    points, radii = (
        [np.array([at_wrist, 0.0, 3.0]), 0.5 * (knuckle + np.array([at_wrist, 0.0, 0.0])), knuckle],
        [13.0, 14.0, radius + 2.0],
    )
    bend, tip = 0.0, knuckle
    for joint in range(3):
        span = length * (_JOINTS[joint + 1] - _JOINTS[joint])
        for step in (0.3, 0.7, 1.0):
            turn = bend + pose.curl[k] * _BENDS[joint] * min(1.0, step + 0.3)
            part = span * (0.3 if step in (0.3, 1.0) else 0.4)
            heading = np.array([np.sin(lean) * np.cos(turn), np.cos(lean) * np.cos(turn), np.sin(turn)])
            tip = tip + part * heading
            points.append(tip)
            radii.append(radius * (1.0 - 0.065 * (joint + step)))
        bend += pose.curl[k] * _BENDS[joint]
    points += [tip + 0.45 * radius * heading, tip + 0.7 * radius * heading]
    radii += [0.62 * radius, 0.2 * radius]
    return np.stack(points), np.array(radii)


def _thumb(pose: HandPose):
    curl = pose.curl[4]
    heading = unit(np.array([-0.75 + 0.5 * curl, 0.75, 0.15 + 0.6 * curl]))
    base = np.array([-16.0, 14.0, 6.0])
    inner = unit(heading + curl * np.array([0.7, 0.1, 0.5]))
    points = [base, base + 22 * heading, base + 44 * heading]
    for step in (16.0, 16.0, 13.0, 12.0):
        points.append(points[-1] + step * inner)
    points.append(points[-1] + 5.0 * inner)
    return np.stack(points), np.array([15.0, 14.5, 11.5, 10.5, 10.0, 9.5, 8.0, 4.0])


def _tube(path: NDArray, radii: NDArray, side: NDArray) -> Part:
    """A tube through the points, smoothed to twice as many."""
    t = np.arange(len(path), dtype=np.float64)
    fine = np.linspace(0.0, len(path) - 1.0, 2 * len(path))
    smooth = np.stack([np.interp(fine, t, path[:, k]) for k in range(3)], -1)
    smooth[1:-1] = 0.25 * smooth[:-2] + 0.5 * smooth[1:-1] + 0.25 * smooth[2:]
    return sweep(smooth, side, np.interp(fine, t, radii), np.interp(fine, t, radii), sides=12, square=2.0)
