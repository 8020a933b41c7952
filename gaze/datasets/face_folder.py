"""A plain folder of face crops with a CSV of labels: ``file,pitch_rad,yaw_rad[,person]``."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.sample import GazeSample
from gaze.datasets.system_errors import reading
from gaze.errors import DataError
from gaze.geometry import FloatArray
from gaze.picture_files import read_picture
from gaze.types import ROTATION_ONLY

REQUIRED = ("file", "pitch_rad", "yaw_rad")


@dataclass(frozen=True, slots=True)
class FaceFolder:
    """The labels of N crops. ``file`` (N,) below ``images``; ``pitch_yaw_rad`` (N, 2); ``person`` (N,)."""

    images: Path
    file: NDArray[np.str_]
    pitch_yaw_rad: FloatArray
    person: NDArray[np.str_]
    label_space: str = ROTATION_ONLY

    def __len__(self) -> int:
        return len(self.file)

    def sample(self, row: int) -> GazeSample:
        """One crop with its label.

        Raises:
            DataError: the picture is missing or truncated.
        """
        image = read_picture(self.images / str(self.file[row]))
        return GazeSample(
            image=image,
            gaze_pitch_yaw_rad=self.pitch_yaw_rad[row],
            head_pitch_yaw_rad=None,
            person=str(self.person[row]),
            day=None,
            frame_id=str(self.file[row]),
            label_space=self.label_space,
        )

    def samples(self) -> Iterator[GazeSample]:
        """All crops in the order of the CSV."""
        return (self.sample(row) for row in range(len(self)))


def read_face_folder(
    images: str | os.PathLike[str], labels: str | os.PathLike[str], label_space: str = ROTATION_ONLY
) -> FaceFolder:
    """Read the CSV. Crops without a person column all belong to the person "unknown".

    Raises:
        DataError: the folder, the CSV, a column or a picture is missing, a number is not one, an angle is
            plainly not in radians, a picture stands twice, or there is no row.
    """
    images, labels = Path(images), Path(labels)
    with reading():
        if not images.is_dir():
            raise DataError(f"{images}: no such folder of pictures; give the one that holds the crops")
    try:
        with labels.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = names
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{labels}: cannot be read ({error}); it must be a text file with the line "
            "file,pitch_rad,yaw_rad[,person]"
        ) from error
    if missing := [name for name in REQUIRED if name not in names]:
        raise DataError(
            f"{labels}: line 1 lacks {', '.join(missing)}; it must be file,pitch_rad,yaw_rad[,person]"
        )
    if len(set(names)) < len(names):
        raise DataError(f"{labels}: line 1 names a column twice: {','.join(names)}; remove one")
    if not rows:
        raise DataError(f"{labels}: holds no row; add one for each crop")
    files, angles, persons, seen = [], [], [], set()
    for line, row in rows:
        name = (row["file"] or "").strip()
        if not name or not _is_file(images / name):
            raise DataError(
                f"{labels}: line {line}: no picture {name[:80]!r} in {images}; mend or remove the row"
            )
        if name in seen:
            raise DataError(f"{labels}: line {line}: {name} stands twice; remove one of the rows")
        seen.add(name)
        files.append(name)
        angles.append([_radians(labels, line, column, row[column]) for column in ("pitch_rad", "yaw_rad")])
        persons.append((row.get("person") or "").strip() or "unknown")
    return FaceFolder(images, np.array(files), np.array(angles), np.array(persons), label_space)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, as behind an unclosed quotation mark
        return False


def _radians(path: Path, line: int, column: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError as error:
        raise DataError(f"{path}: line {line}: {column} must be a number, got {text!r}") from error
    if not math.isfinite(value) or abs(value) > math.pi:
        raise DataError(f"{path}: line {line}: {column} must be radians within ±3.1416, got {value:g}")
    return value
