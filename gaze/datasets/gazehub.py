"""GazeHub's conversion of MPIIFaceGaze: ``Image/pXX/face/*.jpg`` and ``Label/pXX.label``.

Its angles are (yaw, pitch) and its gaze is scaled by the normalisation (label space "scaled"). Rmat is the
Rodrigues vector of the normalising rotation, Smat the diagonal of its scaling.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.sample import GazeSample, day_of
from gaze.errors import DataError
from gaze.geometry import FloatArray, angles_from_vector, angular_error_deg, vector_from_angles
from gaze.normalization import unscale_direction
from gaze.picture_files import read_picture
from gaze.types import ROTATION_ONLY, SCALED

HEADER = ("Face", "Left", "Right", "Origin", "WhichEye", "3DGaze", "3DHead", "2DGaze", "2DHead")
HEADER += ("Rmat", "Smat", "GazeOrigin")
# 2DGaze and 3DGaze say the same twice; a file with pitch and yaw swapped differs by some twenty degrees.
AGREEMENT_DEG = 0.5


@dataclass(frozen=True, slots=True)
class GazeHubPerson:
    """The labels of one person, N rows, still scaled, but in this project's order (pitch, yaw).

    ``face`` (N,) path below Image; ``origin`` (N,) the raw picture; ``rotation_rvec`` (N, 3), ``scale``
    (N, 3) the diagonal of S.
    """

    root: Path
    name: str
    face: NDArray[np.str_]
    origin: NDArray[np.str_]
    eye: NDArray[np.str_]
    scaled_pitch_yaw_rad: FloatArray
    head_pitch_yaw_rad: FloatArray
    rotation_rvec: FloatArray
    scale: FloatArray

    def __len__(self) -> int:
        return len(self.face)

    def pitch_yaw_rad(self, label_space: str) -> FloatArray:
        """Gaze (N, 2) as stored ("scaled") or with the stored scaling undone ("rotation-only").

        Raises:
            DataError: another label space is asked for.
        """
        if label_space == SCALED:
            return self.scaled_pitch_yaw_rad
        if label_space != ROTATION_ONLY:
            raise DataError(f"GazeHub labels can be {SCALED!r} or {ROTATION_ONLY!r}, not {label_space!r}")
        return unscale(self.scaled_pitch_yaw_rad, self.scale)

    def sample(self, row: int, label_space: str) -> GazeSample:
        """One face with its labels in the label space asked for.

        Raises:
            DataError: the picture is missing or truncated.
        """
        image = read_picture(self.root / "Image" / str(self.face[row]))
        return GazeSample(
            image=image,
            gaze_pitch_yaw_rad=self.pitch_yaw_rad(label_space)[row],
            head_pitch_yaw_rad=self.head_pitch_yaw_rad[row],
            person=self.name,
            day=day_of(str(self.origin[row])),
            frame_id=str(self.face[row]),
            label_space=label_space,
        )

    def samples(self, label_space: str) -> Iterator[GazeSample]:
        """All faces in the order of the label file."""
        return (self.sample(row, label_space) for row in range(len(self)))


def unscale(scaled_pitch_yaw_rad: FloatArray, scale: FloatArray) -> FloatArray:
    """Rotation-only angles (N, 2) of scaled ones, given the diagonals (N, 3) of S: ``g ~ S^-1 g_s``."""
    directions = vector_from_angles(scaled_pitch_yaw_rad)
    rows = zip(directions, scale, strict=True)
    return angles_from_vector(np.array([unscale_direction(g, s[2] / s[0]) for g, s in rows]).reshape(-1, 3))


def gazehub_persons(root: str | os.PathLike[str]) -> tuple[str, ...]:
    """People of a GazeHub folder, sorted.

    Raises:
        DataError: the folder holds no Label/*.label.
    """
    names = tuple(sorted(path.stem for path in (Path(root) / "Label").glob("*.label")))
    if not names:
        raise DataError(f"{root}: holds no Label/pXX.label; give the folder that holds Image and Label")
    return names


def read_gazehub_person(root: str | os.PathLike[str], name: str) -> GazeHubPerson:
    """Parse Label/NAME.label.

    Raises:
        DataError: the file is missing or empty, a column is missing, a row has another number of columns or
            text in a number, or 2DGaze does not agree with 3DGaze (pitch and yaw swapped).
    """
    path = Path(root) / "Label" / f"{name}.label"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); convert the data set again") from error
    header = lines[0].split() if lines else []
    if missing := [column for column in HEADER if column not in header]:
        raise DataError(f"{path}: line 1 lacks the columns {', '.join(missing)}; is it a GazeHub label file?")
    rows: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        words = line.split()
        if len(words) != len(header):
            raise DataError(f"{path}: line {number}: {len(words)} columns instead of {len(header)}")
        rows.append((number, dict(zip(header, words, strict=True))))
    if not rows:
        raise DataError(f"{path}: holds no row; convert the data set again")

    def texts(column: str) -> NDArray[np.str_]:
        return np.array([row[column] for _, row in rows])

    def numbers(column: str, count: int) -> FloatArray:
        return np.array([_numbers(path, number, column, row[column], count) for number, row in rows])

    gaze = numbers("2DGaze", 2)[:, ::-1]
    disagreement = angular_error_deg(gaze, angles_from_vector(numbers("3DGaze", 3)))
    worst = int(np.argmax(disagreement))
    if disagreement[worst] > AGREEMENT_DEG:
        raise DataError(
            f"{path}: line {rows[worst][0]}: 2DGaze read as (yaw, pitch) differs from 3DGaze by "
            f"{disagreement[worst]:.1f} degrees; the file has another order or other signs than GazeHub's"
        )
    scale = numbers("Smat", 3)
    if np.any(scale <= 0):
        raise DataError(f"{path}: line {rows[int(np.argmin(scale.min(axis=1)))][0]}: Smat must be positive")
    return GazeHubPerson(
        root=Path(root),
        name=name,
        face=texts("Face"),
        origin=texts("Origin"),
        eye=texts("WhichEye"),
        scaled_pitch_yaw_rad=gaze,
        head_pitch_yaw_rad=numbers("2DHead", 2)[:, ::-1],
        rotation_rvec=numbers("Rmat", 3),
        scale=scale,
    )


def _numbers(path: Path, line: int, column: str, text: str, count: int) -> FloatArray:
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError as error:
        raise DataError(f"{path}: line {line}: {column} must hold numbers, got {text!r}") from error
    if values.shape != (count,) or not np.all(np.isfinite(values)):
        raise DataError(f"{path}: line {line}: {column} must hold {count} finite numbers, got {text!r}")
    return values
