"""What a rendered crop shows, read from its attributes: names for `gaze train --without`, and plain crops."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Attributes = Mapping[str, object]

# Finer than any webcam's: the mark of a clean studio camera (gaze.synthesis.sensor).
_STUDIO_GRID_PX = 4096
_DIM_SCENES = ("dark", "backlight")

FEATURES: dict[str, Callable[[Attributes], bool]] = {
    "glasses": lambda crop: bool(crop["glasses"] or crop["sunglasses"]),
    "masks": lambda crop: bool(crop["mask"]),
    "held": lambda crop: bool(crop["held"]),
    "headwear": lambda crop: bool(crop["headwear"] or crop["headphones"]),
    "beards": lambda crop: bool(crop["beard"]),
    "webcams": lambda crop: crop["grid_px"] < _STUDIO_GRID_PX,
    "wide-poses": lambda crop: crop["pose"] == "wide",
}


def shows_any(crop: Attributes, features: tuple[str, ...]) -> bool:
    """Whether a crop of these attributes shows one of the features.

    Raises:
        KeyError: it was rendered before that attribute was kept.
    """
    return any(FEATURES[name](crop) for name in features)


def shows_plainly(crop: Attributes, least_grid_px: float, least_open: float) -> bool:
    """Whether a crop shows bare eyes, both open at least so far, in enough light and detail.

    Raises:
        KeyError: it was rendered before one of the attributes was kept.
    """
    return (
        not shows_any(crop, ("glasses", "masks", "held"))
        and crop["grid_px"] >= least_grid_px
        and crop["scene"] not in _DIM_SCENES
        and min(crop["eye_open"]) >= least_open
    )
