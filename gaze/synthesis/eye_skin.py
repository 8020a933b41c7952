"""The skin about the eyes: lid crease, lash line, waterline, folds and bags below, dark circles, make-up."""

from __future__ import annotations

from dataclasses import dataclass

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


def paint_eye_skin(
    eye: EyeField, lids: EyeSkin, rng: np.random.Generator
) -> tuple[tuple[slice, slice], dict[str, np.ndarray]]:
    """Layers over the eye's window: height_mm (added), grey, blue, melanin, haemoglobin densities, liner and
    shadow alphas 0..1, wet 0..1."""
    window = eye.window
    d, s, up = eye.rim_mm[window], eye.along[window], eye.upper[window]
    near = smoothstep(20.0, 15.0, d)
    mid = np.clip(1.0 - (2.0 * s - 1.0) ** 2, 0.0, 1.0)
    inside = smoothstep(-0.12, 0.06, s) * smoothstep(1.25, 1.02, s)
    jitter = rng.normal(1.0, 0.07)
    crease_at = lids.crease_mm * jitter * (0.55 + 0.45 * mid**0.6) + 0.5 * s
    upper_inside = up * inside
    crease = lids.crease * _ridge(d, crease_at, 0.55) * upper_inside
    second = lids.second_crease * _ridge(d, crease_at + 2.3, 0.6) * upper_inside
    low_inside = ~up * smoothstep(-0.2, 0.1, s) * smoothstep(1.3, 0.9, s)
    fold_at = 4.3 + 1.2 * np.clip(s, 0, 1.2)
    fold = lids.fold * (_ridge(d, fold_at, 0.6) + 0.5 * _ridge(d, fold_at + 2.6, 0.7)) * low_inside
    bag_edge = 11.5 + 2.0 * np.clip(0.4 - s, -0.5, 0.5)
    bag = lids.bag * smoothstep(3.0, 8.0, d) * smoothstep(bag_edge + 2.0, bag_edge - 3.0, d) * ~up * mid**0.5
    bag_shade = lids.bag * _ridge(d, bag_edge + 1.0, 2.2) * ~up * np.clip(mid + 0.15, 0, 1)
    circles = lids.dark * (
        ~up * _ridge(d, 6.5, 5.5) * smoothstep(1.25, 0.3, s) + 0.4 * up * _ridge(d, 4.0, 4.5)
    )
    circles = circles * near
    # Thin skin: the lid itself, the rim of the lower lid and both corners are redder and browner.
    lid_tint = upper_inside * smoothstep(crease_at + 3.5, crease_at - 1.0, d) + 0.8 * low_inside * smoothstep(
        6.0, 1.0, d
    )
    corners = smoothstep(7.5, 2.0, d) * (smoothstep(0.16, -0.08, s) + 0.6 * smoothstep(0.9, 1.06, s))
    # Broader, about the inner corner: light that comes back out of there went through skin.
    hollow = smoothstep(11.0, 2.0, d) * smoothstep(0.55, -0.05, s)
    pocket = up * smoothstep(11.0, 3.0, d) * smoothstep(0.75, 0.1, s) * smoothstep(-0.45, -0.1, s)
    lash = (
        lids.lash_line
        * _ridge(d, 0.4, np.where(up, 0.75, 0.5))
        * smoothstep(-0.02, 0.12, s)
        * smoothstep(1.1, 1.0, s)
    )
    lash *= np.where(up, 1.0, 0.45) * (d > 0.05)
    rim = smoothstep(0.7, 0.1, d)
    thickness = lids.liner_mm * (0.35 + 0.65 * np.clip(s, 0, 1)) * np.clip(0.5 + s, 0, 1)
    liner_up = lids.liner * up * smoothstep(thickness + 0.55, thickness, d) * smoothstep(0.0, 0.12, s)
    liner_up = liner_up * smoothstep(1.14, 1.02, s) * (d > 0.1)
    if lids.wing:
        beyond = np.clip((s - 1.0) / 0.22, 0, 1)
        wing = lids.liner * smoothstep(0.98, 1.02, s) * smoothstep(1.24, 1.16, s)
        rise = d - 4.2 * beyond
        liner_up = np.maximum(
            liner_up, wing * up * smoothstep(1.5, 0.6, np.abs(rise)) * smoothstep(0.02, 0.1, 1 - beyond)
        )
    liner_low = (
        lids.lower_liner * ~up * smoothstep(1.2, 0.4, d) * smoothstep(0.1, 0.5, s) * smoothstep(1.1, 1.0, s)
    )
    shadow = lids.shadow * up * smoothstep(crease_at + 7.0, crease_at - 1.0, d) * smoothstep(-0.15, 0.15, s)
    shadow = shadow * smoothstep(1.35, 1.0, s)
    layers = {
        "height_mm": -0.38 * crease - 0.2 * second - 0.16 * fold + 0.9 * bag,
        "grey": 0.95 * crease
        + 0.10 * pocket
        + 0.12 * corners
        + 0.22 * second
        + 0.14 * fold
        + 0.16 * bag_shade
        + 1.25 * lash,
        "blue": 0.30 * circles,
        "melanin": 0.10 * circles + (0.04 + 0.12 * lids.lid_red) * (lid_tint + hollow),
        "haemoglobin": 0.7 * circles
        + (0.3 + 0.8 * lids.lid_red) * (lid_tint + 0.6 * (corners + hollow))
        + 1.0 * lids.rim_pink * rim,
        "liner": np.clip(np.maximum(liner_up, liner_low), 0, 1),
        "shadow": np.clip(shadow, 0, 1),
        "wet": rim,
    }
    return window, {name: layer.astype(np.float32) for name, layer in layers.items()}
