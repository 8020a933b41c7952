"""Colours of light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def black_body(kelvin: float) -> NDArray[np.float64]:
    """Linear RGB of a black body, green 1 (fit to Planck's law through CIE 1931, 2000 to 12000 K)."""
    t = kelvin / 1000.0
    # CIE daylight/Planck locus chromaticity (Kim et al. 2002), then xyY to linear sRGB.
    if t < 4.0:
        x = -0.2661239 / t**3 - 0.2343589 / t**2 + 0.8776956 / t + 0.179910
    else:
        x = -3.0258469 / t**3 + 2.1070379 / t**2 + 0.2226347 / t + 0.240390
    if t < 2.222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t < 4.0:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1.0 - x - y) / y])
    matrix = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    rgb = np.maximum(matrix @ xyz, 0.02)
    return rgb / rgb[1]
