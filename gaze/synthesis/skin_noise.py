"""Banks of smooth random fields, made once per process from a fixed seed and drawn by rolling and mirroring.

A field has mean 0, standard deviation 1 and tiles at its borders. `low` varies over about a tenth of the
face, `mid` over millimetres, `fine` from texel to texel, `mottle` mixes all of them as skin does.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

_OCTAVES = {"low": (3, 3, 0.55), "mid": (24, 3, 0.6), "fine": (128, 2, 0.9), "mottle": (6, 6, 0.72)}
_MEMBERS = 8


def fractal_field(rng: np.random.Generator, size: int, cells: int, octaves: int, gain: float) -> np.ndarray:
    """Sum of smooth random grids, each twice as fine as the last: (size, size) float32, mean 0, deviation
    1."""
    total = np.zeros((size, size), np.float32)
    amplitude = 1.0
    for octave in range(octaves):
        count = min(size, cells << octave)
        grid = np.pad(rng.normal(size=(count, count)).astype(np.float32), 2, mode="wrap")
        scale = size / count
        shift = np.float32(
            [[scale, 0, -2 * scale + (scale - 1) / 2], [0, scale, -2 * scale + (scale - 1) / 2]]
        )
        total += amplitude * cv2.warpAffine(grid, shift, (size, size), flags=cv2.INTER_CUBIC)
        amplitude *= gain
    total -= total.mean()
    return total / total.std()


@lru_cache(maxsize=8)
def _bank(kind: str, size: int) -> tuple[np.ndarray, ...]:
    cells, octaves, gain = _OCTAVES[kind]
    rng = np.random.default_rng([20240611, sorted(_OCTAVES).index(kind), size])
    return tuple(fractal_field(rng, size, cells, octaves, gain) for _ in range(_MEMBERS))


def noise_field(rng: np.random.Generator, kind: str, size: int) -> np.ndarray:
    """A random member of a bank ("low", "mid", "fine", "mottle"), rolled and perhaps mirrored."""
    bank = _bank(kind, size)
    field = bank[rng.integers(len(bank))]
    field = np.roll(field, tuple(rng.integers(0, size, 2)), (0, 1))
    return np.ascontiguousarray(field[:, ::-1]) if rng.random() < 0.5 else field


@lru_cache(maxsize=2)
def pore_bank(size: int) -> tuple[np.ndarray, ...]:
    """Pitted fields for the height map: 0 between pores, up to 1 at their bottoms; (size, size) float32."""
    rng = np.random.default_rng([20240612, size])
    fields = []
    for _ in range(4):
        dots = np.zeros((size, size), np.float32)
        count = size * size // 14
        at = rng.integers(0, size, (2, count))
        dots[at[0], at[1]] = rng.uniform(0.3, 1.0, count)
        fields.append(np.clip(cv2.GaussianBlur(dots, (0, 0), 0.75) * 3.0, 0.0, 1.0))
    return tuple(fields)
