"""The contract between `gaze train` and `gaze evaluate`: what a run of one fold leaves in its folder.

A run folder holds ``run.json`` (this module's FoldRun) and ``predictions.csv`` (Predictions of the test
people at the last epoch). The evaluation trusts nothing else, so what is not written here is not reported.
"""

from __future__ import annotations

import csv
import dataclasses
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.system_errors import writing
from gaze.errors import DataError
from gaze.files import read_json, replacing, write_json
from gaze.types import LABEL_SPACES

RUN_SCHEMA = "gaze.run/1"
RUN_FILE = "run.json"
PREDICTIONS_FILE = "predictions.csv"
# What a killed run goes on from, see gaze.training.run_state.
STATE_FILE = "state.pt"
LEAVE_ONE_PERSON_OUT = "leave-one-person-out"
ALL_PEOPLE = "all"
PROTOCOLS = (LEAVE_ONE_PERSON_OUT, ALL_PEOPLE)


@dataclass(frozen=True, slots=True)
class RunData:
    """The data a run used: the file, its provenance id, label space, input size and all its people."""

    path: str
    provenance_id: str
    label_space: str
    input_size: int
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoldRun:
    """One training run. ``fold`` and ``test_person`` are None under the protocol "all".

    ``epochs`` were planned, ``last_epoch`` were done: a run is whole when they are equal. ``n_test`` is the
    number of samples of the test person. ``recipe`` holds every setting that changes the result but the
    seed (network, loss, optimiser, augmentation, start weights) and must be the same for all folds of a
    table; ``notes`` holds what need not be (seed, device, seconds, versions).

    Raises:
        DataError: the protocol or label space is unknown, the test person took part in the training, or the
            people are not those of the data.
    """

    protocol: str
    fold: int | None
    test_person: str | None
    train_persons: tuple[str, ...]
    data: RunData
    epochs: int
    last_epoch: int
    n_test: int
    tool_version: str
    recipe: dict[str, object] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise DataError(f"run: protocol must be one of {PROTOCOLS}, got {self.protocol!r}")
        if self.data.label_space not in LABEL_SPACES:
            raise DataError(f"run: label space must be one of {LABEL_SPACES}, got {self.data.label_space!r}")
        if len(set(self.train_persons)) != len(self.train_persons) or not self.train_persons:
            raise DataError(
                f"run: training people must be distinct and at least one, got {self.train_persons}"
            )
        if strangers := sorted(set(self.train_persons) - set(self.data.persons)):
            raise DataError(f"run: training people {', '.join(strangers)} are not in {self.data.path}")
        if self.protocol == ALL_PEOPLE:
            return
        if self.test_person not in self.data.persons:
            raise DataError(f"run: test person {self.test_person!r} is not in {self.data.path}")
        if self.test_person in self.train_persons:
            raise DataError(
                f"run: test person {self.test_person} was in the training of its own fold; "
                "train that fold again without it"
            )


def write_run(folder: str | os.PathLike[str], run: FoldRun) -> None:
    """Write run.json in one step.

    Raises:
        DataError: the disk is full or the folder cannot be written; an older file is then untouched.
    """
    with writing_run(Path(folder) / RUN_FILE):
        write_json(Path(folder) / RUN_FILE, {"schema": RUN_SCHEMA, **dataclasses.asdict(run)})


def writing_run(path: str | os.PathLike[str]) -> AbstractContextManager[None]:
    """A block that writes ``path``, a file or folder of a run: an OSError in it becomes a DataError."""
    return writing(path, "then repeat the command with --resume")


def read_run(folder: str | os.PathLike[str]) -> FoldRun:
    """Read and check run.json.

    Raises:
        DataError: it is missing, is not JSON, is of another schema or breaks the contract.
    """
    path = Path(folder) / RUN_FILE
    try:
        content = read_json(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); give a folder that `gaze train` wrote"
        ) from error
    except ValueError as error:
        raise DataError(f"{path}: is not JSON ({error}); train this fold again") from error
    if not isinstance(content, dict) or content.pop("schema", None) != RUN_SCHEMA:
        raise DataError(f"{path}: is not a {RUN_SCHEMA} file; train this fold again")
    known = {item.name for item in dataclasses.fields(FoldRun)}
    if unknown := sorted(set(content) - known):
        raise DataError(f"{path}: unknown keys {', '.join(unknown)}; the file is of a newer version")
    try:
        _check_types(content)
        data = content["data"]
        content["data"] = RunData(**{**data, "persons": tuple(data["persons"])})
        content["train_persons"] = tuple(content["train_persons"])
        return FoldRun(**content)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: {error}; train this fold again") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


_TYPES = {"protocol": str, "tool_version": str, "epochs": int, "last_epoch": int, "n_test": int}
_TYPES |= {"recipe": dict, "notes": dict, "train_persons": list, "data": dict}
_DATA_TYPES = {"path": str, "provenance_id": str, "label_space": str, "input_size": int, "persons": list}


def _check_types(content: dict[str, object]) -> None:
    for types, values in ((_TYPES, content), (_DATA_TYPES, content["data"])):
        for name, kind in types.items():
            if name in values and not isinstance(values[name], kind):
                raise TypeError(f"{name} must be {kind.__name__}, got {values[name]!r}")
            if kind is list and not all(isinstance(item, str) for item in values.get(name, [])):
                raise TypeError(f"{name} must be names, got {values[name]!r}")


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a network said of N test samples, and the truth, in the label space of the run's data.

    ``person``, ``day``, ``frame_id`` (N,) strings; ``pitch_yaw_rad`` and ``predicted_rad`` (N, 2);
    ``head_rad`` (N, 2), NaN where the data has no head pose; ``brightness`` (N,) mean grey 0..255 of the
    normalised face, NaN where unknown.
    """

    person: NDArray[np.str_]
    day: NDArray[np.str_]
    frame_id: NDArray[np.str_]
    pitch_yaw_rad: NDArray[np.float64]
    predicted_rad: NDArray[np.float64]
    head_rad: NDArray[np.float64]
    brightness: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.person)
        for name, tail in _SHAPES.items():
            array = np.asarray(getattr(self, name))
            if array.shape != (n, *tail):
                raise DataError(f"predictions: {name} must have shape {(n, *tail)}, got {array.shape}")
            object.__setattr__(self, name, array)
        for name in ("pitch_yaw_rad", "predicted_rad"):
            if bad := int(np.count_nonzero(~np.isfinite(getattr(self, name)).all(axis=1))):
                raise DataError(f"predictions: {bad} rows of {name} hold NaN or infinity; train again")

    def __len__(self) -> int:
        return len(self.person)

    def where(self, mask: NDArray) -> Predictions:
        """The rows that a boolean mask (N,) or an array of indices chooses."""
        return Predictions(**{name: getattr(self, name)[mask] for name in _SHAPES})

    @staticmethod
    def concatenate(parts: list[Predictions]) -> Predictions:
        """All rows of several predictions, in order."""
        return Predictions(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _SHAPES}
        )


_SHAPES = {
    "person": (),
    "day": (),
    "frame_id": (),
    "pitch_yaw_rad": (2,),
    "predicted_rad": (2,),
    "head_rad": (2,),
    "brightness": (),
}
# Columns 4 to 10. A network that failed may answer anything: it is counted as it is.
_LARGEST = np.array([np.pi, np.pi, np.inf, np.inf, np.pi, np.pi, 255.0]) + 1e-6
PREDICTION_COLUMNS = (
    "person",
    "day",
    "frame_id",
    "pitch_rad",
    "yaw_rad",
    "pred_pitch_rad",
    "pred_yaw_rad",
    "head_pitch_rad",
    "head_yaw_rad",
    "brightness",
)


def write_predictions(folder: str | os.PathLike[str], predictions: Predictions) -> None:
    """Write predictions.csv in one step; angles in radians with seven decimals.

    Raises:
        DataError: the disk is full or the folder cannot be written; an older file is then untouched.
    """
    p = predictions
    numbers = np.column_stack([p.pitch_yaw_rad, p.predicted_rad, p.head_rad, p.brightness])
    with (
        writing_run(Path(folder) / PREDICTIONS_FILE),
        replacing(Path(folder) / PREDICTIONS_FILE) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(PREDICTION_COLUMNS)
        for person, day, frame_id, row in zip(p.person, p.day, p.frame_id, numbers, strict=True):
            texts = ["" if np.isnan(value) else f"{value:.7f}" for value in row]
            writer.writerow([person, day, frame_id, *texts])


def read_predictions(folder: str | os.PathLike[str]) -> Predictions:
    """Read and check predictions.csv. Empty head and brightness cells read as NaN.

    Raises:
        DataError: it is missing, lacks a column, or a row has text in a number column; line numbers count
            the header as 1.
    """
    path = Path(folder) / PREDICTIONS_FILE
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); the run has not reached its last epoch: resume it"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is not a text table ({error}); train this fold again") from error
    if not rows or tuple(rows[0]) != PREDICTION_COLUMNS:
        raise DataError(f"{path}: line 1 must be {','.join(PREDICTION_COLUMNS)}; train this fold again")
    numbers = np.empty((len(rows) - 1, 7))
    for index, row in enumerate(rows[1:]):
        try:
            if len(row) != len(PREDICTION_COLUMNS):
                raise ValueError(f"{len(row)} columns instead of {len(PREDICTION_COLUMNS)}")
            numbers[index] = [float(text) if text else np.nan for text in row[3:]]
            if np.any(np.abs(numbers[index]) > _LARGEST):
                raise ValueError(
                    f"angles are radians within ±3.1416, brightness lies in 0 to 255, got {row[3:]}"
                )
        except ValueError as error:
            raise DataError(f"{path}: line {index + 2}: {error}; train this fold again") from error
    texts = np.array([row[:3] for row in rows[1:]], dtype=np.str_).reshape(-1, 3)
    try:
        return Predictions(
            person=texts[:, 0],
            day=texts[:, 1],
            frame_id=texts[:, 2],
            pitch_yaw_rad=numbers[:, :2],
            predicted_rad=numbers[:, 2:4],
            head_rad=numbers[:, 4:6],
            brightness=numbers[:, 6],
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
