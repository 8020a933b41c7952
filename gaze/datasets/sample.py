"""The one sample type that every data set reader gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError

ROTATION_ONLY = "rotation-only"
SCALED = "scaled"
CAMERA = "camera"
# Where a gaze label lives: the normalised frame by rotation only (Zhang et al. 2018), the older normalised
# frame that also scaled the label, or the frame of the camera that took a raw picture.
LABEL_SPACES = (ROTATION_ONLY, SCALED, CAMERA)


@dataclass(frozen=True, slots=True)
class GazeSample:
    """A picture and where its person looks.

    ``image`` (H, W, 3) uint8 BGR: a normalised face, or the raw picture when the label space is "camera";
    ``gaze_pitch_yaw_rad`` (2,) and ``head_pitch_yaw_rad`` (2,) or None, in the frame that
    ``label_space`` names.

    Raises:
        DataError: the picture is not uint8 BGR, an angle is not finite or the label space is unknown.
    """

    image: NDArray[np.uint8]
    gaze_pitch_yaw_rad: NDArray[np.float64]
    head_pitch_yaw_rad: NDArray[np.float64] | None
    person: str
    day: str | None
    frame_id: str
    label_space: str

    def __post_init__(self) -> None:
        where = f"{self.person}/{self.frame_id}"
        image = self.image
        if (
            not isinstance(image, np.ndarray)
            or image.dtype != np.uint8
            or image.ndim != 3
            or image.shape[2] != 3
        ):
            raise DataError(f"{where}: the picture must be uint8 BGR (H, W, 3)")
        if self.label_space not in LABEL_SPACES:
            raise DataError(f"{where}: label space must be one of {LABEL_SPACES}, got {self.label_space!r}")
        for name in ("gaze_pitch_yaw_rad", "head_pitch_yaw_rad"):
            value = getattr(self, name)
            if value is None and name.startswith("head"):
                continue
            angles = np.array(value, dtype=np.float64)
            if angles.shape != (2,) or not np.all(np.isfinite(angles)):
                raise DataError(f"{where}: {name} must be two finite numbers, got {value}")
            angles.setflags(write=False)
            object.__setattr__(self, name, angles)
