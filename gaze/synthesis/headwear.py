"""Head scarves, woollen hats and caps as cloth shells round the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaze.synthesis.face_regions import smoothstep
from gaze.synthesis.hair_parts import HairPart, shell
from gaze.synthesis.head_surface import CENTRE_MM, HeadSurface, directions_of
from gaze.synthesis.skin_noise import fractal_field

HEADWEAR = ("scarf", "beanie", "cap")
_CLOTH = (
    (22, 22, 26),
    (40, 44, 62),
    (92, 92, 96),
    (150, 142, 132),
    (208, 202, 194),
    (116, 40, 44),
    (60, 82, 66),
    (78, 96, 132),
    (176, 140, 132),
    (130, 100, 70),
    (190, 160, 60),
)


@dataclass(frozen=True)
class Headwear:
    """One thing worn on the head.

    kind of HEADWEAR; srgb (3,) 0..255; rim_mm: height of the front edge above the eyes' level on the neutral
    head; thickness_mm; peak_mm length and peak_pitch_rad (downwards) of a cap; open_mm: half the width of a
    scarf's opening.
    """

    kind: str
    srgb: tuple[float, float, float]
    rim_mm: float
    thickness_mm: float
    peak_mm: float
    peak_pitch_rad: float
    open_mm: float

    @classmethod
    def sample(cls, rng: np.random.Generator, masculine: bool) -> Headwear:
        """Draw one piece of headwear."""
        weights = (0.04, 0.48, 0.48) if masculine else (0.66, 0.2, 0.14)
        kind = str(rng.choice(HEADWEAR, p=weights))
        base = np.array(_CLOTH[rng.integers(len(_CLOTH))], float) * rng.uniform(0.75, 1.2)
        rim = {"scarf": rng.uniform(46, 66), "beanie": rng.uniform(32, 62), "cap": rng.uniform(36, 58)}[kind]
        return cls(
            kind=kind,
            srgb=tuple(np.clip(base * (1 + rng.normal(0, 0.04, 3)), 4, 245).tolist()),
            rim_mm=float(rim),
            thickness_mm=float(rng.uniform(2.5, 6.0)),
            peak_mm=float(rng.uniform(55, 78)),
            peak_pitch_rad=float(np.deg2rad(rng.uniform(2, 26))),
            open_mm=float(rng.uniform(56, 68)),
        )


def build_headwear(
    surface: HeadSurface, neutral: HeadSurface, wear: Headwear, rng: np.random.Generator
) -> list[HairPart]:
    """The cloth parts of one piece of headwear on a person's surface."""
    if wear.kind == "scarf":
        return [_scarf(surface, wear, rng)]
    parts = [_hat(surface, neutral, wear, rng)]
    if wear.kind == "cap":
        parts.append(_peak(surface, neutral, wear))
    return parts


def _outward(points: np.ndarray) -> np.ndarray:
    offset = points - CENTRE_MM
    return offset / np.linalg.norm(offset, axis=-1, keepdims=True)


def _scarf(surface: HeadSurface, wear: Headwear, rng: np.random.Generator) -> HairPart:
    """Rings round the face's opening, from its edge to the back of the head."""
    columns, rows = 81, 22
    around = np.linspace(0.0, 2 * np.pi, columns)
    # The opening's edge in the face's plane: forehead above, under the chin below.
    x = np.sin(around) * wear.open_mm
    up = np.cos(around) > 0
    y = -36.0 - np.where(up, np.cos(around) * wear.rim_mm, np.cos(around) * 118.0)
    edge = np.stack([x, y, np.full(columns, -72.0) + 14 * np.abs(np.sin(around))], -1)
    first = edge - CENTRE_MM
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    last = np.array([0.0, 0.25, 0.97])
    share = np.linspace(0.0, 1.0, rows)[:, None, None] ** 1.15
    # Great circles from the edge to the back of the head.
    angle = np.arccos(np.clip((first * last).sum(-1), -1, 1))[None, :, None]
    direction = (np.sin((1 - share) * angle) * first + np.sin(share * angle) * last) / np.sin(angle)
    theta, phi, _ = directions_of(CENTRE_MM + direction)
    points = surface.at(theta, phi)
    folds = fractal_field(rng, 128, 5, 3, 0.5)[:rows, :columns]
    folds[:, -1] = folds[:, 0]
    behind = smoothstep(0.0, 0.16, share[..., 0])
    radius = np.linalg.norm(points - CENTRE_MM, axis=-1)
    wave = np.sin(around * 9 + 6 * folds[0] + 9 * share[..., 0]) * smoothstep(0.05, 0.3, share[..., 0])
    radius = radius + 0.8 + behind * (wear.thickness_mm + 2.5) + behind * (1.4 * folds + 1.0 * wave)
    ears = np.exp(-(((np.abs(phi) - 1.65) / 0.28) ** 2) - (((theta - 1.85) / 0.30) ** 2))
    radius = radius + 13.0 * ears
    # Below the jaw the cloth hangs clear of the neck: its offset turns from radial to sideways.
    low = smoothstep(0.45, 0.85, direction[..., 1])
    sideways = points - np.array([0.0, 0.0, 20.0])
    sideways[..., 1] = 0.0
    sideways /= np.maximum(np.linalg.norm(sideways, axis=-1, keepdims=True), 1e-6)
    points = CENTRE_MM + direction * (radius + 8.0 * low * behind)[..., None]
    points = points + sideways * (24.0 * low * smoothstep(0.0, 0.1, share[..., 0]))[..., None]
    texcoord = np.stack(
        [np.broadcast_to(around / 1.0, theta.shape), share[..., 0] * np.ones_like(theta) * 3.0], -1
    )
    tone = 0.7 + 0.3 * behind + 0.05 * folds
    return shell(points, texcoord, 1.0, tone, np.array(wear.srgb) / 255.0, "cloth", 0.15, True)


def _rim_theta(neutral: HeadSurface, wear: Headwear, phi: np.ndarray) -> np.ndarray:
    degrees = np.abs(np.rad2deg(phi))
    front = -36.0 - wear.rim_mm
    ears = -50.0 if wear.kind == "cap" else -22.0
    y = np.interp(
        degrees, [0, 35, 75, 100, 130, 180], [front, front + 1, ears - 14, ears, ears + 14, ears + 22]
    )
    return neutral.theta_of_height(phi, y)


def _hat(surface: HeadSurface, neutral: HeadSurface, wear: Headwear, rng: np.random.Generator) -> HairPart:
    columns, rows = 81, 18
    phi = np.linspace(-np.pi, np.pi, columns)
    share = np.linspace(0.0, 1.0, rows)[:, None]
    edge = _rim_theta(neutral, wear, phi)[None]
    theta = np.maximum(edge * (1 - share**1.1), 0.004)
    wide = np.broadcast_to(phi, theta.shape)
    points = surface.at(theta, wide)
    knit = wear.kind == "beanie"
    inwards = (edge - theta) * 95.0
    folds = fractal_field(rng, 96, 5, 2, 0.5)[:rows, :columns]
    folds[:, -1] = folds[:, 0]
    lift = 1.0 + (wear.thickness_mm + 2.0) * smoothstep(0.0, 3.0, inwards)
    if knit:
        lift = lift + 2.5 * smoothstep(42, 38, inwards) * smoothstep(0, 3, inwards) + 1.5 * folds
        lift = lift + 14.0 * smoothstep(70, 130, inwards)
    else:
        lift = lift + 8.0 * smoothstep(5, 40, inwards) + 0.6 * folds
    points = points + _outward(points) * lift[..., None]
    across = wide * (60.0 / 26.0 if knit else 1.0)
    texcoord = np.stack([across, theta * (95.0 / 26.0 if knit else 1.0)], -1)
    tone = (
        0.75
        + 0.25 * smoothstep(0, 5, inwards)
        - (0.15 * np.exp(-(((inwards - 41) / 2.5) ** 2)) if knit else 0.0)
    )
    texture = "knit" if knit else "cloth"
    return shell(points, texcoord, 1.0, tone, np.array(wear.srgb) / 255.0, texture, 0.1, True)


def _peak(surface: HeadSurface, neutral: HeadSurface, wear: Headwear) -> HairPart:
    """A cap's peak: a curved sheet that starts at the front rim."""
    columns, rows = 25, 8
    phi = np.linspace(-0.95, 0.95, columns)
    theta = _rim_theta(neutral, wear, phi)
    rim = surface.at(theta, phi)
    rim = rim + _outward(rim) * (wear.thickness_mm + 1.0)
    across = np.linspace(-1.0, 1.0, columns)
    reach = wear.peak_mm * np.sqrt(np.clip(1 - np.abs(across) ** 2.6, 0, 1))
    share = np.linspace(0.0, 1.0, rows)[:, None, None]
    drop = np.sin(wear.peak_pitch_rad) + 0.20 * across**2
    forwards = np.stack([0.12 * across, drop, -np.full(columns, np.cos(wear.peak_pitch_rad))], -1)
    points = rim[None] + share * reach[None, :, None] * forwards[None]
    points[..., 1] += 6.0 * (share[..., 0] ** 2) * (across**2)[None]
    texcoord = np.stack(np.broadcast_arrays(across[None] * 1.5, share[..., 0]), -1)
    return shell(points, texcoord, 1.0, 0.9, np.array(wear.srgb) / 255.0, "cloth", 0.1, True)
