"""The file of a network's errors on people with known gaze."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Samples
from calibration.screen import Screen
from gaze.errors import DataError
from gaze.files import read_object, write_json
from gaze.geometry import FloatArray, angles_from_vector, head_angles_from_rotation, unit

SCHEMA = "gaze.errors/1"
ANGLES = ("predicted_rad", "true_rad", "head_rad")


@dataclass(frozen=True, slots=True)
class GazeErrors:
    """What a network said of N frames, and the truth.

    ``predicted_rad``, ``true_rad`` gaze and ``head_rad`` head (pitch, yaw) (N, 2) in the normalised frame;
    ``person`` (N,) labels.
    """

    predicted_rad: FloatArray
    true_rad: FloatArray
    head_rad: FloatArray
    person: NDArray

    def __len__(self) -> int:
        return len(self.person)

    @classmethod
    def of(cls, samples: Samples, centres_cam_mm: FloatArray, screen: Screen, person: int) -> GazeErrors:
        """Of the samples of a person whose face centres (N, 3) truly were these."""
        target = screen.to_camera(screen.px_to_mm(samples.target_px))
        true = np.einsum("nij,nj->ni", samples.R_norm_cam, unit(target - centres_cam_mm))
        return cls(
            samples.pitch_yaw_rad,
            angles_from_vector(true),
            head_angles_from_rotation(samples.R_norm_head),
            np.full(len(samples), person),
        )

    @classmethod
    def join(cls, parts: Sequence[GazeErrors]) -> GazeErrors:
        """All frames of one or more, in order."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in (*ANGLES, "person")))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file; angles to a millionth of a radian."""
        angles = {name: np.round(getattr(self, name), 6).tolist() for name in ANGLES}
        write_json(path, {"schema": SCHEMA, **angles, "person": self.person.tolist()})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GazeErrors:
        """Read the file.

        ``{"schema": "gaze.errors/1", "predicted_rad": [[pitch, yaw], ..], "true_rad": .., "head_rad": ..,
        "person": [..]}``, all of one length.

        Raises:
            DataError: the file is missing, not JSON, or not as above.
        """
        content = read_object(path, SCHEMA, DataError, "write one with `gaze calibrate rendered --errors`")
        try:
            angles = [np.array(content[name], dtype=np.float64) for name in ANGLES]
            person = np.array(content["person"]).astype(str)
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: {error!r}") from error
        if person.ndim != 1 or any(
            column.shape != (len(person), 2) or not np.all(np.isfinite(column)) for column in angles
        ):
            raise DataError(
                f"{path}: predicted_rad, true_rad and head_rad must be finite and (N, 2), person (N,)"
            )
        return cls(*angles, person)
