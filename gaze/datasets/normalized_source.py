"""Faces of chosen people of a prepared file, as a source of training batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.errors import DataError


class PersonSource:
    """The faces of ``persons`` in a prepared file (see gaze.training.batches.FaceSource).

    Raises:
        DataError: one of the people is not in the file, or the labels hold NaN.
    """

    def __init__(self, file: NormalizedFile, persons: Sequence[str]) -> None:
        self.file = file
        self.rows = file.rows_of(persons)
        self.size_px = file.size_px
        self.normalized_camera = file.header.normalized_camera
        self.label_space = file.header.label_space
        self.labels = file.rows.pitch_yaw_rad[self.rows].astype(np.float32)
        if bad := int(np.count_nonzero(~np.isfinite(self.labels).all(axis=1))):
            raise DataError(f"{file.path}: {bad} gaze labels hold NaN or infinity; run `gaze prepare` again")

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Faces (n, S, S, 3) and gaze (pitch, yaw) (n, 2) of samples 0 .. len-1 of these people."""
        return self.file.read(self.rows[indices]), self.labels[indices]

    def rescan(self, names: Sequence[str] | None = None) -> None:
        """A prepared file does not grow.

        Raises:
            DataError: a resumed run used another file.
        """
        if names is not None and list(names) != self.names():
            raise DataError(
                f"the run used {', '.join(names)}, not {', '.join(self.names())}; give its --data"
            )

    def names(self) -> list[str]:
        """The file's provenance id: the same data prepared twice has the same."""
        return [self.file.header.provenance_id or self.file.path.name]
