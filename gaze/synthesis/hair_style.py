"""How a person wears their hair: cut, colour, hairline, lengths and headwear, drawn to go with their skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaze.synthesis.headwear import Headwear
from gaze.synthesis.pigment import greyed, sample_dye_srgb

CUTS = (
    "bald",
    "shaven",
    "crop",
    "side_part",
    "swept_back",
    "fringe",
    "curly",
    "afro",
    "bob",
    "long",
    "tied_back",
)
_MAN = (0.05, 0.10, 0.27, 0.16, 0.09, 0.11, 0.10, 0.04, 0.02, 0.05, 0.01)
_WOMAN = (0.005, 0.015, 0.05, 0.05, 0.02, 0.06, 0.08, 0.05, 0.155, 0.355, 0.16)


@dataclass(frozen=True)
class HairStyle:
    """One person's hair.

    cut of CUTS; srgb (3,) 0..255; recede 0..1 at the temples, thinning 0..1; volume_mm at the top, side_mm;
    hairline_mm shift upwards; fringe_mm: length of the hair over the forehead (0: none); fringe_gap 0..1
    open in the middle; length_mm of long hair; wave 0..1; parting_mm: offset to the subject's left;
    behind_ears; stray: count of single hairs; gloss 0..1; headwear or None.
    """

    cut: str
    srgb: tuple[float, float, float]
    recede: float
    thinning: float
    volume_mm: float
    side_mm: float
    hairline_mm: float
    fringe_mm: float
    fringe_gap: float
    length_mm: float
    wave: float
    parting_mm: float
    behind_ears: bool
    stray: int
    gloss: float
    headwear: Headwear | None

    @classmethod
    def sample(cls, rng: np.random.Generator, skin, cut: str | None = None) -> HairStyle:
        """Hair that goes with a SkinAppearance (age, colour, greying); `cut` fixes the cut."""
        weights = np.array(_MAN if skin.masculine else _WOMAN)
        if skin.melanin > 0.6:
            weights[[1, 6, 7]] *= 2.5
        if skin.age_years < 16:
            weights[[0, 1]] = 0.0
        drawn = str(rng.choice(CUTS, p=weights / weights.sum()))
        cut = cut or drawn
        old = float(np.clip((skin.age_years - 25) / 40, 0, 1)) if skin.masculine else 0.0
        base = np.array(skin.hair_srgb)
        if rng.random() < (0.02 if skin.masculine else 0.09):
            base = sample_dye_srgb(rng)
        else:
            base = greyed(base, skin.grey if skin.masculine or rng.random() < 0.5 else 0.0)
        fringe = 0.0
        if cut in ("fringe", "curly") or (cut in ("bob", "long") and rng.random() < 0.35):
            fringe = float(rng.uniform(22, 72))
        elif cut in ("crop", "side_part") and rng.random() < 0.3:
            fringe = float(rng.uniform(10, 35))
        covered = rng.random()
        wear = Headwear.sample(rng, skin.masculine) if covered < (0.07 if skin.masculine else 0.11) else None
        volume = {"shaven": 0.5, "crop": 9, "afro": 42, "curly": 22, "tied_back": 5, "swept_back": 13}.get(
            cut, 13
        )
        side = {"shaven": 0.5, "crop": 3.5, "afro": 34, "curly": 15, "tied_back": 3, "swept_back": 5}.get(
            cut, 8
        )
        return cls(
            cut=cut,
            srgb=tuple(np.clip(base, 0, 255).tolist()),
            recede=float(np.clip(rng.beta(1.2, 3.0) * 0.5 + old * rng.beta(1.5, 1.5), 0, 1)),
            thinning=float(np.clip(old * rng.beta(1.0, 2.0), 0, 0.8)),
            volume_mm=float(volume * rng.uniform(0.6, 1.4)),
            side_mm=float(side * rng.uniform(0.6, 1.4)),
            hairline_mm=float(rng.normal(-1.0, 6.0)),
            fringe_mm=fringe,
            fringe_gap=float(rng.uniform(0, 1)) if rng.random() < 0.4 else 0.0,
            length_mm=float(rng.uniform(150, 215) if cut == "bob" else rng.uniform(250, 380)),
            wave=float(rng.beta(1.2, 2.0)),
            parting_mm=float(rng.choice([0.0, 28.0, -28.0], p=[0.4, 0.3, 0.3]) + rng.normal(0, 5)),
            behind_ears=bool(rng.random() < 0.35),
            stray=int(rng.poisson(10)),
            gloss=float(rng.uniform(0.2, 1.0)),
            headwear=wear,
        )
