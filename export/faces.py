"""Faces to calibrate and compare with: rendered shards or folders of crops."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.rendered_faces import kept_apart
from gaze.datasets.shards import ShardFolder
from gaze.errors import DataError
from gaze.evenly import evenly_spread
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.picture_files import READABLE, check_square, read_picture
from gaze.training.virtual_camera import show_face
from gaze.types import NormalizedCamera


@dataclass(frozen=True, slots=True)
class FaceSet:
    """``faces`` (N, S, S, 3) uint8 BGR, normalised; ``pitch_yaw_rad`` (N, 2) where the labels are known."""

    name: str
    faces: NDArray[np.uint8]
    pitch_yaw_rad: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.faces)

    def every_fifth_apart(self) -> tuple[FaceSet, FaceSet]:
        """Four fifths of the faces, and every fifth of them."""
        apart = kept_apart(len(self))
        return self._where(~apart), self._where(apart)

    def _where(self, chosen: NDArray[np.bool_]) -> FaceSet:
        labels = self.pitch_yaw_rad
        return FaceSet(self.name, self.faces[chosen], None if labels is None else labels[chosen])


def load_faces(path: str | os.PathLike[str], camera: NormalizedCamera, limit: int) -> FaceSet:
    """Faces of a folder, evenly spread over what it holds.

    Args:
        path: a folder of training shards (shards.json), or of normalised face crops of 140 mm as pictures.
        camera: the network's normalised camera; of a wider crop it sees the middle, resampled as in training.
        limit: at most so many faces.

    Raises:
        DataError: there is no such folder, it holds no face, a picture is unreadable or not square, or the
            faces show less than the camera.
    """
    path = Path(path)
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; give training shards or a folder of normalised face crops")
    if (path / "shards.json").is_file():
        return _from_shards(path, camera, limit)
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in READABLE)
    if not files:
        raise DataError(
            f"{path}: holds no face; give a folder with shards.json or with pictures ({', '.join(READABLE)})"
        )
    chosen = [files[index] for index in evenly_spread(len(files), limit)]
    return FaceSet(path.name, np.stack([_read(file, camera) for file in chosen]))


def _read(file: Path, camera: NormalizedCamera) -> NDArray[np.uint8]:
    face = read_picture(file)
    check_square(face, file)
    return show_face(face, DEFAULT_NORMALIZED_CAMERA, camera)


def _from_shards(path: Path, camera: NormalizedCamera, limit: int) -> FaceSet:
    shards = ShardFolder([path])
    faces, angles = shards.read(evenly_spread(len(shards), limit))
    resized = np.stack([show_face(face, shards.normalized_camera, camera) for face in faces])
    return FaceSet(path.name, resized, angles.astype(np.float64))
