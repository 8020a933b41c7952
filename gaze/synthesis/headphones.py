"""Headphones and headsets: cups over the ears, a band over the head, now and then a microphone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.accessory import Accessory, Material, join
from gaze.synthesis.mesh import LANDMARKS_68, SKIN_COUNT
from gaze.synthesis.solids import ellipsoid, sweep

_COLOURS = (
    (0.01, 0.01, 0.011),
    (0.02, 0.02, 0.02),
    (0.6, 0.6, 0.6),
    (0.08, 0.08, 0.09),
    (0.04, 0.07, 0.16),
    (0.5, 0.4, 0.35),
)


def make_headphones(
    rng: np.random.Generator, vertices_mm: NDArray[np.floating], hair_mm: float = 8.0
) -> Accessory:
    """Headphones on a head, ``vertices_mm`` (N, 3) of the mesh; the band runs ``hair_mm`` above the scalp."""
    skin = np.asarray(vertices_mm[:SKIN_COUNT], dtype=np.float64)
    marks = np.asarray(vertices_mm, dtype=np.float64)[LANDMARKS_68]
    size = rng.uniform(0.8, 1.15)
    thick = rng.uniform(9.0, 15.0)
    parts, tops = [], []
    microphone = rng.random() < 0.35
    for sign in (1.0, -1.0):
        side = skin[(sign * skin[:, 0] > 0) & (np.abs(skin[:, 1] + 25.0) < 45.0) & (skin[:, 2] < 40.0)]
        ear = side[np.argmax(sign * side[:, 0])]
        x = abs(ear[0])
        centre = np.array([sign * (x + 0.2 * thick), ear[1] - 2.0, ear[2] - 8.0])
        parts.append(ellipsoid(centre, (thick, 40.0 * size, 33.0 * size), rows=14, columns=20))
        cushion = centre - np.array([sign * 0.7 * thick, 0.0, 0.0])
        parts.append(ellipsoid(cushion, (0.9 * thick, 37.0 * size, 31.0 * size), rows=10, columns=20))
        tops.append(centre + np.array([sign * 2.0, -36.0 * size, 0.0]))
        if microphone and sign > 0:
            mouth = marks[54] + np.array([14.0, 10.0, -14.0])
            start = centre + np.array([3.0, 22.0 * size, -10.0])
            t = np.linspace(0.0, 1.0, 12)[:, None]
            bend = np.array([16.0, 14.0, -18.0]) * np.sin(np.pi * t)
            path = (1 - t) * start + t * mouth + bend
            parts += [sweep(path, [0.0, 1.0, 0.0], 1.8, 1.8, sides=6), ellipsoid(mouth, (6.0, 4.5, 4.5))]
    left, right = tops
    crown = skin[(np.abs(skin[:, 0]) < 15.0) & (np.abs(skin[:, 2] - left[2]) < 15.0), 1].min() - hair_mm
    angle = np.linspace(0.0, np.pi, 25)
    middle, half = 0.5 * (left[0] + right[0]), 0.5 * (left[0] - right[0])
    c, s = np.cos(angle), np.sin(angle)
    base = 0.5 * (left[1] + right[1])
    path = np.stack(
        [middle + half * np.sign(c) * np.abs(c) ** 0.8, base - (base - crown) * s**0.8, np.full(25, left[2])],
        -1,
    )
    parts.append(
        sweep(path, [0.0, 0.0, 1.0], rng.uniform(8.0, 17.0), rng.uniform(2.0, 5.0), sides=10, square=3.0)
    )
    colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
    return join("headphones", parts, Material("plastic", colour, float(rng.uniform(0.3, 0.6))))
