"""Natural colours of hair, brows and beards, and the dyed ones."""

from __future__ import annotations

import numpy as np

# sRGB of strands in diffuse light, without gloss.
BLACK = (22, 18, 17)
DARK_BROWN = (42, 31, 25)
BROWN = (68, 49, 36)
LIGHT_BROWN = (103, 78, 56)
DARK_BLOND = (134, 107, 75)
BLOND = (172, 142, 100)
LIGHT_BLOND = (200, 175, 135)
RED = (124, 64, 36)
AUBURN = (84, 42, 28)
_LIGHT_SKIN = (
    (BLACK, 0.10),
    (DARK_BROWN, 0.22),
    (BROWN, 0.24),
    (LIGHT_BROWN, 0.15),
    (DARK_BLOND, 0.10),
    (BLOND, 0.07),
    (LIGHT_BLOND, 0.04),
    (RED, 0.05),
    (AUBURN, 0.03),
)
_DYES = (
    (150, 30, 40),
    (40, 60, 130),
    (60, 110, 90),
    (150, 80, 140),
    (205, 190, 160),
    (110, 20, 60),
    (190, 110, 140),
)
GREY = np.array([168.0, 166.0, 164.0])


def sample_hair_srgb(rng: np.random.Generator, melanin: float) -> np.ndarray:
    """Hair colour (3,) float 0..255 before greying; dark skins have dark hair nearly always."""
    if rng.random() < np.clip((melanin - 0.15) / 0.3, 0.0, 0.98):
        base = np.array(BLACK if rng.random() < 0.65 else DARK_BROWN, float)
    else:
        weights = np.array([weight for _, weight in _LIGHT_SKIN])
        base = np.array(_LIGHT_SKIN[rng.choice(len(weights), p=weights / weights.sum())][0], float)
    return np.clip(base * np.exp(rng.normal(0.0, 0.14)) * (1.0 + rng.normal(0.0, 0.03, 3)), 8.0, 240.0)


def sample_dye_srgb(rng: np.random.Generator) -> np.ndarray:
    """A dyed colour (3,) float 0..255."""
    base = np.array(_DYES[rng.integers(len(_DYES))], float)
    return np.clip(base * np.exp(rng.normal(0.0, 0.2)), 8.0, 245.0)


def greyed(colour: np.ndarray, share: float) -> np.ndarray:
    """Mean colour (3,) of hair of which a share 0..1 is grey."""
    return colour * (1.0 - share) + GREY * share
