"""Skin colour from two chromophores: melanin and haemoglobin, with a yellow undertone.

Reflectance of a channel is s + (1 - s) exp(-d), s the share reflected before any pigment is met and d an
optical density. Density over melanin follows nine reference skins given as CIE L*a*b* (D65) from very light
to very dark (the range of published spectrophotometer surveys of cheeks and foreheads); haemoglobin and the
yellow undertone add along fixed directions, as Beer's law has it.
"""

from __future__ import annotations

import numpy as np

SURFACE_REFLECTANCE = 0.008
REFERENCE_LAB = np.array(
    [
        (76, 7, 11),
        (70, 10, 15),
        (66, 10.5, 18),
        (61, 12, 20),
        (54, 13.5, 21.5),
        (47, 14, 20.5),
        (39.5, 14, 18.5),
        (32.5, 13, 15.5),
        (26, 10.5, 11.5),
    ]
)
HAEMOGLOBIN_DENSITY = np.array([0.035, 0.24, 0.19], np.float32)
YELLOW_DENSITY = np.array([0.0, 0.02, 0.12], np.float32)
_MELANIN_STEPS = 2048
_DENSITY_STEPS = 4096
_DENSITY_MAX = 6.0


def lab_to_linear_srgb(lab: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65, 2 degrees) to linear sRGB, both (..., 3). Source: CIE 15, IEC 61966-2-1."""
    lab = np.asarray(lab, float)
    fy = (lab[..., 0] + 16.0) / 116.0
    f = np.stack([fy + lab[..., 1] / 500.0, fy, fy - lab[..., 2] / 200.0], -1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.95047, 1.0, 1.08883]
    matrix = np.array(
        [
            [3.2404542, -1.5371385, -0.4985314],
            [-0.9692660, 1.8760108, 0.0415560],
            [0.0556434, -0.2040259, 1.0572252],
        ]
    )
    return xyz @ matrix.T


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear 0..1 to sRGB 0..1. Source: IEC 61966-2-1."""
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055)


def _melanin_table() -> np.ndarray:
    reflectance = lab_to_linear_srgb(REFERENCE_LAB)
    density = -np.log((reflectance - SURFACE_REFLECTANCE) / (1.0 - SURFACE_REFLECTANCE))
    at = np.linspace(-0.25, 1.25, _MELANIN_STEPS)
    knots = np.linspace(0.0, 1.0, len(density))
    table = np.stack([np.interp(at, knots, density[:, k]) for k in range(3)], -1)
    low, high = at < 0.0, at > 1.0
    table[low] += (at[low, None]) * (density[1] - density[0]) / knots[1] * 0.5
    table[high] += (at[high, None] - 1.0) * (density[-1] - density[-2]) / knots[1] * 0.5
    return np.ascontiguousarray(table.T, np.float32)


_MELANIN_DENSITY = _melanin_table()
_SRGB8 = np.round(
    255
    * linear_to_srgb(
        SURFACE_REFLECTANCE
        + (1 - SURFACE_REFLECTANCE) * np.exp(-np.linspace(0, _DENSITY_MAX, _DENSITY_STEPS))
    )
).astype(np.uint8)


def skin_density(melanin: np.ndarray) -> np.ndarray:
    """Optical density (3, ...) of melanin 0 (very light) to 1 (very dark); -0.25..1.25 is carried."""
    index = (np.asarray(melanin, np.float32) + 0.25) * ((_MELANIN_STEPS - 1) / 1.5)
    return _MELANIN_DENSITY.take(index.astype(np.intp), axis=1, mode="clip")


def density_to_srgb8(density: np.ndarray) -> np.ndarray:
    """Optical density to sRGB uint8 of the same shape."""
    index = density * ((_DENSITY_STEPS - 1) / _DENSITY_MAX)
    return _SRGB8.take(index.astype(np.intp), mode="clip")


def skin_srgb8(melanin: float, haemoglobin: float = 0.0, yellow: float = 0.0) -> np.ndarray:
    """One flat skin colour, (3,) sRGB uint8."""
    density = skin_density(melanin) + haemoglobin * HAEMOGLOBIN_DENSITY + yellow * YELLOW_DENSITY
    return density_to_srgb8(density)
