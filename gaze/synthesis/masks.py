"""Masks over nose and mouth: pleated surgical masks, cloth masks, folded respirators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.accessory import CLOTH, PRINT, Accessory, Binding, Material, join
from gaze.synthesis.envelope import FaceEnvelope, from_cylinder
from gaze.synthesis.mesh import LANDMARKS_68, SKIN_COUNT
from gaze.synthesis.solids import sheet, sweep

_ROWS, _COLUMNS = 30, 34
_COLOURS = {
    "surgical": (
        (0.42, 0.62, 0.72),
        (0.30, 0.52, 0.68),
        (0.75, 0.77, 0.78),
        (0.02, 0.02, 0.022),
        (0.55, 0.68, 0.6),
    ),
    "cloth": (
        (0.02, 0.02, 0.022),
        (0.65, 0.64, 0.62),
        (0.03, 0.05, 0.12),
        (0.25, 0.25, 0.26),
        (0.3, 0.06, 0.07),
    ),
    "respirator": ((0.78, 0.78, 0.77), (0.72, 0.74, 0.76), (0.03, 0.03, 0.03), (0.45, 0.5, 0.55)),
}


@dataclass(frozen=True)
class MaskStyle:
    """One mask: ``kind`` of _COLOURS, ``half_deg`` half width, ``slack_mm`` stand-off from the skin.

    ``nose`` is 0 at the nostrils, 1 high on the bridge; ``worn_low`` leaves the nose bare.
    """

    kind: str
    nose: float
    half_deg: float
    slack_mm: float
    worn_low: bool
    material: Material

    @classmethod
    def sample(cls, rng: np.random.Generator) -> MaskStyle:
        """Draw a mask as worn in streets and offices."""
        kind = str(rng.choice(["surgical", "cloth", "respirator"], p=[0.55, 0.27, 0.18]))
        colours = _COLOURS[kind]
        colour = np.array(colours[int(rng.integers(len(colours)))]) * rng.uniform(0.8, 1.15)
        printed = kind == "cloth" and rng.random() < 0.3
        second = tuple(float(c) for c in np.clip(np.exp(rng.normal(-1.5, 0.8, 3)), 0.02, 0.8))
        material = Material(
            kind,
            tuple(float(c) for c in np.clip(colour, 0.01, 0.85)),
            roughness=0.85,
            f0=(0.02, 0.02, 0.02),
            pattern=PRINT if printed else CLOTH,
            second=second,
            scale_mm=float(rng.uniform(12, 40)),
            scatter=0.25,
        )
        return cls(
            kind=kind,
            nose=float(rng.uniform(0.25, 0.95)),
            half_deg=float(rng.uniform(54, 68)),
            slack_mm=float(rng.uniform(1.0, 3.5)),
            worn_low=bool(rng.random() < 0.06),
            material=material,
        )


def make_mask(style: MaskStyle, vertices_mm: NDArray[np.floating]) -> Accessory:
    """A mask on a head, ``vertices_mm`` (N, 3) of the mesh; bound to the skin so that it follows the jaw."""
    marks = np.asarray(vertices_mm, dtype=np.float64)[LANDMARKS_68]
    envelope = FaceEnvelope(vertices_mm)
    s = np.linspace(-1.0, 1.0, _COLUMNS)[None]
    t = np.linspace(0.0, 1.0, _ROWS)[:, None]
    top_middle = (
        marks[33, 1] + 4.0 if style.worn_low else (1 - style.nose) * marks[30, 1] + style.nose * marks[28, 1]
    )
    top_side = marks[[2, 14], 1].mean() - 12.0 + (15.0 if style.worn_low else 0.0)
    top = top_middle + (top_side - top_middle) * np.abs(s) ** 1.3
    bottom_middle = marks[8, 1] + 4.0
    bottom_side = 0.5 * (marks[[4, 12], 1].mean() + marks[[3, 13], 1].mean())
    bottom = bottom_middle + (bottom_side - bottom_middle) * np.abs(s) ** 1.8
    height = top + (bottom - top) * t
    pinch = 1.0 - 0.12 * (4.0 * (t - 0.5) ** 2)
    angle = np.deg2rad(style.half_deg) * s * pinch
    skin = envelope.look_up(envelope.outer_mm, angle, height)
    cloth = envelope.look_up(envelope.stretched(), angle, height)
    border = np.minimum.reduce(np.broadcast_arrays((1 - np.abs(s)) * 5.0, t * 7.0, (1 - t) * 7.0))
    inner = np.clip(border, 0.0, 1.0)
    radius = skin + inner * (cloth - skin) + 1.6 + inner * style.slack_mm + inner * _folds(style, s, t)
    parts = [sheet(from_cylinder(angle, height, radius), 1.0)]
    outer = from_cylinder(angle, height, radius)
    parts += _loops(outer, np.asarray(vertices_mm[:SKIN_COUNT], dtype=np.float64))
    mask = join("mask", parts, style.material, kind=style.kind)
    return mask.bound(Binding.nearest(mask.vertices_mm, vertices_mm[:SKIN_COUNT]))


def _folds(style: MaskStyle, s: NDArray, t: NDArray) -> NDArray:
    """Relief in mm: three pleats, a seam, or a respirator's ridge."""
    if style.kind == "surgical":
        phase = (t * 4.2 + 0.06 * s**2) % 1.0
        pleat = np.where(phase < 0.82, phase / 0.82, (1.0 - phase) / 0.18) - 0.5
        return 1.6 * pleat * (1.0 - 0.3 * np.abs(s))
    if style.kind == "respirator":
        return 9.0 * np.exp(-np.abs(s) / 0.35) * np.sin(np.pi * t) ** 0.8
    return 2.5 * np.exp(-((s / 0.12) ** 2)) * np.sin(np.pi * t) + 0.0 * t


def _loops(outer: NDArray, skin: NDArray):
    """Ear loops from the upper and lower corners to the ears."""
    loops = []
    for column, sign in ((-1, 1.0), (0, -1.0)):
        ear = skin[(sign * skin[:, 0] > 0) & (np.abs(skin[:, 1] + 25.0) < 45.0) & (skin[:, 2] < 40.0)]
        widest = ear[np.argmax(sign * ear[:, 0])]
        root = np.array([sign * (abs(widest[0]) - 9.0), widest[1], widest[2] - 10.0])
        for row, drop in ((1, -14.0), (-2, 12.0)):
            start, end = outer[row, column], root + np.array([0.0, drop, 0.0])
            t = np.linspace(0.0, 1.0, 6)[:, None]
            path = (1 - t) * start + t * end
            path[:, 0] += sign * 2.0 * np.sin(np.pi * t[:, 0])
            loops.append(sweep(path, [0.0, 1.0, 0.0], 1.3, 0.6, sides=6))
    return loops
