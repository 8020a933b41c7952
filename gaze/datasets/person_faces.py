"""Some people of a prepared file as a source of training batches (gaze.training.batches.FaceSource)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.errors import DataError
from gaze.types import NormalizedCamera


class PersonFaces:
    """The faces of ``persons``, numbered 0..N-1 in the order of the file.

    Raises:
        DataError: a person is not in the file, or a label is missing.
    """

    def __init__(self, file: NormalizedFile, persons: Sequence[str]) -> None:
        self.file = file
        self.persons = tuple(sorted(persons))
        self.indices = file.rows_of(self.persons)
        self.pitch_yaw_rad = file.rows.pitch_yaw_rad[self.indices]
        if bad := int(np.count_nonzero(~np.isfinite(self.pitch_yaw_rad).all(axis=1))):
            raise DataError(f"{file.path}: {bad} faces have no gaze label; run `gaze prepare` again")

    @property
    def size_px(self) -> int:
        """The side of the faces."""
        return self.file.size_px

    @property
    def normalized_camera(self) -> NormalizedCamera:
        """The virtual camera of the faces."""
        return self.file.header.normalized_camera

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, indices: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Faces (n, S, S, 3) uint8 BGR and gaze (pitch, yaw) (n, 2) rad, in the file's label space.

        Raises:
            DataError: a face cannot be unpacked.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        return self.file.read(self.indices[chosen]), self.pitch_yaw_rad[chosen]

    def names(self) -> list[str]:
        """What the source is made of: the people."""
        return list(self.persons)

    def rescan(self, names: list[str] | None = None) -> None:
        """A prepared file does not grow; only checks that ``names`` are still these people.

        Raises:
            DataError: other people are wanted, as when a run is resumed with another fold.
        """
        if names is not None and tuple(names) != self.persons:
            raise DataError(
                f"{self.file.path}: the run goes over {', '.join(names)}, this call over "
                f"{', '.join(self.persons)}; resume with the same fold"
            )
