"""Eyebrows: hundreds of fine hairs a side, following the natural direction of growth.

Inner hairs stand up, the lower rows sweep up and outwards, the upper rows down and outwards, so that both
meet along the middle of the brow, and the tail lies flat.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from gaze.synthesis.face_regions import smoothstep
from gaze.synthesis.strands import draw_strands, grow
from gaze.synthesis.uv_atlas import UvAtlas

_SUPER = 5
_ALONG = np.array([0.0, 0.2, 0.45, 0.7, 1.0])


@dataclass(frozen=True)
class BrowShape:
    """One person's brows: lengths in mm on the neutral head, angles in rad.

    height_mm: middle of the brow above the middle of the eye; arch_mm: rise of the outer third over the
    inner end; tail_drop_mm; half_width_mm at the thickest place; density 0..1; hair_mm: length of a hair;
    stray: share of hairs growing outside; messy: deviation of directions, rad; unibrow 0..1; opacity 0..1;
    gap_mm: half the distance between the inner ends; tail_mm: the outer end's x; filled 0..1: brow pencil.
    """

    height_mm: float
    arch_mm: float
    tail_drop_mm: float
    half_width_mm: float
    density: float
    hair_mm: float
    stray: float
    messy: float
    unibrow: float
    opacity: float
    gap_mm: float
    tail_mm: float
    filled: float

    @classmethod
    def sample(cls, rng: np.random.Generator, masculine: bool, age_years: float) -> BrowShape:
        """Draw brows: lower, thicker and straighter for men on the whole."""
        thick = rng.normal(3.9 if masculine else 3.0, 0.85)
        return cls(
            height_mm=float(np.clip(rng.normal(18.5 if masculine else 20.5, 2.3), 13.0, 26.0)),
            arch_mm=float(rng.normal(2.2 if masculine else 3.6, 1.4)),
            tail_drop_mm=float(rng.normal(4.5, 1.8)),
            half_width_mm=float(np.clip(thick, 1.3, 6.0)),
            density=float(np.clip(rng.normal(0.62, 0.2) - 0.003 * max(0.0, age_years - 50), 0.12, 1.0)),
            hair_mm=float(np.clip(rng.normal(7.0 if masculine else 6.2, 1.2), 3.5, 11.0)),
            stray=float(rng.uniform(0.0, 0.12)),
            messy=float(rng.uniform(0.08, 0.35)),
            unibrow=float(rng.uniform(0.2, 1.0)) if rng.random() < (0.10 if masculine else 0.04) else 0.0,
            opacity=float(rng.uniform(0.75, 1.0)),
            gap_mm=float(np.clip(rng.normal(11.5, 1.8), 7.0, 17.0)),
            tail_mm=float(np.clip(rng.normal(55.0, 2.5), 48.0, 61.0)),
            filled=float(rng.uniform(0.2, 0.6)) if not masculine and rng.random() < 0.35 else 0.0,
        )


def brow_coverage(
    atlas: UvAtlas, shape: BrowShape, rng: np.random.Generator
) -> list[tuple[tuple[slice, slice], np.ndarray, np.ndarray]]:
    """For each side: the window of the atlas, and over it hair coverage 0..1 and mean tone 0..1."""
    patches = []
    for side in (-1, 1):
        window, coefficients = _plane_map(atlas, side)
        patches.append((window, *_one_side(window, coefficients, atlas, shape, rng)))
    return patches


def centre_line(atlas: UvAtlas, shape: BrowShape, rng: np.random.Generator | None = None) -> np.ndarray:
    """The middle of the brow at _ALONG: (5, 2) mm, lateral x and y; a little uneven when `rng` is given."""
    eye_y = float(atlas.landmarks_mm[36:48, 1].mean())
    uneven = rng.normal(0.0, [0.6, 0.5, 0.5]) if rng is not None else np.zeros(3)
    x = shape.gap_mm + 1.0 + (shape.tail_mm - shape.gap_mm - 1.0) * _ALONG
    inner = shape.height_mm - 0.45 * shape.arch_mm + uneven[0]
    rise = np.interp(_ALONG, [0.0, 0.2, 0.45, 0.7, 1.0], [0.0, 0.35, 0.75, 1.0, 1.0]) * (
        shape.arch_mm + uneven[1]
    )
    drop = smoothstep(0.6, 1.0, _ALONG) * shape.tail_drop_mm
    y = eye_y - (inner + rise - drop)
    return np.stack([x + uneven[2], y], -1)


def _plane_map(atlas: UvAtlas, side: int):
    """Window of one brow and the cubic map from (lateral x, y) in mm to texels within it."""
    key = f"brow{side}"
    if key not in atlas.cache:
        eye_y = float(atlas.landmarks_mm[36:48, 1].mean())
        x, y, z = (atlas.position_mm[..., k] for k in range(3))
        lateral = x * side
        chosen = (
            (lateral > -6) & (lateral < 68) & (y > eye_y - 40) & (y < eye_y - 4) & (z < -30) & atlas.inside
        )
        rows, columns = np.nonzero(chosen)
        texels = np.stack([columns, rows], -1).astype(float)
        terms = _cubic(lateral[chosen], y[chosen] - eye_y)
        coefficients, *_ = np.linalg.lstsq(terms, texels, rcond=None)
        window = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        atlas.cache[key] = (window, coefficients)
    return atlas.cache[key]


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = np.asarray(x, float) / 30.0, np.asarray(y, float) / 20.0
    xs, ys = ([np.ones_like(t), t, t * t, t * t * t, t * t * t * t] for t in (x, y))  # t**4 takes far longer
    return np.stack([xs[i] * ys[j] for i in range(5) for j in range(5 - i)], -1)


def _one_side(window, coefficients, atlas, shape: BrowShape, rng: np.random.Generator):
    eye_y = float(atlas.landmarks_mm[36:48, 1].mean())
    line = centre_line(atlas, shape, rng)
    count = int((130 + 680 * shape.density) * (0.4 + shape.half_width_mm / 6.0))
    along = rng.beta(1.2, 1.3, count)
    if shape.unibrow > 0:
        bridge = rng.random(count) < 0.14 * shape.unibrow
        along[bridge] = rng.uniform(-0.27, 0.0, bridge.sum())
    across = np.clip(rng.normal(0.0, 0.58, count), -1.5, 1.5)
    stray = rng.random(count) < shape.stray
    across[stray] = rng.uniform(-2.2, 2.0, stray.sum())
    width = shape.half_width_mm * np.interp(
        along, [-0.3, 0.0, 0.1, 0.3, 0.65, 0.9, 1.0], [0.5, 0.62, 0.9, 1, 0.8, 0.42, 0.2]
    )
    x = np.interp(along, _ALONG, line[:, 0]) + np.minimum(along, 0.0) * 42.0
    y = np.interp(along, _ALONG, line[:, 1]) - across * width
    slope = np.arctan(
        np.interp(along, (_ALONG[1:] + _ALONG[:-1]) / 2, np.diff(line[:, 1]) / np.diff(line[:, 0]))
    )
    # Angles in the (lateral x, y down) plane, relative to the brow's own direction: negative is upwards.
    upright = np.deg2rad(78) * (1.0 - smoothstep(-0.02, 0.28, along))
    sweep = np.deg2rad(32) * smoothstep(0.0, 0.3, along) * np.clip(0.5 - across, -0.6, 1.3)
    flat = smoothstep(0.55, 1.0, along)
    angle = slope - (upright + sweep * (1.0 - 0.65 * flat)) + rng.normal(0.0, shape.messy, count)
    length = (
        shape.hair_mm
        * np.interp(along, [-0.3, 0, 0.35, 1.0], [0.6, 0.75, 1.0, 0.62])
        * rng.uniform(0.6, 1.15, count)
    )
    length = np.minimum(length, 2.6 * width + 2.4)
    bend = (slope - angle) * rng.uniform(0.3, 0.8, count)
    root = np.stack([x, y], -1) - 0.42 * length[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1) * 0.8
    strands = grow(root, angle, length, bend)
    texels = _cubic(strands[..., 0], strands[..., 1] - eye_y) @ coefficients
    origin = np.array([window[1].start, window[0].start])
    pixels = (texels - origin + 0.5) * _SUPER - 0.5
    height, width_px = (window[0].stop - window[0].start), (window[1].stop - window[1].start)
    coverage, toned = draw_strands((height * _SUPER, width_px * _SUPER), pixels, rng.random(count), 1)
    size = (width_px, height)
    coverage = cv2.resize(coverage, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    toned = cv2.resize(toned, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    tone = toned / np.maximum(coverage, 1e-3)
    soft = cv2.GaussianBlur(coverage, (0, 0), 2.2 * atlas.size / 512)
    coverage = coverage * shape.opacity
    return 1.0 - (1.0 - coverage) * (1.0 - np.clip((0.15 + shape.filled) * soft * 1.2, 0.0, 0.8)), tone
