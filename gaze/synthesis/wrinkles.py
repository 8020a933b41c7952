"""Wrinkles and folds of the face, deeper with age."""

from __future__ import annotations

import cv2
import numpy as np

from gaze.synthesis.face_regions import smooth_curve
from gaze.synthesis.uv_atlas import UvAtlas

# Wrinkles as (name, group, points); points are (lateral x, y) in mm relative to the anchor of the group.
_LINES = {
    "forehead": (
        "eye_row",
        [
            [(0, -36), (15, -38), (30, -39), (42, -36)],
            [(0, -44), (18, -46), (36, -46), (46, -42)],
            [(0, -53), (18, -55), (38, -54)],
            [(0, -62), (20, -63), (36, -62)],
        ],
    ),
    "glabella": ("eye_row", [[(5.5, -24), (6.5, -16), (5.5, -10)], [(9, -22), (10, -15)]]),
    "nose_root": ("eye_row", [[(0, -5), (6, -4), (10, -1)]]),
    "crow": (
        "eye_outer",
        [
            [(4, -1), (9, -5), (15, -10)],
            [(5, 1), (11, 0), (17, -1)],
            [(4, 3), (9, 6), (15, 9)],
            [(6, 5), (10, 10), (14, 15)],
        ],
    ),
    "nasolabial": ("nose_wing", [[(3, -12), (7, -5), (12, 5), (17, 15), (19, 24)]]),
    "marionette": ("mouth_corner", [[(2, 4), (4, 10), (5, 18)]]),
    "chin_fold": ("mouth_row", [[(0, 16.5), (8, 16), (14, 19)]]),
    "trough": ("eye_row", [[(17, 6), (21, 13), (28, 19), (37, 22)]]),
    "cheek": ("mouth_corner", [[(12, -14), (15, -2), (13, 10)]]),
}


def wrinkle_lines(atlas: UvAtlas) -> dict[str, list[list[np.ndarray]]]:
    """Curves in uv by name; each entry lists curves, each a pair for the right and the left side."""
    if "wrinkles" in atlas.cache:
        return atlas.cache["wrinkles"]
    lm = atlas.landmarks_mm
    lateral = np.abs(lm[:, 0])
    anchors = {
        "eye_row": (0.0, float(lm[36:48, 1].mean())),
        "eye_outer": (float(lateral[[36, 45]].mean()), float(lm[[36, 45], 1].mean())),
        "nose_wing": (float(lateral[[31, 35]].mean()), float(lm[[31, 35], 1].mean())),
        "mouth_corner": (float(lateral[[48, 54]].mean()), float(lm[[48, 54], 1].mean())),
        "mouth_row": (0.0, float(lm[[48, 54], 1].mean())),
    }
    size = atlas.size
    x, y, z = (atlas.position_mm[..., k] for k in range(3))
    usable = atlas.inside & (z < -30)
    found = {}
    for name, (anchor, curves) in _LINES.items():
        ax, ay = anchors[anchor]
        found[name] = []
        for curve in curves:
            pair = []
            for side in (-1, 1):
                texels = []
                for px, py in curve:
                    distance = (x[::2, ::2] - side * (ax + px)) ** 2 + (y[::2, ::2] - (ay + py)) ** 2
                    row, column = np.unravel_index(
                        int(np.where(usable[::2, ::2], distance, np.inf).argmin()), distance.shape
                    )
                    texels.append((2 * column, 2 * row))
                pair.append(smooth_curve(np.array(texels, float), 5) / size)
            found[name].append(pair)
    atlas.cache["wrinkles"] = found
    return found


def wrinkle_height(
    atlas: UvAtlas, age_years: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Depth of grooves in mm (size, size), and a mask 0..1 of where their bottoms lie in shade."""
    size, scale = atlas.size, atlas.size / 512.0
    aged = float(np.clip((age_years - 22.0) / 50.0, 0.0, 1.0))
    amounts = {
        "forehead": aged**1.1 * rng.uniform(0.1, 1.1) + 0.1 * rng.random(),
        "glabella": aged * rng.uniform(0.0, 1.1) + 0.1 * rng.random(),
        "nose_root": aged * rng.uniform(0.0, 0.5),
        "crow": aged**1.2 * rng.uniform(0.2, 1.2) + 0.06 * rng.random(),
        "nasolabial": 0.16 + aged * rng.uniform(0.2, 0.85),
        "marionette": aged**1.5 * rng.uniform(0.0, 0.9),
        "chin_fold": 0.3 * rng.random(),
        "trough": 0.1 * rng.random() + aged * rng.uniform(0.1, 0.7),
        "cheek": aged**2 * rng.uniform(0.0, 0.6),
    }
    fine = np.zeros((size, size), np.uint8)
    broad = np.zeros((size, size), np.uint8)
    for name, curves in wrinkle_lines(atlas).items():
        target = broad if name in ("nasolabial", "trough", "cheek", "chin_fold") else fine
        for pair in curves:
            strength = amounts[name] * rng.uniform(0.3, 1.0)
            shift, stretch = rng.normal(0.0, 1.8 * scale, 2), rng.uniform(0.7, 1.05)
            for curve in pair:
                value = int(255 * np.clip(strength * rng.uniform(0.75, 1.1), 0, 1))
                if value < 6:
                    continue
                points = curve * size
                points = points[: max(3, int(len(points) * stretch * rng.uniform(0.85, 1.0)))]
                points = points + shift + rng.normal(0, 0.8 * scale, 2)
                wobble = rng.normal(0, 0.55 * scale, (len(points), 2))
                fixed = np.round((points + wobble) * 16).astype(np.int32)
                third = max(2, len(fixed) // 4)
                cv2.polylines(target, [fixed], False, value // 2, 1, cv2.LINE_AA, 4)
                cv2.polylines(target, [fixed[third - 1 : -third + 1]], False, value, 1, cv2.LINE_AA, 4)
    narrow = cv2.GaussianBlur(fine, (0, 0), 1.0 * scale).astype(np.float32) / 255.0
    wide = cv2.GaussianBlur(broad, (0, 0), 2.4 * scale).astype(np.float32) / 255.0
    sharp = cv2.GaussianBlur(broad, (0, 0), 0.9 * scale).astype(np.float32) / 255.0
    depth = 0.75 * narrow + 3.6 * wide + 0.55 * aged * sharp
    shade = np.clip(0.8 * narrow + 1.1 * wide + 0.35 * (0.3 + aged) * sharp, 0.0, 1.0)
    return depth, shade
