"""The sample that every reader gives: a picture, its gaze, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gaze.types import LABEL_SPACES, ROTATION_ONLY


def day_of(image: str) -> str | None:
    """The day folder in a picture's path ("day01/0087.jpg" -> "day01")."""
    head = image.replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
    return head or None


@dataclass(frozen=True, slots=True)
class GazeSample:
    """One labelled picture.

    ``image`` (H, W, 3) uint8 BGR, a normalised face where ``normalized`` is true, else a raw frame.
    ``gaze_pitch_yaw_rad`` and ``head_pitch_yaw_rad`` (2,) are in the normalised frame (pitch up, yaw
    towards image left). ``label_space`` says whether the gaze was rotated only or scaled too (older files).
    """

    image: NDArray[np.uint8]
    gaze_pitch_yaw_rad: NDArray[np.float64]
    head_pitch_yaw_rad: NDArray[np.float64] | None
    person: str
    day: str | None
    frame_id: str
    label_space: str = ROTATION_ONLY
    normalized: bool = True
    attributes: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        image = self.image
        if (
            not isinstance(image, np.ndarray)
            or image.dtype != np.uint8
            or image.ndim != 3
            or image.shape[2] != 3
        ):
            raise ValueError(
                f"GazeSample.image must be uint8 BGR (H, W, 3), got {getattr(image, 'shape', image)}"
            )
        if self.label_space not in LABEL_SPACES:
            raise ValueError(
                f"GazeSample.label_space must be one of {LABEL_SPACES}, got {self.label_space!r}"
            )
        for name in ("gaze_pitch_yaw_rad", "head_pitch_yaw_rad"):
            value = getattr(self, name)
            if value is None and name.startswith("head"):
                continue
            angles = np.array(value, dtype=np.float64)
            if angles.shape != (2,) or not np.all(np.isfinite(angles)):
                raise ValueError(f"GazeSample.{name} must be two finite angles, got {value!r}")
            angles.setflags(write=False)
            object.__setattr__(self, name, angles)
