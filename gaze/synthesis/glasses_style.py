"""What glasses look like: rims of many shapes, metals and plastics, lens power, coating and tint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.accessory import PLAIN, TORTOISE, Material

# shape: (share, width mm, height mm, squareness, wider at the top, outer corner lift, lower outer bulge)
SHAPES = {
    "rectangle": (0.30, (48, 56), (29, 37), (3.2, 6.0), (0.00, 0.05), (0.0, 1.0), 0.0),
    "square": (0.16, (47, 54), (38, 46), (3.0, 5.0), (0.02, 0.08), (0.0, 2.0), 0.0),
    "trapezoid": (0.16, (48, 54), (37, 44), (2.8, 4.0), (0.08, 0.15), (1.0, 3.5), 0.0),
    "oval": (0.08, (46, 53), (29, 37), (2.0, 2.4), (0.0, 0.0), (0.0, 0.5), 0.0),
    "round": (0.15, (42, 50), (40, 48), (2.0, 2.2), (0.0, 0.0), (0.0, 0.0), 0.0),
    "cat-eye": (0.07, (49, 56), (36, 44), (2.4, 3.2), (0.06, 0.14), (4.0, 8.0), 0.0),
    "aviator": (0.07, (50, 57), (41, 48), (2.3, 2.8), (0.06, 0.12), (0.0, 1.0), 0.12),
}
_PLASTICS = (  # weight, colour, second colour, pattern
    (0.45, (0.006, 0.006, 0.007), (0, 0, 0), PLAIN),
    (0.15, (0.012, 0.006, 0.004), (0.11, 0.04, 0.01), TORTOISE),
    (0.08, (0.01, 0.014, 0.045), (0, 0, 0), PLAIN),
    (0.07, (0.05, 0.05, 0.055), (0, 0, 0), PLAIN),
    (0.06, (0.06, 0.008, 0.012), (0, 0, 0), PLAIN),
    (0.08, (0.07, 0.03, 0.014), (0, 0, 0), PLAIN),
    (0.06, (0.45, 0.42, 0.38), (0, 0, 0), PLAIN),
    (0.05, None, (0, 0, 0), PLAIN),
)
_METALS = (  # weight, reflectance
    (0.30, (0.55, 0.53, 0.51)),
    (0.20, (0.80, 0.58, 0.28)),
    (0.20, (0.16, 0.15, 0.15)),
    (0.22, (0.05, 0.05, 0.052)),
    (0.08, (0.75, 0.45, 0.36)),
)
_COATINGS = ((0.35, 0.9, 0.5), (0.35, 0.45, 1.0), (0.7, 0.4, 1.0), (0.9, 0.8, 0.5), (0.4, 0.8, 0.9))


@dataclass(frozen=True)
class GlassesStyle:
    """A pair of glasses, not yet on a head. Lengths in mm for a head 147 mm wide before the ears.

    ``rim`` full, half or rimless; ``shift`` of the lenses (see Lenses); ``tint`` (3,) transmission;
    ``coating`` (3,) factor on the lens reflection; ``tint_gradient`` 1 makes the lower half clear.
    """

    shape: str
    rim: str
    width_mm: float
    height_mm: float
    squareness: float
    top: float
    lift_mm: float
    bulge: float
    bridge_mm: float
    rim_mm: float
    brow: float
    depth_mm: float
    square: float
    bridge_heights: tuple[float, ...]
    bridge_thick_mm: float
    arch_mm: float
    hinge: float
    temple_mm: float
    temple_thick_mm: float
    endpiece_mm: float
    pads: bool
    drop_mm: float
    vertex_mm: float
    tilt_rad: float
    wrap_rad: float
    curve_mm: float
    material: Material
    sun: bool
    tint: tuple[float, float, float]
    tint_gradient: float
    coating: tuple[float, float, float]
    shift: float

    def outline(self, points: int) -> NDArray[np.float64]:
        """The lens's edge (points, 2) in units of its half width and height, u outwards, v down."""
        angle = 2.0 * np.pi * (np.arange(points) + 0.5) / points
        c, s = np.cos(angle), np.sin(angle)
        u, v = (np.sign(f) * np.abs(f) ** (2.0 / self.squareness) for f in (c, s))
        u = u * (1.0 - self.top * v)
        out = np.clip(u, 0.0, None)
        v = v - (2.0 * self.lift_mm / self.height_mm) * out**2 * np.clip(-v, 0.0, 1.0)
        v = v + self.bulge * np.clip(v, 0.0, None) * (0.4 + 0.6 * np.clip(u, -0.5, 1.0))
        return np.stack([u / np.abs(u).max(), v], -1)

    @classmethod
    def sample(cls, rng: np.random.Generator, sun: bool | None = None) -> GlassesStyle:
        """Draw a style; ``sun`` makes it sunglasses (by default about one pair in twelve)."""
        sun = bool(rng.random() < 0.08) if sun is None else sun
        names = list(SHAPES)
        weights = np.array([SHAPES[name][0] for name in names])
        if sun:
            weights = weights * np.array([0.6, 1.0, 2.0, 0.5, 0.8, 1.5, 4.0])
        shape = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        _, width, height, squareness, top, lift, bulge = SHAPES[shape]
        metal = rng.random() < {"aviator": 0.9, "round": 0.6, "oval": 0.7, "rectangle": 0.45}.get(shape, 0.2)
        rim = "full"
        if metal and not sun and shape != "aviator":
            rim = str(rng.choice(["full", "half", "rimless"], p=[0.62, 0.22, 0.16]))
        thick = float(rng.uniform(0.9, 1.9) if metal else np.clip(rng.normal(3.2, 1.2), 1.6, 6.5))
        big = 1.06 if sun else 1.0
        return cls(
            shape=shape,
            rim=rim,
            width_mm=big * float(rng.uniform(*width)) - 0.8 * (thick - 1.5),
            height_mm=big * float(rng.uniform(*height)),
            squareness=float(rng.uniform(*squareness)),
            top=float(rng.uniform(*top)),
            lift_mm=float(rng.uniform(*lift)),
            bulge=bulge,
            bridge_mm=float(rng.uniform(16, 22)),
            rim_mm=thick,
            brow=float(rng.uniform(1.0, 1.2 if metal else 1.7)),
            depth_mm=float(rng.uniform(1.2, 2.2) if metal else rng.uniform(3.0, 4.5)),
            square=2.2 if metal else float(rng.uniform(2.6, 4.0)),
            bridge_heights=(0.85, 0.35) if shape == "aviator" else (float(rng.uniform(0.25, 0.55)),),
            bridge_thick_mm=float(rng.uniform(1.2, 2.2) if metal else rng.uniform(3.0, 6.0)),
            arch_mm=float(rng.uniform(0.0, 3.0)) if shape != "aviator" else 0.3,
            hinge=float(rng.uniform(0.2, 0.75)),
            temple_mm=float(rng.uniform(1.5, 4.0) if metal else rng.uniform(3.0, 8.0)),
            temple_thick_mm=float(rng.uniform(0.9, 1.6) if metal else rng.uniform(2.2, 4.0)),
            endpiece_mm=float(rng.uniform(2.0, 4.5) if metal else rng.uniform(4.0, 8.0)),
            pads=bool(metal or rng.random() < 0.2),
            drop_mm=float(np.clip(rng.normal(2.5, 2.5), -2.0, 8.0)),
            vertex_mm=float(rng.uniform(12.0, 15.0)),
            tilt_rad=float(np.deg2rad(rng.normal(7.0, 3.0))),
            wrap_rad=float(np.deg2rad(rng.uniform(1.0, 6.0) + (4.0 if sun else 0.0))),
            curve_mm=float(rng.uniform(85.0, 180.0)),
            material=_metal(rng) if metal else _plastic(rng),
            sun=sun,
            **_optics(rng, sun),
        )


def _optics(rng: np.random.Generator, sun: bool) -> dict[str, object]:
    dioptres = 0.0 if sun else float(np.clip(rng.normal(-2.0, 2.2), -7.0, 3.5))
    tint, gradient = np.full(3, rng.uniform(0.9, 0.97)), 0.0
    if sun:
        hue = ((1, 1, 1), (1.25, 0.95, 0.6), (0.85, 1.15, 0.85), (0.8, 0.95, 1.3))[int(rng.integers(4))]
        tint, gradient = rng.uniform(0.03, 0.28) * np.array(hue), float(rng.choice([0.0, 0.0, 0.8]))
    elif rng.random() < 0.06:
        tint = tint * np.array([0.9, 0.78, 0.6]) ** rng.uniform(0.2, 1.0)
    coating = np.ones(3)
    if rng.random() < 0.7:
        coating = np.array(_COATINGS[int(rng.integers(len(_COATINGS)))]) * rng.uniform(0.12, 0.6)
    return {
        "tint": tuple(float(t) for t in tint),
        "tint_gradient": gradient,
        "coating": tuple(float(t) for t in coating),
        "shift": -0.0135 * dioptres,  # spectacle magnification at 13.5 mm before the eye
    }


def _metal(rng: np.random.Generator) -> Material:
    weights = np.array([m[0] for m in _METALS])
    f0 = _METALS[int(rng.choice(len(_METALS), p=weights / weights.sum()))][1]
    return Material("metal", (0.004, 0.004, 0.004), float(rng.uniform(0.36, 0.6)), f0)


def _plastic(rng: np.random.Generator) -> Material:
    weights = np.array([p[0] for p in _PLASTICS])
    _, colour, second, pattern = _PLASTICS[int(rng.choice(len(_PLASTICS), p=weights / weights.sum()))]
    if colour is None:
        colour = tuple(float(c) for c in np.clip(np.exp(rng.normal(-2.2, 1.0, 3)), 0.01, 0.7))
    return Material(
        "plastic",
        colour,
        float(rng.uniform(0.28, 0.5)),
        pattern=pattern,
        second=second,
        scale_mm=float(rng.uniform(14, 34)),
    )
