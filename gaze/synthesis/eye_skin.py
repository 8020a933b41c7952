"""The skin about the eyes: lid crease, lash line, waterline, folds and bags below, dark circles, make-up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gaze.synthesis.face_regions import EyeField, smoothstep

_SHADOWS = (
    (120, 80, 62),
    (92, 60, 54),
    (150, 104, 96),
    (64, 58, 66),
    (160, 120, 80),
    (70, 84, 120),
    (80, 104, 86),
    (120, 70, 100),
)


@dataclass(frozen=True)
class EyeSkin:
    """One person's lids and what is painted on them.

    crease_mm: height of the fold above the lid's edge; crease 0..1: its depth (0 for a lid without fold);
    second_crease 0..1; bag, fold, trough 0..1 below the eye; dark 0..1 circles; lid_red 0..1: blood and
    brown in the lids; lash_line 0..1; rim_pink 0..1; liner 0..1, liner_mm, wing 0..1, lower_liner 0..1;
    shadow 0..1 with shadow_srgb.
    """

    crease_mm: float
    crease: float
    second_crease: float
    bag: float
    fold: float
    dark: float
    lid_red: float
    lash_line: float
    rim_pink: float
    liner: float
    liner_mm: float
    wing: float
    lower_liner: float
    shadow: float
    shadow_srgb: tuple[float, float, float]

    @classmethod
    def sample(cls, rng: np.random.Generator, age_years: float, made_up: bool, melanin: float) -> EyeSkin:
        """Draw one person's lids; made_up allows eyeliner and shadow."""
        aged = float(np.clip((age_years - 20) / 50, 0, 1))
        liner = made_up and rng.random() < 0.6
        tint = np.array(_SHADOWS[rng.integers(len(_SHADOWS))], float) * rng.uniform(0.7, 1.2)
        return cls(
            crease_mm=float(np.clip(rng.normal(3.9, 0.8), 2.2, 6.5)),
            crease=float(rng.uniform(0.45, 1.0)) if rng.random() < 0.85 else float(rng.uniform(0.0, 0.25)),
            second_crease=float(rng.uniform(0.2, 0.8)) if rng.random() < 0.25 + 0.4 * aged else 0.0,
            bag=float(np.clip(rng.beta(1.2, 3.0) + 0.5 * aged * rng.random(), 0, 1)),
            fold=float(np.clip(rng.uniform(0.1, 0.6) + 0.4 * aged, 0, 1)),
            dark=float(np.clip(rng.beta(1.3, 2.4) + 0.25 * melanin * rng.random(), 0, 1)),
            lid_red=float(rng.beta(1.6, 1.6)),
            lash_line=float(rng.uniform(0.45, 1.0)),
            rim_pink=float(rng.uniform(0.3, 1.0)),
            liner=float(rng.uniform(0.5, 1.0)) if liner else 0.0,
            liner_mm=float(rng.uniform(0.5, 2.0)),
            wing=float(rng.random() < 0.3),
            lower_liner=float(rng.uniform(0.2, 0.9)) if liner and rng.random() < 0.45 else 0.0,
            shadow=float(rng.uniform(0.15, 0.7)) if made_up and rng.random() < 0.55 else 0.0,
            shadow_srgb=tuple(np.clip(tint, 0, 255).tolist()),
        )


def _ridge(distance: np.ndarray, at: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-(((distance - at) / width) ** 2))


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the texels of an eye's window lie, (H, W).

    d: mm from the edge of the lids; s: along the eye, 0 at the inner corner to 1 at the outer, beyond these
    outside the opening; up: True over the upper lid; mid: 1 half-way along the eye, 0 at both corners and
    beyond; crease_mm: how far from the edge the upper lid's crease runs.
    """

    d: np.ndarray
    s: np.ndarray
    up: np.ndarray
    mid: np.ndarray
    crease_mm: np.ndarray

    @classmethod
    def of(cls, eye: EyeField, crease_mm: float, rng: np.random.Generator) -> _Place:
        d, s, up = eye.rim_mm[eye.window], eye.along[eye.window], eye.upper[eye.window]
        mid = np.clip(1.0 - (2.0 * s - 1.0) ** 2, 0.0, 1.0)
        # A person's two creases differ a little; each comes down to the inner corner more than to the outer.
        jitter = rng.normal(1.0, 0.07)
        return cls(d, s, up, mid, crease_mm * jitter * (0.55 + 0.45 * mid**0.6) + 0.5 * s)

    @cached_property
    def over_upper_lid(self) -> np.ndarray:
        """0..1, fading out beyond both corners."""
        return self.up * (smoothstep(-0.12, 0.06, self.s) * smoothstep(1.25, 1.02, self.s))

    @cached_property
    def below_eye(self) -> np.ndarray:
        """0..1, fading out beyond both corners."""
        return ~self.up * smoothstep(-0.2, 0.1, self.s) * smoothstep(1.3, 0.9, self.s)


def paint_eye_skin(
    eye: EyeField, lids: EyeSkin, rng: np.random.Generator
) -> tuple[tuple[slice, slice], dict[str, np.ndarray]]:
    """One eye's window of the atlas and float32 layers over it.

    height_mm, grey, blue, melanin and haemoglobin are added to what gaze.synthesis.skin.SkinLayers holds (its
    blood is the haemoglobin); wet, liner and shadow are 0..1: how much of a texel they cover.
    """
    at = _Place.of(eye, lids.crease_mm, rng)
    crease, second = _creases(at, lids)
    fold, bag, bag_shade = _folds_below(at, lids)
    circles, lid_tint, corners, hollow, pocket = _thin_skin(at, lids)
    rim = smoothstep(0.7, 0.1, at.d)
    redness = lids.lid_red
    layers = {
        "height_mm": -0.38 * crease - 0.2 * second - 0.16 * fold + 0.9 * bag,
        # Furrows lie in shade, the deeper the darker; lashes hide their roots nearly wholly.
        "grey": 0.95 * crease
        + 0.10 * pocket
        + 0.12 * corners
        + 0.22 * second
        + 0.14 * fold
        + 0.16 * bag_shade
        + 1.25 * _lash_line(at, lids),
        # Dark circles: veins (blue, red) and brown under thin skin.
        "blue": 0.30 * circles,
        "melanin": 0.10 * circles + (0.04 + 0.12 * redness) * (lid_tint + hollow),
        "haemoglobin": 0.7 * circles
        + (0.3 + 0.8 * redness) * (lid_tint + 0.6 * (corners + hollow))
        + 1.0 * lids.rim_pink * rim,
        "liner": np.clip(np.maximum(_upper_liner(at, lids), _lower_liner(at, lids)), 0, 1),
        "shadow": np.clip(_shadow(at, lids), 0, 1),
        "wet": rim,
    }
    return eye.window, {name: layer.astype(np.float32) for name, layer in layers.items()}


def _creases(at: _Place, lids: EyeSkin) -> tuple[np.ndarray, np.ndarray]:
    """The upper lid's crease, and a second one 2.3 mm over it; 1 in the deepest."""
    crease = lids.crease * _ridge(at.d, at.crease_mm, 0.55) * at.over_upper_lid
    second = lids.second_crease * _ridge(at.d, at.crease_mm + 2.3, 0.6) * at.over_upper_lid
    return crease, second


def _folds_below(at: _Place, lids: EyeSkin) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two folds 4 to 8 mm under the lid's edge, the bag, and the shade along the bag's lower edge."""
    d, s, below = at.d, at.s, ~at.up
    fold_at = 4.3 + 1.2 * np.clip(s, 0, 1.2)
    fold = lids.fold * (_ridge(d, fold_at, 0.6) + 0.5 * _ridge(d, fold_at + 2.6, 0.7)) * at.below_eye
    # The bag ends 11.5 mm below, lower towards the nose.
    bag_edge = 11.5 + 2.0 * np.clip(0.4 - s, -0.5, 0.5)
    bag = lids.bag * smoothstep(3.0, 8.0, d) * smoothstep(bag_edge + 2.0, bag_edge - 3.0, d)
    bag = bag * below * at.mid**0.5
    shade = lids.bag * _ridge(d, bag_edge + 1.0, 2.2) * below * np.clip(at.mid + 0.15, 0, 1)
    return fold, bag, shade


def _thin_skin(at: _Place, lids: EyeSkin) -> tuple[np.ndarray, ...]:
    """Where blood and brown show through, 0..1: circles, lids, corners, hollow; and the shaded pocket."""
    d, s, up = at.d, at.s, at.up
    circles = lids.dark * (
        ~up * _ridge(d, 6.5, 5.5) * smoothstep(1.25, 0.3, s) + 0.4 * up * _ridge(d, 4.0, 4.5)
    )
    circles = circles * smoothstep(20.0, 15.0, d)
    # Thin skin: the lid itself, the rim of the lower lid and both corners are redder and browner.
    upper = at.over_upper_lid * smoothstep(at.crease_mm + 3.5, at.crease_mm - 1.0, d)
    lid_tint = upper + 0.8 * at.below_eye * smoothstep(6.0, 1.0, d)
    corners = smoothstep(7.5, 2.0, d) * (smoothstep(0.16, -0.08, s) + 0.6 * smoothstep(0.9, 1.06, s))
    # Broader, about the inner corner: light that comes back out of there went through skin.
    hollow = smoothstep(11.0, 2.0, d) * smoothstep(0.55, -0.05, s)
    # Between inner corner and brow, under the ridge of the orbit.
    pocket = up * smoothstep(11.0, 3.0, d) * smoothstep(0.75, 0.1, s) * smoothstep(-0.45, -0.1, s)
    return circles, lid_tint, corners, hollow, pocket


def _lash_line(at: _Place, lids: EyeSkin) -> np.ndarray:
    """Roots of the lashes 0.4 mm from the edge, 0..1: broader and denser on the upper lid."""
    d, s, up = at.d, at.s, at.up
    lash = (
        lids.lash_line
        * _ridge(d, 0.4, np.where(up, 0.75, 0.5))
        * smoothstep(-0.02, 0.12, s)
        * smoothstep(1.1, 1.0, s)
    )
    return lash * (np.where(up, 1.0, 0.45) * (d > 0.05))


def _upper_liner(at: _Place, lids: EyeSkin) -> np.ndarray:
    """Eyeliner on the upper lid, thicker outwards, with a wing that rises 4.2 mm beyond the corner."""
    if not lids.liner:
        return np.zeros_like(at.d)
    d, s, up = at.d, at.s, at.up
    thickness = lids.liner_mm * (0.35 + 0.65 * np.clip(s, 0, 1)) * np.clip(0.5 + s, 0, 1)
    liner = lids.liner * up * smoothstep(thickness + 0.55, thickness, d) * smoothstep(0.0, 0.12, s)
    liner = liner * smoothstep(1.14, 1.02, s) * (d > 0.1)
    if not lids.wing:
        return liner
    beyond = np.clip((s - 1.0) / 0.22, 0, 1)
    wing = lids.liner * smoothstep(0.98, 1.02, s) * smoothstep(1.24, 1.16, s)
    rise = d - 4.2 * beyond
    wing = wing * up * smoothstep(1.5, 0.6, np.abs(rise)) * smoothstep(0.02, 0.1, 1 - beyond)
    return np.maximum(liner, wing)


def _lower_liner(at: _Place, lids: EyeSkin) -> np.ndarray:
    """Eyeliner under the eye, on its outer half."""
    if not lids.lower_liner:
        return np.zeros_like(at.d)
    d, s = at.d, at.s
    liner = lids.lower_liner * ~at.up * smoothstep(1.2, 0.4, d)
    return liner * smoothstep(0.1, 0.5, s) * smoothstep(1.1, 1.0, s)


def _shadow(at: _Place, lids: EyeSkin) -> np.ndarray:
    """Eye shadow over the upper lid, fading out 7 mm above the crease."""
    if not lids.shadow:
        return np.zeros_like(at.d)
    d, s = at.d, at.s
    shadow = lids.shadow * at.up * smoothstep(at.crease_mm + 7.0, at.crease_mm - 1.0, d)
    return shadow * smoothstep(-0.15, 0.15, s) * smoothstep(1.35, 1.0, s)
