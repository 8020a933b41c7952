"""What one person wears or holds: glasses, and now and then a mask, headphones, a hand or a cup."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.glasses import Glasses, make_glasses
from gaze.synthesis.glasses_style import GlassesStyle
from gaze.synthesis.solids import Accessory

GLASSES_SHARE = 0.30


@dataclass(frozen=True)
class Wear:
    """``glasses`` or None, and ``things`` (solid meshes in the head frame)."""

    glasses: Glasses | None
    things: tuple[Accessory, ...]

    @property
    def attributes(self) -> dict[str, object]:
        """Labels of a sample: glasses' shape or '', sunglasses, names of the other things."""
        labels: dict[str, object] = {"glasses": "", "sunglasses": False}
        if self.glasses is not None:
            labels.update(self.glasses.attributes)
        for thing in self.things:
            labels[thing.name] = True
        return labels


def sample_wear(
    rng: np.random.Generator, vertices_mm: NDArray[np.floating], centres_mm: NDArray[np.floating]
) -> Wear:
    """Draw what a person wears; ``vertices_mm`` (N, 3) of the head, ``centres_mm`` (2, 3) of the eyes."""
    glasses = None
    if rng.random() < GLASSES_SHARE:
        glasses = make_glasses(GlassesStyle.sample(rng), vertices_mm, centres_mm)
    return Wear(glasses, ())
