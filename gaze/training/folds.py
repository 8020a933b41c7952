"""Training on a prepared data set: one fold, all folds, or all people."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.normalized_source import PersonSource
from gaze.datasets.splits import Fold, leave_one_person_out, validation_person
from gaze.errors import UsageError
from gaze.evenly import evenly_spread
from gaze.network import GazeNet
from gaze.training.augment import plain
from gaze.training.batches import Position
from gaze.training.config import TrainConfig
from gaze.training.ddp import Group
from gaze.training.forward import predict
from gaze.training.loop import DEFAULT_OPTIONS, Result, RunOptions, Validate, train
from gaze.training.prepared_predictions import predictions_of
from gaze.training.runs import (
    ALL_PEOPLE,
    LEAVE_ONE_PERSON_OUT,
    FoldRun,
    Predictions,
    RunData,
    write_predictions,
    write_run,
)
from gaze.training.seen_people import everybody, people_by_option, person_key
from gaze.training.validation import validation_figures

READ_AT_ONCE = 256
VALIDATION_FACES = 1000


def choose_folds(persons: Sequence[str], names: Sequence[str] | None) -> list[Fold]:
    """The folds to train: all, or those named by test person or number.

    Raises:
        UsageError: a name is neither a person nor a fold's number.
        DataError: there are fewer than two people.
    """
    folds = leave_one_person_out(persons)
    if not names:
        return folds
    known = {fold.test_person: fold for fold in folds} | {str(fold.index): fold for fold in folds}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(
            f"--folds {unknown[0]}: no such person or fold; choose from {', '.join(persons)} "
            f"or 0 to {len(folds) - 1}"
        )
    return list(dict.fromkeys(known[name] for name in names))


def predict_rows(net: GazeNet, file: NormalizedFile, rows: np.ndarray) -> Predictions:
    """The network's answers for these rows of a prepared file, read in pieces (see predictions_of).

    Raises:
        DataError: a face cannot be read.
    """
    size = net.input_size
    answers = [
        predict(net, torch.from_numpy(plain(file.read(rows[start : start + READ_AT_ONCE]), size))).numpy()
        for start in range(0, len(rows), READ_AT_ONCE)
    ]
    return predictions_of(file.rows, rows, np.concatenate(answers))


def train_fold(
    config: TrainConfig,
    file: NormalizedFile,
    fold: Fold | None,
    out: Path,
    group: Group,
    hold_out_validation: bool = False,
    options: RunOptions = DEFAULT_OPTIONS,
) -> Predictions | None:
    """Train one fold (None: all people) for ``config.epochs``; leave run.json and predictions.csv in ``out``.

    The last epoch is what is tested. ``hold_out_validation`` leaves one more *training* person out and logs
    the error on it; the test person is looked at once, after the last epoch.

    Returns:
        The test person's predictions in the leading process; None for all people and in other processes.

    Raises:
        UsageError: the budget is not in epochs, or the start weights or the teacher saw the test person.
        GazeError, DataError, ModelError: see gaze.training.loop.train.
    """
    if config.epochs is None:
        raise UsageError("a data set is trained for a number of epochs: give --epochs")
    persons, held_out = _training_people(file, fold, hold_out_validation)
    by_option = people_by_option(config)
    _refuse_who_saw_the_test_person(by_option, file, fold)
    seen = everybody(by_option.values())
    run = _planned(config, file, fold, persons, held_out, group, seen)

    def record(position: Position) -> None:
        # An epoch counts when all its batches are done; the last one is recorded after the test.
        write_run(out, dataclasses.replace(run, last_epoch=min(position.epoch, run.epochs - 1)))

    meta: dict[str, object] = {
        "data": file.header.source,
        "protocol": run.protocol,
        "test_person": run.test_person,
        "train_persons": list(persons),
        "seen_people": seen,
    }
    validate = None if held_out is None else _validation(file, held_out)
    result = train(config, PersonSource(file, persons), out, group, options, validate, meta, record)
    if not group.leads:
        return None
    return _tested(result, run, file, fold, out)


def _training_people(
    file: NormalizedFile, fold: Fold | None, hold_out_validation: bool
) -> tuple[tuple[str, ...], str | None]:
    """Who is trained on, and who is left out besides the test person to validate on."""
    if not hold_out_validation:
        return (file.persons if fold is None else fold.train_persons), None
    if fold is None:
        raise UsageError("--validation-person belongs to leave-one-person-out folds")
    held_out, persons = validation_person(fold)
    return persons, held_out


def _refuse_who_saw_the_test_person(
    by_option: dict[str, list[str] | None], file: NormalizedFile, fold: Fold | None
) -> None:
    for option, seen in by_option.items():
        if fold is not None and person_key(file.header.source, fold.test_person) in (seen or []):
            raise UsageError(
                f"{option}: was trained on {fold.test_person}, whom this fold tests; give weights that saw "
                "none of these people"
            )


def _planned(
    config: TrainConfig,
    file: NormalizedFile,
    fold: Fold | None,
    persons: Sequence[str],
    held_out: str | None,
    group: Group,
    seen: list[str] | None,
) -> FoldRun:
    """What run.json says before the first epoch."""
    recipe = dataclasses.asdict(config)
    notes: dict[str, object] = {
        "seed": recipe.pop("seed"),
        "device": str(group.device),
        "torch": torch.__version__,
    }
    # Start or teacher; a checkpoint without its history may have seen anybody: the report says so.
    notes["start_people"] = "unknown" if seen is None else seen
    recipe["processes"] = group.processes
    recipe["validation_person"] = held_out is not None
    header = file.header
    return FoldRun(
        protocol=ALL_PEOPLE if fold is None else LEAVE_ONE_PERSON_OUT,
        fold=None if fold is None else fold.index,
        test_person=None if fold is None else fold.test_person,
        train_persons=tuple(persons),
        data=RunData(
            str(file.path), header.provenance_id, header.label_space, config.input_size, file.persons
        ),
        epochs=config.epochs,
        last_epoch=0,
        n_test=0 if fold is None else len(file.rows_of([fold.test_person])),
        tool_version=version("webcam-gaze"),
        recipe=recipe,
        notes=notes,
    )


def _tested(
    result: Result, run: FoldRun, file: NormalizedFile, fold: Fold | None, out: Path
) -> Predictions | None:
    """Test the trained network on the fold's test person, and write that the run is whole."""
    predictions = None
    if fold is not None:
        predictions = predict_rows(result.net, file, file.rows_of([fold.test_person]))
        write_predictions(out, predictions)
    notes = {**run.notes, "seconds": round(result.elapsed_s)}
    write_run(out, dataclasses.replace(run, last_epoch=run.epochs, notes=notes))
    return predictions


def _validation(file: NormalizedFile, person: str) -> Validate:
    rows = file.rows_of([person])
    rows = rows[evenly_spread(len(rows), VALIDATION_FACES)]

    def validate(net: GazeNet) -> dict[str, float]:
        answers = predict_rows(net, file, rows)
        return validation_figures(answers.predicted_rad, answers.pitch_yaw_rad)

    return validate
