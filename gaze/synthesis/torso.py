"""Shoulders and chest under a head, for whole webcam pictures: clothed and upright, turning less than it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import head_angles_from_rotation
from gaze.synthesis.accessory import CLOTH, Accessory, Material, join
from gaze.synthesis.pose import head_rotation
from gaze.synthesis.solids import Part

# Where the neck bends, head frame, mm.
_NECK_MM = np.array([0.0, 105.0, 20.0])
# Rings from collar to chest: height below the head's origin, half width, half depth, middle's z, mm.
_RINGS = np.array(
    [
        (128, 66, 60, 22),
        (142, 84, 70, 22),
        (156, 122, 80, 24),
        (174, 160, 88, 28),
        (200, 188, 98, 32),
        (240, 204, 106, 34),
        (320, 210, 116, 30),
        (420, 206, 120, 26),
        (620, 206, 122, 26),
        (1600, 206, 122, 26),  # below the picture of anybody within two metres
    ],
    dtype=np.float64,
)
_STEPS = 48
# What the thing is called.
TORSO = "torso"


def within_collar(vertices_mm: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which points (N, 3) of the head frame, mm, lie well inside the upright collar's tube."""
    _, half, depth, z = _RINGS[0]
    return (vertices_mm[:, 0] / half) ** 2 + ((vertices_mm[:, 2] - z) / depth) ** 2 < 0.75


def make_torso(R_cam_head: NDArray[np.float64], albedo: tuple[float, float, float]) -> Accessory:
    """A body for a posed head, in the head frame, mm; ``albedo`` is the cloth's linear RGB."""
    angle = np.linspace(0.0, 2.0 * np.pi, _STEPS, endpoint=False)
    cosine, sine = np.cos(angle), np.sin(angle)
    # A superellipse: chests are squarer than ellipses.
    across = np.sign(cosine) * np.abs(cosine) ** 0.8
    deep = np.sign(sine) * np.abs(sine) ** 0.8
    rings = [
        np.stack([half * across, np.full(_STEPS, y), z + depth * deep], axis=1)
        for y, half, depth, z in _RINGS
    ]
    upright = np.concatenate(rings) - _NECK_MM
    yaw = float(head_angles_from_rotation(R_cam_head)[1])
    in_camera = upright @ head_rotation(0.0, 0.3 * yaw).T + R_cam_head @ _NECK_MM
    vertices = in_camera @ R_cam_head
    row, column = np.meshgrid(np.arange(len(_RINGS) - 1), np.arange(_STEPS), indexing="ij")
    a = row * _STEPS + column
    b = row * _STEPS + (column + 1) % _STEPS
    triangles = np.concatenate(
        [
            np.stack([a, a + _STEPS, b], axis=-1).reshape(-1, 3),
            np.stack([b, a + _STEPS, b + _STEPS], axis=-1).reshape(-1, 3),
        ]
    ).astype(np.int32)
    coords = np.stack([np.tile(angle * 150.0, len(_RINGS)), np.repeat(_RINGS[:, 0], _STEPS)], axis=1)
    second = tuple(0.8 * value for value in albedo)
    cloth = Material(
        name="cloth",
        albedo=albedo,
        roughness=0.9,
        f0=(0.02, 0.02, 0.02),
        pattern=CLOTH,
        second=second,
        scale_mm=3.0,
        scatter=0.1,
    )
    return replace(join(TORSO, [Part(vertices, triangles, coords)], cloth), open=True)
