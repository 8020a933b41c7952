"""Facial hair: shaving shadow, stubble, moustaches and beards of several layouts.

Strands are drawn once per process into banks (one for each length class): every strand carries a rank, and
a person's density map lets through the strands whose rank is high enough, so that edges thin out hair by
hair.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gaze.synthesis.face_regions import FaceRegions, smoothstep
from gaze.synthesis.skin_noise import noise_field
from gaze.synthesis.strands import grow
from gaze.synthesis.uv_atlas import UvAtlas

LAYOUTS = ("shaven", "stubble", "full", "goatee", "moustache", "chin", "patchy", "sideburns")
# Length in mm, number of strands in the bank, points of each.
_CLASSES = ((0.5, 40000, 2), (1.5, 30000, 2), (4.0, 22000, 3), (9.0, 16000, 4))
_VARIANTS = 2
_WINDOW = (0.03, 0.64)


@dataclass(frozen=True)
class BeardStyle:
    """One man's facial hair.

    layout of LAYOUTS; shadow 0..1 (colour of roots under shaven skin); density 0..1; length_class 0..3;
    cheek_line_mm: how far the upper edge on the cheeks lies below the natural one; neck_mm: reach below the
    chin.
    """

    layout: str
    shadow: float
    density: float
    length_class: int
    cheek_line_mm: float
    neck_mm: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> BeardStyle:
        """One grown man's facial hair."""
        layout = str(rng.choice(LAYOUTS, p=[0.36, 0.2, 0.17, 0.08, 0.07, 0.03, 0.07, 0.02]))
        lengths = {"shaven": 0, "stubble": int(rng.random() < 0.5)}
        return cls(
            layout=layout,
            shadow=float(rng.beta(1.4, 2.2)),
            density=float(np.clip(rng.normal(0.72, 0.2), 0.2, 1.0)),
            length_class=lengths.get(layout, int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))),
            cheek_line_mm=float(rng.normal(4.0, 6.0)),
            neck_mm=float(rng.uniform(5.0, 40.0)),
        )


def beard_fields(regions: FaceRegions, atlas: UvAtlas) -> dict[str, np.ndarray]:
    """Static soft masks of where facial hair can grow: moustache, soul patch, chin, jaw, sideburn."""
    if "beard" in atlas.cache:
        return atlas.cache["beard"]
    lm = atlas.landmarks_mm
    x, y, z = np.abs(regions.x_mm), regions.y_mm, regions.z_mm
    base_y, mouth_y, chin_y = float(lm[33, 1]), float(lm[[48, 54], 1].mean()), float(lm[8, 1])
    mouth_x = float(np.abs(lm[[48, 54], 0]).mean())
    skin = (1.0 - regions["lips_wide"]) * (1.0 - regions["nostrils"].clip(0, 1))
    below_nose = smoothstep(base_y + 0.5, base_y + 7.0, y - 0.12 * x)
    moustache = below_nose * smoothstep(mouth_x + 8, mouth_x - 3, x + 0.35 * (y - mouth_y).clip(-20, 0))
    moustache *= smoothstep(mouth_y + 5, mouth_y - 2, y) * (0.6 + 0.4 * smoothstep(1.0, 6.0, x))
    corner = smoothstep(9.0, 4.0, np.abs(x - mouth_x - 2)) * smoothstep(mouth_y - 3, mouth_y + 3, y)
    corner *= smoothstep(chin_y - 4, chin_y - 20, y)
    soul = smoothstep(8, 3, x) * smoothstep(mouth_y + 7, mouth_y + 11, y)
    soul *= smoothstep(mouth_y + 26, mouth_y + 20, y)
    # The upper edge runs from the ear over the cheek to the mouth's corner and under the lower lip.
    knots = [0, 11, 18, mouth_x + 1, mouth_x + 10, 48, 60, 72]
    heights = np.array([19, 18, 12, 4, -4, -15, -36, -94]) + mouth_y
    depth = y - np.interp(x, knots, heights)
    jaw = smoothstep(-4, 8, depth) * smoothstep(72, 68, x * (z > -30))
    chin = jaw * smoothstep(mouth_x + 4, mouth_x - 6, x)
    side = (
        smoothstep(62, 68, x) * smoothstep(-60, -52, y) * smoothstep(mouth_y - 6, mouth_y - 18, y) * (z < -22)
    )
    fields = {
        "moustache": moustache,
        "corner": corner,
        "chin": chin,
        "soul": soul,
        "jaw": jaw,
        "sideburn": side,
    }
    fields = {name: np.ascontiguousarray(mask * skin, np.float32) for name, mask in fields.items()}
    every = np.maximum.reduce([moustache, 0.6 * corner, soul, jaw, 0.7 * side]).astype(np.float32)
    fields["everywhere"] = cv2.GaussianBlur(every, (0, 0), 4.5 * atlas.size / 512) * (1.0 - regions["lips"])
    # How far below the edge on the cheeks; the chin is always far below.
    fields["cheek_depth"] = (depth + 40.0 * smoothstep(mouth_x + 8, mouth_x - 2, x)).astype(np.float32)
    atlas.cache["beard"] = fields
    return fields


def beard_density(
    regions: FaceRegions, atlas: UvAtlas, style: BeardStyle, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Density 0..1 of grown hair by the layout, and of everything that would grow (the shaving shadow)."""
    fields = beard_fields(regions, atlas)
    y = regions.y_mm
    chin_y = float(atlas.landmarks_mm[8, 1])
    under = smoothstep(chin_y + style.neck_mm + 14, chin_y + style.neck_mm, y - 0.25 * (regions.z_mm + 100))
    jaw = fields["jaw"] * smoothstep(-4, 8, fields["cheek_depth"] - style.cheek_line_mm)
    whole = [fields["moustache"], fields["corner"] * 0.6, fields["soul"], jaw]
    everything = np.maximum(np.maximum.reduce(whole) * under, 0.7 * fields["sideburn"])
    if style.layout in ("full", "stubble", "shaven", "patchy"):
        grown = everything
    elif style.layout == "goatee":
        grown = (
            np.maximum.reduce([fields["moustache"], fields["corner"], fields["chin"], fields["soul"]]) * under
        )
    elif style.layout == "moustache":
        grown = fields["moustache"]
    elif style.layout == "chin":
        grown = np.maximum(fields["chin"], fields["soul"]) * under
    else:
        grown = fields["sideburn"] * 0.8
    uneven = noise_field(rng, "low", atlas.size)
    amount = 0.45 if style.layout == "patchy" else 0.12
    grown = grown * np.clip(style.density * (1.0 + amount * uneven), 0.0, 1.0)
    return grown, fields["everywhere"] * under * np.clip(1.0 + 0.12 * uneven, 0.0, 1.5)


def strand_layers(
    regions: FaceRegions, atlas: UvAtlas, density: np.ndarray, length_class: int, rng: np.random.Generator
) -> tuple[slice, np.ndarray, np.ndarray]:
    """Rows of the atlas, hair coverage 0..1 and tone 0..1 there, for a density map (size, size)."""
    rows, bank = _bank(regions, atlas, length_class)
    ranks, tones = bank[rng.integers(len(bank))]
    if rng.random() < 0.5:
        ranks, tones = ranks[:, ::-1], tones[:, ::-1]
    part = density[rows]
    wide = cv2.resize(part, (part.shape[1] * 2, part.shape[0] * 2), interpolation=cv2.INTER_LINEAR)
    alpha = wide * np.float32(255.0) + ranks - np.float32(255.0)
    alpha = np.clip(alpha * (1.0 / 45.0), 0.0, 1.0)
    size = (part.shape[1], part.shape[0])
    coverage = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    tone = cv2.resize(alpha * tones, size, interpolation=cv2.INTER_AREA) / (
        255.0 * np.maximum(coverage, 1e-3)
    )
    return rows, coverage, tone


def _bank(regions: FaceRegions, atlas: UvAtlas, length_class: int):
    key = f"beard_bank{length_class}"
    if key not in atlas.cache:
        rows = slice(int(_WINDOW[0] * atlas.size), int(_WINDOW[1] * atlas.size))
        rng = np.random.default_rng([20240613, length_class])
        atlas.cache[key] = (
            rows,
            [_draw_bank(regions, atlas, rows, length_class, rng) for _ in range(_VARIANTS)],
        )
    return atlas.cache[key]


def _draw_bank(regions, atlas, rows: slice, length_class: int, rng: np.random.Generator):
    """(ranks, tones) uint8 at twice the atlas resolution; higher ranks lie on top."""
    length_mm, count, points = _CLASSES[length_class]
    count = int(count * (atlas.size / 512) ** 2)
    height, width = 2 * (rows.stop - rows.start), 2 * atlas.size
    fields = beard_fields(regions, atlas)
    allowed = np.maximum.reduce([fields["everywhere"], fields["moustache"], fields["chin"]])[rows]
    root = rng.uniform(0, 1, (count * 3, 2)) * [width, height]
    cell = (root / 2).astype(int)
    cell = np.minimum(cell, [atlas.size - 1, rows.stop - rows.start - 1])
    keep = allowed[cell[:, 1], cell[:, 0]] > 0.02
    root, cell = root[keep][:count], cell[keep][:count]
    x, y = regions.x_mm[rows][cell[:, 1], cell[:, 0]], regions.y_mm[rows][cell[:, 1], cell[:, 0]]
    moustache = fields["moustache"][rows][cell[:, 1], cell[:, 0]]
    # Row 0 is under the chin: downwards on the face is towards smaller rows.
    outwards = np.sign(x) * (0.12 + moustache * np.clip(np.abs(x) / 14.0, 0.15, 1.1))
    outwards += np.where(np.abs(x) > 40, -0.25 * np.sign(x), 0.0) * (y > 0)
    clump = noise_field(rng, "mid", atlas.size)[rows][cell[:, 1], cell[:, 0]]
    angle = np.arctan2(-1.0, outwards) + 0.28 * clump + rng.normal(0.0, 0.22, len(root))
    pixels_per_mm = 2.0 / atlas.mm_per_texel[rows].mean(-1)[cell[:, 1], cell[:, 0]]
    length = length_mm * np.clip(pixels_per_mm, 1.0, 6.0) * rng.uniform(0.5, 1.25, len(root))
    strands = grow(
        root, angle, np.maximum(length, 1.0), rng.normal(0.0, 0.35, len(root)) - 0.4 * clump, points
    )
    canvas = np.zeros((height, width, 3), np.uint8)
    fixed = np.round(strands * 16).astype(np.int32)
    groups = np.array_split(np.arange(len(fixed)), 64)
    for k, group in enumerate(groups):
        colour = (40 + int(215 * (k + 1) / len(groups)), int(rng.uniform(20, 250)), 0)
        cv2.polylines(canvas, list(fixed[group]), False, colour, 1, cv2.LINE_AA, 4)
    return np.ascontiguousarray(canvas[..., 0]), np.ascontiguousarray(canvas[..., 1])
