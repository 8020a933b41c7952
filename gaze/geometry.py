"""Angles, vectors and rotations.

Camera frame: x right, y down, z forward. A gaze of (0, 0) looks into the camera; pitch is positive
upwards, yaw is positive towards the left of the image (the subject's own right).
Source of the sign convention: MPIIGaze and ETH-XGaze.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
# One degree in radians.
DEG = np.pi / 180.0
# What (pitch, yaw) are multiplied with when their picture is mirrored left to right.
MIRROR_SIGNS = (1.0, -1.0)


def unit(vector: ArrayLike) -> FloatArray:
    """Scale vectors (..., 3) to length one.

    Raises:
        ValueError: a vector is zero or not finite.
    """
    vector = np.asarray(vector, dtype=np.float64)
    if vector.shape == (3,):
        # The live loop's case; numpy's norm takes several times as long for so little.
        length = math.hypot(*vector.tolist())
        usable = math.isfinite(length) and length > 0
    else:
        length = np.linalg.norm(vector, axis=-1, keepdims=True)
        usable = (np.isfinite(length) & (length > 0)).all()
    if not usable:
        raise ValueError("cannot normalise a vector that is zero or not finite")
    return vector / length


def cross(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Cross product of two vectors (3,): numpy's takes ten times as long for so little."""
    ax, ay, az = np.asarray(a, dtype=np.float64).tolist()
    bx, by, bz = np.asarray(b, dtype=np.float64).tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def _joined(*parts: FloatArray) -> FloatArray:
    """Arrays of one shape (...) along a new last axis: np.stack in a fraction of its time for few numbers."""
    joined = np.empty((*np.shape(parts[0]), len(parts)))
    for index, part in enumerate(parts):
        joined[..., index] = part
    return joined


def vector_from_angles(pitch_yaw_rad: ArrayLike) -> FloatArray:
    """Unit gaze vectors (..., 3) of (pitch, yaw) angles (..., 2) in radians.

    ``g = -(cos p sin y, sin p, cos p cos y)`` (MPIIGaze, ETH-XGaze).
    """
    angles = np.asarray(pitch_yaw_rad, dtype=np.float64)
    pitch, yaw = angles[..., 0], angles[..., 1]
    return _joined(-np.cos(pitch) * np.sin(yaw), -np.sin(pitch), -np.cos(pitch) * np.cos(yaw))


def angles_from_vector(direction: ArrayLike) -> FloatArray:
    """(pitch, yaw) angles (..., 2) in radians of gaze vectors (..., 3) of any length.

    ``pitch = asin(-g_y)``, ``yaw = atan2(-g_x, -g_z)`` (MPIIGaze, ETH-XGaze).

    Raises:
        ValueError: a vector is zero or not finite.
    """
    g = unit(direction)
    return _joined(np.arcsin(np.clip(-g[..., 1], -1.0, 1.0)), np.arctan2(-g[..., 0], -g[..., 2]))


def head_angles_from_rotation(R: ArrayLike) -> FloatArray:
    """Head (pitch, yaw) (..., 2) in radians of head rotations (..., 3, 3).

    With Zv the third column: ``(asin Zv_y, atan2(Zv_x, Zv_z))`` (Zhang et al., MPIIGaze).
    """
    z_axis = np.asarray(R, dtype=np.float64)[..., :, 2]
    return _joined(np.arcsin(np.clip(z_axis[..., 1], -1.0, 1.0)), np.arctan2(z_axis[..., 0], z_axis[..., 2]))


def head_roll_from_rotation(R: ArrayLike) -> FloatArray:
    """Head roll in radians: the angle of the head's x axis against the image's x axis, clockwise positive."""
    x_axis = np.asarray(R, dtype=np.float64)[..., :, 0]
    return np.arctan2(x_axis[..., 1], x_axis[..., 0])


def angular_error_rad(first: ArrayLike, second: ArrayLike) -> FloatArray:
    """Angle in radians between gaze vectors (..., 3), exact for small angles too.

    ``atan2(|a x b|, a.b)``: equal to ``acos(a.b)`` of unit vectors, without its loss of digits near zero.
    """
    a, b = unit(first), unit(second)
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    return np.arctan2(cross, np.sum(a * b, axis=-1))


def angular_error_deg(first_pitch_yaw_rad: ArrayLike, second_pitch_yaw_rad: ArrayLike) -> FloatArray:
    """Angle in degrees between gaze directions given as (pitch, yaw) angles (..., 2) in radians."""
    return np.rad2deg(
        angular_error_rad(vector_from_angles(first_pitch_yaw_rad), vector_from_angles(second_pitch_yaw_rad))
    )


def mirror_angles(pitch_yaw_rad: ArrayLike) -> FloatArray:
    """The (pitch, yaw) that a left-right mirrored picture shows: yaw changes its sign."""
    return np.asarray(pitch_yaw_rad, dtype=np.float64) * np.array(MIRROR_SIGNS)


def is_rotation(R: ArrayLike, tolerance: float = 1e-5) -> bool:
    """Whether R (3, 3) is a proper rotation within the tolerance."""
    R = np.asarray(R, dtype=np.float64)
    if R.shape != (3, 3):
        return False
    # Python's own arithmetic, as above. NaN and infinity fail the comparisons.
    rows = R.tolist()
    for i, a in enumerate(rows):
        for j, b in enumerate(rows[: i + 1]):
            if not abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2] - (i == j)) <= tolerance:
                return False
    # Orthonormal rows, and the third along the cross product of the first two: no reflection.
    return float(cross(R[0], R[1]) @ R[2]) > 0.0
