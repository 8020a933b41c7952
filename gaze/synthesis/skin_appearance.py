"""What makes one person's skin, apart from noise: drawn from a seed, painted by gaze.synthesis.skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaze.synthesis.beard import BeardStyle
from gaze.synthesis.brows import BrowShape
from gaze.synthesis.eye_skin import EyeSkin
from gaze.synthesis.pigment import greyed, sample_hair_srgb
from gaze.synthesis.skin_tone import skin_srgb8

_LIPSTICKS = (
    (150, 30, 44),
    (176, 60, 70),
    (120, 24, 40),
    (190, 96, 96),
    (160, 84, 76),
    (200, 60, 90),
    (96, 40, 46),
)


@dataclass(frozen=True)
class SkinAppearance:
    """Everything that makes one person's skin, apart from noise.

    melanin 0 very light .. 1 very dark; haemoglobin and yellow: undertone, about -1.5..1.5, 0 the mean;
    redness, mottle, freckles, blemishes, oil, pores 0..1; moles: count; lips: extra haemoglobin; lipstick
    0..1 with its colour; hair_srgb: natural colour 0..255; grey: share of grey hair in the scalp and beard;
    foundation 0..1.
    """

    age_years: float
    masculine: bool
    melanin: float
    haemoglobin: float
    yellow: float
    redness: float
    mottle: float
    freckles: float
    moles: int
    blemishes: float
    oil: float
    pores: float
    lips: float
    lip_melanin: float
    lipstick: float
    lipstick_srgb: tuple[float, float, float]
    foundation: float
    hair_srgb: tuple[float, float, float]
    brow_srgb: tuple[float, float, float]
    beard_srgb: tuple[float, float, float]
    grey: float
    eye_skin: EyeSkin
    brows: BrowShape
    beard: BeardStyle | None

    @classmethod
    def sample(cls, rng: np.random.Generator) -> SkinAppearance:
        """Draw one person; the range of skins is wider and flatter than any one country's."""
        age = float(
            np.clip(
                rng.choice([rng.uniform(7, 18), rng.normal(32, 11), rng.normal(58, 11)], p=[0.1, 0.65, 0.25]),
                6,
                88,
            )
        )
        masculine = bool(rng.random() < 0.52)
        melanin = float(np.clip(rng.beta(1.1, 1.25), 0.0, 1.0))
        made_up = not masculine and age > 14 and rng.random() < 0.5
        hair = sample_hair_srgb(rng, melanin)
        grey = float(np.clip(rng.beta(1.2, 1.2) * (age - 38) / 25, 0, 1)) if age > 38 else 0.0
        lightness = hair.mean()
        brow_tint = hair * (0.55 if lightness > 90 else 0.7) * rng.uniform(0.8, 1.15)
        beard_tint = hair * rng.uniform(0.7, 1.05) * np.array([1.06, 0.98, 0.93])
        stick = np.array(_LIPSTICKS[rng.integers(len(_LIPSTICKS))], float) * rng.uniform(0.75, 1.2)
        return cls(
            age_years=age,
            masculine=masculine,
            melanin=melanin,
            haemoglobin=float(np.clip(rng.normal(0.15, 0.45), -0.6, 1.3)),
            yellow=float(np.clip(rng.normal(0.0, 0.65), -1.5, 1.5)),
            redness=float(rng.beta(1.4, 1.8)),
            mottle=float(rng.beta(2.0, 2.5)),
            freckles=float(rng.beta(1.0, 2.0)) if rng.random() < (0.3 if melanin < 0.45 else 0.12) else 0.0,
            moles=int(rng.poisson(3.0)),
            blemishes=float(rng.beta(1.0, 2.5)) if rng.random() < (0.7 if age < 30 else 0.35) else 0.0,
            oil=float(rng.beta(1.6, 2.0)),
            pores=float(rng.beta(2.0, 2.5)),
            lips=float(np.clip(rng.normal(2.2, 0.65), 0.7, 3.8)),
            lip_melanin=float(rng.normal(0.03, 0.05) + 0.06 * melanin),
            lipstick=float(rng.uniform(0.4, 0.95)) if made_up and rng.random() < 0.55 else 0.0,
            lipstick_srgb=tuple(np.clip(stick, 0, 255).tolist()),
            foundation=float(rng.uniform(0.2, 0.85)) if made_up else 0.0,
            hair_srgb=tuple(hair.tolist()),
            brow_srgb=tuple(np.clip(greyed(brow_tint, 0.5 * grey), 0, 255).tolist()),
            beard_srgb=tuple(np.clip(beard_tint, 0, 255).tolist()),
            grey=grey,
            eye_skin=EyeSkin.sample(rng, age, made_up, melanin),
            brows=BrowShape.sample(rng, masculine, age),
            beard=BeardStyle.sample(rng) if masculine and age > 16 else None,
        )

    @property
    def base_srgb(self) -> np.ndarray:
        """The mean colour of the skin, (3,) uint8."""
        return skin_srgb8(self.melanin, self.haemoglobin * (1.0 - 0.55 * self.melanin), self.yellow)
