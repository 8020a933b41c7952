"""What one person wears: glasses, and now and then a mask or headphones.

Hands and cups, which belong to one picture alone: see gaze.synthesis.occluders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.accessory import Accessory
from gaze.synthesis.glasses import Glasses, make_glasses
from gaze.synthesis.glasses_style import GlassesStyle
from gaze.synthesis.headphones import make_headphones
from gaze.synthesis.masks import MaskStyle, make_mask

GLASSES_SHARE, MASK_SHARE, HEADPHONES_SHARE = 0.30, 0.045, 0.05


@dataclass(frozen=True)
class Wear:
    """``glasses`` or None, and ``things`` (solid meshes in the head frame)."""

    glasses: Glasses | None
    things: tuple[Accessory, ...]

    @property
    def attributes(self) -> dict[str, object]:
        """Labels of a sample: the glasses' shape or '', sunglasses, mask, headphones."""
        names = {thing.name for thing in self.things}
        labels: dict[str, object] = {"glasses": "", "sunglasses": False}
        if self.glasses is not None:
            labels.update(self.glasses.attributes)
        return {**labels, "mask": "mask" in names, "headphones": "headphones" in names}


def sample_wear(
    rng: np.random.Generator, vertices_mm: NDArray[np.floating], centres_mm: NDArray[np.floating]
) -> Wear:
    """Draw what a person wears; ``vertices_mm`` (N, 3) of the head, ``centres_mm`` (2, 3) of the eyes."""
    glasses, things = None, []
    if rng.random() < GLASSES_SHARE:
        glasses = make_glasses(GlassesStyle.sample(rng), vertices_mm, centres_mm)
    if rng.random() < MASK_SHARE:
        things.append(make_mask(MaskStyle.sample(rng), vertices_mm))
    if rng.random() < HEADPHONES_SHARE:
        things.append(make_headphones(rng, vertices_mm))
    return Wear(glasses, tuple(things))
