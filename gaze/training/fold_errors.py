"""A folder of fold runs -> the leave-one-person-out result, or a refusal that says why there is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from gaze.datasets.mpiifacegaze_counts import EVALUATION_COUNT, PUBLISHED_COUNTS
from gaze.datasets.system_errors import reading
from gaze.errors import DataError
from gaze.files import without_nan
from gaze.geometry import angular_error_deg
from gaze.training.baselines import CONSTANT, HEAD_POSE, constant_baseline, head_pose_baseline
from gaze.training.bootstrap import bootstrap_interval
from gaze.training.metrics import summary
from gaze.training.runs import ALL_PEOPLE, RUN_FILE, FoldRun, Predictions, read_predictions, read_run

EVALUATION_SCHEMA = "gaze.leave_one_person_out/1"


@dataclass(frozen=True, slots=True)
class FewShot:
    """Error after a personal calibration with ``shots`` samples, degrees: mean over people, per person."""

    shots: int
    mean_deg: float
    per_person_deg: dict[str, float]


# Given all predictions, the calibrated errors. It lives in calibration/, which gaze must not import, so the
# command hands it in.
Calibrator = Callable[[Predictions], list[FewShot]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the report shows: ``errors_deg`` (N,) belongs to ``predictions``, ``summary`` is the JSON."""

    predictions: Predictions
    errors_deg: np.ndarray
    summary: dict[str, object]


def gather_runs(folder: str | os.PathLike[str]) -> list[tuple[Path, FoldRun]]:
    """All runs in a folder and its subfolders, in the order of their paths.

    Raises:
        DataError: the folder does not exist, holds no run, or a run breaks its contract.
    """
    folder = Path(folder)
    with reading():
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; give the --out folder of `gaze train`")
    found = sorted(path.parent for path in folder.rglob(RUN_FILE))
    if not found:
        raise DataError(f"{folder}: holds no {RUN_FILE}; give the --out folder of `gaze train`")
    return [(path, read_run(path)) for path in found]


def check_leave_one_person_out(runs: list[tuple[Path, FoldRun]]) -> None:
    """Refuse what is not one whole leave-one-person-out experiment.

    Raises:
        DataError: a run saw all people, is unfinished, or tests a person that another tests too; folds are
            missing; label space, data, people, input size or recipe differ between folds.
    """
    for path, run in runs:
        if run.protocol == ALL_PEOPLE:
            raise DataError(
                f"{path}: was trained on all people, so there is nobody left to test it on; train with "
                "--protocol leave-one-person-out"
            )
        if run.last_epoch != run.epochs:
            raise DataError(
                f"{path}: stopped at epoch {run.last_epoch} of {run.epochs}; resume it, since the last epoch "
                "is what is reported"
            )
    first_path, first = runs[0]
    for path, run in runs[1:]:
        for name, mine, other in (
            ("label space", run.data.label_space, first.data.label_space),
            ("data", run.data.provenance_id, first.data.provenance_id),
            ("people", run.data.persons, first.data.persons),
            ("input size", run.data.input_size, first.data.input_size),
        ):
            if mine != other:
                raise DataError(
                    f"{path}: {name} is {_short(mine)}, {first_path} has {_short(other)}; folds of one table "
                    "must share it: give a folder with the folds of one experiment"
                )
        keys = {*run.recipe, *first.recipe}
        if changed := sorted(key for key in keys if run.recipe.get(key) != first.recipe.get(key)):
            key = changed[0]
            raise DataError(
                f"{path}: recipe differs from {first_path} in {', '.join(changed)} ({key}: "
                f"{run.recipe.get(key)!r} against {first.recipe.get(key)!r}); train all folds with one recipe"
            )
    tested: dict[str, Path] = {}
    for path, run in runs:
        if run.test_person in tested:
            raise DataError(
                f"{path}: tests {run.test_person}, as {tested[run.test_person]} does; picking between them "
                "would be picking by the test set: remove one"
            )
        tested[run.test_person] = path
    if missing := sorted(set(first.data.persons) - set(tested)):
        raise DataError(
            f"{len(missing)} of {len(first.data.persons)} folds are missing: {', '.join(missing)}; train "
            "them before a leave-one-person-out table can be printed"
        )


def gather_predictions(runs: list[tuple[Path, FoldRun]]) -> Predictions:
    """The test predictions of all folds together.

    Raises:
        DataError: a file is missing or damaged, or holds other people or another number of samples than its
            run says.
    """
    parts = []
    for path, run in runs:
        part = read_predictions(path)
        if strangers := sorted(set(part.person.tolist()) - {run.test_person}):
            raise DataError(
                f"{path}: predictions of {', '.join(strangers)}, but the fold tests {run.test_person}"
            )
        if len(part) != run.n_test:
            raise DataError(
                f"{path}: {len(part)} predictions, but {run.test_person} has {run.n_test} samples; "
                "test this fold again"
            )
        parts.append(part)
    return Predictions.concatenate(parts)


def evaluate(folder: str | os.PathLike[str], calibrate: Calibrator | None = None) -> Evaluation:
    """Gather, check and measure the runs in a folder.

    Raises:
        DataError: see gather_runs, check_leave_one_person_out and gather_predictions.
    """
    runs = gather_runs(folder)
    check_leave_one_person_out(runs)
    predictions = gather_predictions(runs)
    errors = angular_error_deg(predictions.pitch_yaw_rad, predictions.predicted_rad)
    persons = [run.test_person for _, run in sorted(runs, key=lambda item: item[1].test_person)]
    table = {}
    for name in persons:
        own = predictions.person == name
        table[name] = figures(predictions.where(own))
    means = np.array([table[name]["mean_deg"] for name in persons])
    low, high = bootstrap_interval(means)
    run = runs[0][1]
    result: dict[str, object] = {
        "schema": EVALUATION_SCHEMA,
        "protocol": run.protocol,
        "label_space": run.data.label_space,
        "input_size": run.data.input_size,
        "provenance_id": run.data.provenance_id,
        "tool_versions": sorted({item.tool_version for _, item in runs}),
        "epoch": "last",
        "epochs": sorted({item.epochs for _, item in runs}),
        "recipe": run.recipe,
        "n": len(predictions),
        "n_persons": len(persons),
        "published_set": is_published_set({item.test_person: item.n_test for _, item in runs}),
        "mean_of_persons_deg": float(means.mean()),
        "std_over_persons_deg": float(means.std(ddof=1)) if len(means) > 1 else 0.0,
        "interval_95_deg": [low, high],
        "pooled": figures(predictions),
        "persons": table,
        "train_persons": {item.test_person: list(item.train_persons) for _, item in runs},
        "baselines": _baselines(predictions, persons),
        "few_shot": [asdict(item) for item in calibrate(predictions)] if calibrate else [],
        "notes": _notes(runs, persons, predictions),
    }
    return Evaluation(predictions, errors, result)


def figures(predictions: Predictions) -> dict[str, float | int | None]:
    """The common figures of some predictions (see gaze.training.metrics) with the deviation, None for NaN.

    Raises:
        DataError: there are fewer than two.
    """
    if len(predictions) < 2:
        raise DataError(f"figures need at least two samples, got {len(predictions)}")
    errors = angular_error_deg(predictions.pitch_yaw_rad, predictions.predicted_rad)
    values = {**summary(predictions.predicted_rad, predictions.pitch_yaw_rad), "std_deg": float(errors.std())}
    return without_nan(values)


def _baselines(predictions: Predictions, persons: list[str]) -> dict[str, dict[str, float]]:
    result = {}
    for name, guess in (
        (CONSTANT, constant_baseline(predictions)),
        (HEAD_POSE, head_pose_baseline(predictions)),
    ):
        if guess is None:
            continue
        error = angular_error_deg(predictions.pitch_yaw_rad, guess)
        per_person = {person: float(error[predictions.person == person].mean()) for person in persons}
        result[name] = {
            "mean_of_persons_deg": float(np.mean(list(per_person.values()))),
            "per_person_deg": per_person,
        }
    return result


def _notes(runs: list[tuple[Path, FoldRun]], persons: list[str], predictions: Predictions) -> list[str]:
    notes = ["Every figure is from the last epoch; nothing was chosen by looking at a test person."]
    if not is_published_set({run.test_person: run.n_test for _, run in runs}):
        notes.append(
            f"These are {len(persons)} people and {len(predictions)} pictures, not the fifteen people of "
            "MPIIFaceGaze: published results do not compare."
        )
    short = [run.test_person for _, run in runs if len(run.train_persons) < len(persons) - 1]
    if short:
        notes.append(
            f"Folds that trained on fewer than all other people (one kept for selection): {', '.join(short)}."
        )
    versions = sorted({run.tool_version for _, run in runs})
    if len(versions) > 1:
        notes.append(f"The folds were trained by different versions of the tool: {', '.join(versions)}.")
    if any(run.notes.get("start_people") == "unknown" for _, run in runs):
        notes.append(
            "Nobody knows what the start weights or the teacher were trained on: if on these people, this is "
            "not leave-one-person-out."
        )
    if not np.all(np.isfinite(predictions.head_rad)):
        notes.append("Some samples have no head pose, so there is no head-pose baseline.")
    return notes


def is_published_set(counts: dict[str, int]) -> bool:
    """Fifteen people with about their published number of pictures, or 3000 (the evaluation lists) each."""
    return set(counts) == set(PUBLISHED_COUNTS) and all(
        0.95 * expected <= count <= expected
        for name, count in counts.items()
        for expected in [PUBLISHED_COUNTS[name] if count <= PUBLISHED_COUNTS[name] else EVALUATION_COUNT]
    )


def _short(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 40 else f"{text[:16]}…"
