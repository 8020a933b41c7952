"""`gaze train --data FILE.h5`: the protocols over a prepared data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.system_errors import reading
from gaze.errors import UsageError
from gaze.geometry import angular_error_deg
from gaze.training.config import TrainConfig
from gaze.training.ddp import Group
from gaze.training.folds import choose_folds, train_fold
from gaze.training.loop import RunOptions
from gaze.training.runs import ALL_PEOPLE, RUN_FILE, STATE_FILE, read_run


def train_data(args: argparse.Namespace, config: TrainConfig, group: Group) -> None:
    """Train the folds that the options name, each in its own folder below --out, and print each one's error.

    With --resume, finished folds are left alone, begun ones go on and the others start.

    Raises:
        UsageError: the options do not fit the protocol, or --out holds runs already.
    """
    with NormalizedFile(args.data) as file:
        if args.protocol == ALL_PEOPLE:
            if args.folds:
                raise UsageError("--folds belongs to --protocol leave-one-person-out")
            folds = [None]
        else:
            folds = choose_folds(file.persons, args.folds)
        folders = [args.out / (ALL_PEOPLE if fold is None else fold.test_person) for fold in folds]
        with reading():
            taken = [folder for folder in folders if (folder / RUN_FILE).exists()]
        if taken and not args.resume:
            raise UsageError(f"{taken[0]}: holds a run already; add --resume or give another --out")
        for fold, folder in zip(folds, folders, strict=True):
            if _is_finished(folder, config):
                _say(group, f"{folder}: is finished")
                continue
            answers = train_fold(
                config,
                file,
                fold,
                folder,
                group,
                args.validation_person,
                RunOptions(args.resume and (folder / STATE_FILE).exists(), args.save_minutes, args.compile),
            )
            if fold is None:
                _say(group, f"{folder / 'final.pt'}: trained on all {len(file.persons)} people")
            elif answers is not None:
                error = angular_error_deg(answers.predicted_rad, answers.pitch_yaw_rad)
                _say(group, f"{folder}: {error.mean():.2f}° on {len(error)} faces of {fold.test_person}")


def _is_finished(folder: Path, config: TrainConfig) -> bool:
    if not (folder / RUN_FILE).exists():
        return False
    run = read_run(folder)
    if run.epochs != config.epochs:
        raise UsageError(f"{folder}: was begun with --epochs {run.epochs}; use that or another --out")
    return run.last_epoch == run.epochs


def _say(group: Group, text: str) -> None:
    if group.leads:
        print(text, flush=True)
