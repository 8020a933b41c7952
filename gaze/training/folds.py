"""Training on a prepared data set: one fold, all folds, or all people."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.normalized_source import PersonSource
from gaze.datasets.splits import Fold, leave_one_person_out, validation_person
from gaze.errors import UsageError
from gaze.network import GazeNet
from gaze.training.augment import plain
from gaze.training.batches import Position
from gaze.training.config import TrainConfig
from gaze.training.ddp import Group
from gaze.training.forward import predict
from gaze.training.loop import train
from gaze.training.metrics import summary
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
from gaze.training.start import people_seen, person_key

READ_AT_ONCE = 256


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
    **options: object,
) -> Predictions | None:
    """Train one fold (None: all people) for ``config.epochs``; leave run.json and predictions.csv in ``out``.

    The last epoch is what is tested. ``hold_out_validation`` leaves one more *training* person out and logs
    the error on it; the test person is looked at once, after the last epoch. ``options`` go to
    gaze.training.loop.train.

    Returns:
        The test person's predictions in the leading process; None for all people and in other processes.

    Raises:
        UsageError: the budget is not in epochs, or the start weights have seen the test person.
        GazeError, DataError, ModelError: see gaze.training.loop.train.
    """
    if config.epochs is None:
        raise UsageError("a data set is trained for a number of epochs: give --epochs")
    persons = file.persons if fold is None else fold.train_persons
    validate: Callable[[GazeNet], dict[str, float]] | None = None
    if hold_out_validation:
        if fold is None:
            raise UsageError("--validation-person belongs to leave-one-person-out folds")
        chosen, persons = validation_person(fold)
        validate = _validation(file, chosen)
    seen = people_seen(config.start)
    if fold is not None and person_key(file.header.source, fold.test_person) in (seen or []):
        raise UsageError(
            f"--start {config.start}: was trained on {fold.test_person}, whom this fold tests; start from "
            "weights that saw none of these people"
        )
    source = PersonSource(file, persons)
    test_rows = None if fold is None else file.rows_of([fold.test_person])
    recipe = dataclasses.asdict(config)
    notes = {"seed": recipe.pop("seed"), "device": str(group.device), "torch": torch.__version__}
    # A checkpoint without its history may have seen anybody: the report says so.
    notes["start_people"] = "unknown" if seen is None else seen
    recipe["processes"] = group.processes
    recipe["validation_person"] = hold_out_validation
    run = FoldRun(
        protocol=ALL_PEOPLE if fold is None else LEAVE_ONE_PERSON_OUT,
        fold=None if fold is None else fold.index,
        test_person=None if fold is None else fold.test_person,
        train_persons=tuple(persons),
        data=RunData(
            str(file.path),
            file.header.provenance_id,
            file.header.label_space,
            config.input_size,
            file.persons,
        ),
        epochs=config.epochs,
        last_epoch=0,
        n_test=0 if test_rows is None else len(test_rows),
        tool_version=version("webcam-gaze"),
        recipe=recipe,
        notes=notes,
    )

    def record(position: Position) -> None:
        # An epoch counts when all its batches are done; the last one is recorded after the test.
        write_run(out, dataclasses.replace(run, last_epoch=min(position.epoch, config.epochs - 1)))

    result = train(
        config,
        source,
        out,
        group,
        validate=validate,
        on_save=record,
        meta={
            "data": file.header.source,
            "protocol": run.protocol,
            "test_person": run.test_person,
            "train_persons": list(persons),
            "seen_people": seen,
        },
        **options,
    )
    if not group.leads:
        return None
    predictions = None
    if test_rows is not None:
        predictions = predict_rows(result.net, file, test_rows)
        write_predictions(out, predictions)
    write_run(
        out,
        dataclasses.replace(
            run, last_epoch=config.epochs, notes={**notes, "seconds": round(result.elapsed_s)}
        ),
    )
    return predictions


def _validation(file: NormalizedFile, person: str) -> Callable[[GazeNet], dict[str, float]]:
    rows = file.rows_of([person])
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(1000, len(rows))).astype(int))]

    def validate(net: GazeNet) -> dict[str, float]:
        answers = predict_rows(net, file, rows)
        figures = summary(answers.predicted_rad, answers.pitch_yaw_rad)
        return {
            "validation_deg": float(figures["mean_deg"]),
            "validation_offset_removed_deg": float(figures["mean_offset_removed_deg"]),
        }

    return validate
