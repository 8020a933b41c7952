"""Spots on skin: freckles, moles, age spots, pimples."""

from __future__ import annotations

import cv2
import numpy as np

from gaze.synthesis.face_regions import FaceRegions
from gaze.synthesis.skin_appearance import SkinAppearance
from gaze.synthesis.uv_atlas import UvAtlas


def spots(
    size: int, centres: np.ndarray, radii_texel: np.ndarray, strength: np.ndarray, blur_texel: float
) -> np.ndarray:
    """Soft round dots: (size, size) float32 of 0..1. centres (N, 2) (column, row); strength (N,) 0..1."""
    mask = np.zeros((size, size), np.uint8)
    fixed = np.round(np.column_stack([centres, radii_texel]) * 16).astype(int)
    for (column, row, radius), value in zip(
        fixed.tolist(), (strength * 255).astype(int).tolist(), strict=True
    ):
        cv2.circle(mask, (column, row), max(4, radius), value, -1, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), blur_texel).astype(np.float32) / 255.0


def scatter_centres(weight: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(N <= count, 2) random texels (column, row), kept with probability weight 0..1 where they fall."""
    size = weight.shape[0]
    at = rng.uniform(0, size - 1, (count * 6, 2)).astype(np.float32)
    cell = at.astype(int)
    keep = rng.random(len(at)) < weight[cell[:, 1], cell[:, 0]]
    return at[keep][:count]


def freckles(atlas: UvAtlas, regions: FaceRegions, a: SkinAppearance, rng: np.random.Generator) -> np.ndarray:
    """Extra melanin (size, size) of freckles, moles and age spots, on the scale of skin_tone."""
    size, scale = atlas.size, atlas.size / 512.0
    total = np.zeros((size, size), np.float32)
    if a.freckles > 0:
        weight = np.clip(
            regions["cheeks"] + 0.9 * regions["nose_bridge"] + 0.3 * regions["forehead"] + 0.06, 0, 1
        )
        at = scatter_centres(weight * regions.front, int(60 + 600 * a.freckles), rng)
        radii = rng.uniform(0.4, 1.5, len(at)) * scale
        total += 0.22 * spots(size, at, radii, rng.uniform(0.2, 1.0, len(at)), 0.8 * scale)
    at = scatter_centres(regions.front, a.moles, rng)
    total += 0.75 * spots(
        size, at, rng.uniform(0.8, 2.4, len(at)) * scale, rng.uniform(0.4, 1.0, len(at)), 0.7 * scale
    )
    if a.age_years > 50:
        at = scatter_centres(
            np.clip(regions["cheeks"] + regions["temples"] + 0.3, 0, 1) * regions.front,
            int(rng.integers(0, 14)),
            rng,
        )
        total += 0.12 * spots(
            size, at, rng.uniform(2, 8, len(at)) * scale, rng.uniform(0.3, 1, len(at)), 1.8 * scale
        )
    return total


def blemishes(
    atlas: UvAtlas, regions: FaceRegions, a: SkinAppearance, rng: np.random.Generator
) -> np.ndarray | np.float32:
    """Extra haemoglobin (size, size) of pimples, in multiples of skin_tone's; the number 0 for none."""
    size, scale = atlas.size, atlas.size / 512.0
    count = int(28 * a.blemishes * (1 - 0.7 * a.foundation))
    if count == 0:
        return np.float32(0.0)
    weight = (
        np.clip(regions["cheeks"] + regions["chin"] + 0.7 * regions["forehead"] + 0.25, 0, 1) * regions.front
    )
    at = scatter_centres(weight, count, rng)
    return 2.4 * spots(
        size, at, rng.uniform(0.6, 2.2, len(at)) * scale, rng.uniform(0.2, 0.9, len(at)), 1.2 * scale
    )
