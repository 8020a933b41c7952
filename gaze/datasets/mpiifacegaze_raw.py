"""Raw MPIIFaceGaze: people, their pictures, annotations and calibration, as one data set.

DOI 10.18419/darus-3240. Layout: ``pXX/pXX.txt``, ``pXX/dayYY/*.jpg``, ``pXX/Calibration/*.mat``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gaze.datasets.mpiifacegaze_annotations import Annotations, RowProblem, read_annotations
from gaze.datasets.mpiifacegaze_calibration import PersonCalibration, calibration_files, load_calibration
from gaze.datasets.mpiifacegaze_counts import PUBLISHED_COUNTS
from gaze.datasets.mpiifacegaze_label import raw_label
from gaze.datasets.sample import GazeSample, day_of
from gaze.datasets.system_errors import checksum, reading
from gaze.errors import DataError
from gaze.files import read_json
from gaze.picture_files import read_picture
from gaze.types import ROTATION_ONLY

# A set with other people than the published ones says so in this file: {"schema": ..., "counts": {...}}.
MANIFEST = "dataset.json"
MANIFEST_SCHEMA = "gaze.raw_dataset/1"


@dataclass(frozen=True, slots=True)
class RawPerson:
    """One person: the folder, the usable rows, the problems of the others, and the calibration."""

    name: str
    folder: Path
    annotations: Annotations
    problems: tuple[RowProblem, ...]
    calibration: PersonCalibration

    def image_path(self, row: int) -> Path:
        """The picture of a row."""
        return self.folder / str(self.annotations.image[row])

    def sample(self, row: int) -> GazeSample:
        """The raw picture with gaze and head in the normalised frame of its face, by rotation only.

        Raises:
            DataError: the picture is missing, truncated, or of another size than the calibration.
        """
        notes = self.annotations
        image = read_picture(self.image_path(row))
        self.calibration.camera_mat.camera(image.shape[1], image.shape[0])
        label = raw_label(notes, row)
        return GazeSample(
            image=image,
            gaze_pitch_yaw_rad=label.gaze_pitch_yaw_rad,
            head_pitch_yaw_rad=label.head_pitch_yaw_rad,
            person=self.name,
            day=day_of(str(notes.image[row])),
            frame_id=str(notes.image[row]),
            label_space=ROTATION_ONLY,
            normalized=False,
        )

    def samples(self) -> Iterator[GazeSample]:
        """All usable rows in the order of the text file; raises as sample does."""
        return (self.sample(row) for row in range(len(self.annotations)))


class RawDataset:
    """The people of a raw MPIIFaceGaze folder.

    ``counts`` is what the published set (or the set's own manifest) promises a person to have; ``published``
    is False where there is such a manifest.

    Raises:
        DataError: the folder does not exist or holds another data set.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        with reading():
            self.root = _people_root(Path(root))
            names = [item.name for item in self.root.iterdir()]
            self.published = not (self.root / MANIFEST).is_file()
        self.persons = tuple(sorted(name for name in names if re.fullmatch(r"p\d\d", name)))
        self.counts = _promised_counts(self.root)

    def missing_persons(self) -> tuple[str, ...]:
        """People that were promised and are not there."""
        return tuple(name for name in self.counts if name not in self.persons)

    def person(self, name: str) -> RawPerson:
        """Read one person's text file and calibration.

        Raises:
            DataError: the person, a file or a needed value is missing.
        """
        folder = self.root / name
        if not folder.is_dir():
            raise DataError(f"{folder}: no such person; the set has {', '.join(self.persons)}")
        annotations, problems = read_annotations(folder / f"{name}.txt")
        return RawPerson(name, folder, annotations, tuple(problems), load_calibration(folder / "Calibration"))

    def checksums(self, name: str) -> dict[str, str]:
        """SHA-256 of a person's text file and calibration files, by path below the root.

        Raises:
            DataError: one is missing or cannot be read.
        """
        folder = self.root / name
        files = (folder / f"{name}.txt", *calibration_files(folder / "Calibration"))
        return {file.relative_to(self.root).as_posix(): checksum(file) for file in files}


def read_subset(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """MPIIGaze's evaluation list of a person: (picture, "left" or "right") per line, 3000 lines.

    Raises:
        DataError: the file is missing or a line is not of that form.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: cannot be read ({error}); the lists are in MPIIGaze, "
            "`Evaluation Subset/sample list for eye image`"
        ) from error
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        words = line.strip().rsplit(None, 1)
        if len(words) != 2 or words[1] not in ("left", "right"):
            raise DataError(
                f"{path}: line {number} must be a picture and left or right, got {line.strip()!r}"
            )
        entries.append((words[0], words[1]))
    return entries


def _people_root(root: Path) -> Path:
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give the folder that holds p00, p01, …")
    for candidate in (root, root / "Data"):
        if any((item / f"{item.name}.txt").is_file() for item in candidate.glob("p[0-9][0-9]")):
            return candidate
    if (root / "Data" / "Original").is_dir() or (root / "Original").is_dir():
        reason = "this is MPIIGaze (eye pictures), not MPIIFaceGaze; download DOI 10.18419/darus-3240"
    elif any(root.glob("p[0-9][0-9].mat")):
        reason = "these are the released normalised files; use `gaze prepare --format released`"
    elif (root / "Label").is_dir() and (root / "Image").is_dir():
        reason = "this is a GazeHub conversion; use `gaze prepare --format gazehub`"
    elif any(root.glob("p[0-9][0-9]")):
        reason = "the people have no pXX/pXX.txt; download MPIIFaceGaze again (DOI 10.18419/darus-3240)"
    else:
        reason = "holds no p00/p00.txt; give the folder that holds p00, p01, …"
    raise DataError(f"{root}: {reason}")


def _promised_counts(root: Path) -> dict[str, int]:
    path = root / MANIFEST
    if not path.is_file():
        return dict(PUBLISHED_COUNTS)
    try:
        content = read_json(path)
        if content["schema"] != MANIFEST_SCHEMA:
            raise ValueError(f"schema is {content['schema']!r}, not {MANIFEST_SCHEMA!r}")
        return {str(name): int(count) for name, count in content["counts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: {error!r}; write the data set again") from error
