"""The released normalised files of MPIIFaceGaze (``pXX.mat``, MATLAB v7.3, that is HDF5).

``Data/data`` (N, 3, 448, 448) as h5py shows it, upright BGR after ``transpose(0, 2, 3, 1)``; ``Data/label``
(N, 16): gaze pitch and yaw, head pitch and yaw, radians, then six landmarks, px. N is 3000 per person.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np
from numpy.typing import NDArray

from gaze.datasets.sample import GazeSample
from gaze.errors import DataError
from gaze.types import LABEL_SPACES

SIZE_PX = 448
LABELS = 16
MEND = "download the file again"


class ReleasedFile:
    """One person's released file, read by slices.

    Whether its gaze labels are rotated only or scaled too is disputed between sources: the caller says which
    (``label_space``), and gaze.datasets.label_space checks it where the raw set is at hand.
    ``gaze_pitch_yaw_rad``, ``head_pitch_yaw_rad`` (N, 2), ``landmarks_px`` (N, 6, 2) are in memory.

    Raises:
        DataError: the file is missing, truncated, no HDF5, or its arrays have other shapes.
    """

    def __init__(self, path: str | os.PathLike[str], label_space: str) -> None:
        if label_space not in LABEL_SPACES:
            raise DataError(f"{path}: label space must be one of {LABEL_SPACES}, got {label_space!r}")
        self.path = Path(path)
        self.person = self.path.stem
        self.label_space = label_space
        if not self.path.is_file():
            raise DataError(f"{self.path}: no such file; {MEND}")
        try:
            self._file = h5py.File(self.path, "r")
        except OSError as error:
            raise DataError(f"{self.path}: is not a whole HDF5 (v7.3) file ({error}); {MEND}") from error
        try:
            self._load_labels()
        except DataError:
            self.close()
            raise

    def _load_labels(self) -> None:
        try:
            self._data = self._file["Data/data"]
            labels = np.asarray(self._file["Data/label"][()], dtype=np.float64)
        except (KeyError, OSError, ValueError) as error:
            raise DataError(
                f"{self.path}: Data/data or Data/label cannot be read ({error}); {MEND}"
            ) from error
        n = len(labels)
        if labels.shape != (n, LABELS) or self._data.shape != (n, 3, SIZE_PX, SIZE_PX):
            raise DataError(
                f"{self.path}: expected data (N, 3, {SIZE_PX}, {SIZE_PX}) and label (N, {LABELS}), "
                f"got {self._data.shape} and {labels.shape}; is it a file of MPIIFaceGaze_normalizad?"
            )
        bad = np.flatnonzero(~np.isfinite(labels).all(axis=1))
        if len(bad):
            raise DataError(f"{self.path}: label row {bad[0]} holds NaN or infinity; {MEND}")
        self.gaze_pitch_yaw_rad = labels[:, 0:2]
        self.head_pitch_yaw_rad = labels[:, 2:4]
        self.landmarks_px = labels[:, 4:16].reshape(n, 6, 2)

    def __len__(self) -> int:
        return len(self.gaze_pitch_yaw_rad)

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Faces start..stop-1 as (n, 448, 448, 3) uint8 BGR.

        Raises:
            DataError: the slice cannot be unpacked or holds values beyond 0..255.
        """
        try:
            block = self._data[start:stop]
        except OSError as error:
            raise DataError(
                f"{self.path}: faces {start}..{stop - 1} cannot be read ({error}); {MEND}"
            ) from error
        if block.dtype != np.uint8:
            if not np.all((block >= 0) & (block <= 255)):
                raise DataError(f"{self.path}: faces {start}..{stop - 1} hold values beyond 0..255; {MEND}")
            block = np.rint(block).astype(np.uint8)
        return np.ascontiguousarray(block.transpose(0, 2, 3, 1))

    def samples(self, block: int = 32) -> Iterator[GazeSample]:
        """All samples, read ``block`` at a time. The files do not say day or frame: the row is the id."""
        for start in range(0, len(self), block):
            for offset, image in enumerate(self.read(start, min(start + block, len(self)))):
                row = start + offset
                yield GazeSample(
                    image=image,
                    gaze_pitch_yaw_rad=self.gaze_pitch_yaw_rad[row],
                    head_pitch_yaw_rad=self.head_pitch_yaw_rad[row],
                    person=self.person,
                    day=None,
                    frame_id=f"{row:04d}",
                    label_space=self.label_space,
                )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> ReleasedFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
