"""The real and the rendered face crops that `gaze synthesize compare` compares."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.face_folder import read_face_folder
from gaze.datasets.shard_features import shows_plainly
from gaze.datasets.shards import Shard, ShardFolder
from gaze.errors import DataError
from gaze.geometry import angular_error_deg
from gaze.picture_files import READABLE, check_square, read_picture

HEAD_DEG = 25.0
LEAST_GRID_PX, LEAST_OPEN = 180, 0.35


@dataclass(frozen=True, slots=True)
class Crop:
    """A normalised face (S, S, 3) uint8 BGR and the pitch of its gaze, NaN where that is not known."""

    image: NDArray[np.uint8]
    gaze_pitch_rad: float


def real_crops(folder: Path, labels: Path | None = None) -> Iterator[Crop]:
    """The square pictures of a folder, or those that the CSV ``labels`` lists, with their gaze.

    Raises:
        DataError: it holds none, one is not square, or the labels are unusable.
    """
    for path, pitch_rad in _listed(folder, labels):
        image = read_picture(path)
        check_square(image, path)
        yield Crop(image, pitch_rad)


def _listed(folder: Path, labels: Path | None) -> list[tuple[Path, float]]:
    if labels is not None:
        listed = read_face_folder(folder, labels)
        return [
            (folder / str(name), float(pitch))
            for name, (pitch, _) in zip(listed.file, listed.pitch_yaw_rad, strict=True)
        ]
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in READABLE)
    if not paths:
        raise DataError(f"{folder}: holds no picture; give a folder of normalised face crops")
    return [(path, math.nan) for path in paths]


def rendered_crops(folder: Path, limit: int) -> Iterator[Crop]:
    """The first ``limit`` rendered crops that can be compared: see comparable_rows.

    Raises:
        DataError: the folder holds no shards, or such without the attributes that decide.
    """
    crops = _comparable_crops(ShardFolder([folder]).shards)
    return itertools.islice(crops, limit)


def _comparable_crops(shards: Iterable[Shard]) -> Iterator[Crop]:
    for shard in shards:
        try:
            rows = comparable_rows(shard.attributes(), shard.head_pitch_yaw_rad)
        except (KeyError, TypeError, ValueError) as error:
            raise shard.lacking(f"the attribute {error}") from error
        for row in rows:
            yield Crop(np.array(shard.faces[row]), float(shard.pitch_yaw_rad[row, 0]))


def comparable_rows(
    attributes: Sequence[dict[str, object]], head_pitch_yaw_rad: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Crops that show bare, open eyes of a head near the camera's direction, in enough light and detail."""
    head_deg = angular_error_deg(head_pitch_yaw_rad, np.zeros_like(head_pitch_yaw_rad))
    wanted = [
        head < HEAD_DEG and shows_plainly(crop, LEAST_GRID_PX, LEAST_OPEN)
        for head, crop in zip(head_deg, attributes, strict=True)
    ]
    return np.flatnonzero(wanted)
