"""Made-up fold runs of a leave-one-person-out experiment, for tests of the evaluation."""

import dataclasses

import numpy as np

from gaze.training.runs import FoldRun, Predictions, RunData, write_predictions, write_run

PEOPLE = ("p00", "p01", "p02", "p03")
DATA = RunData("standin.h5", "ab" * 32, "rotation-only", 112, PEOPLE)


def fold(person, **changes):
    """A whole, correct run that tests ``person``."""
    run = FoldRun(
        protocol="leave-one-person-out",
        fold=PEOPLE.index(person),
        test_person=person,
        train_persons=tuple(name for name in PEOPLE if name != person),
        data=DATA,
        epochs=10,
        last_epoch=10,
        n_test=30,
        tool_version="0.1.0",
        recipe={"loss": "l1"},
    )
    return dataclasses.replace(run, **changes)


def predictions(person, n=30, bias_deg=(0.0, 0.0), noise_deg=1.0, slope=1.0):
    """Predictions with a known bias; the truth follows the head a little."""
    rng = np.random.default_rng(PEOPLE.index(person))
    head = rng.normal(0, 0.2, (n, 2))
    truth = 0.3 * head + rng.normal([-0.15, 0], [0.08, 0.15], (n, 2))
    said = truth * slope + np.deg2rad(np.array(bias_deg) + rng.normal(0, noise_deg, (n, 2)))
    names = [np.full(n, person), np.array([f"day{1 + i // 10:02d}" for i in range(n)])]
    frames = np.array([f"day{1 + i // 10:02d}/{i:04d}.jpg" for i in range(n)])
    return Predictions(*names, frames, truth, said, head, rng.uniform(40, 200, n))


def write_folds(root, runs=None, **options):
    """One folder per run: run.json and predictions.csv."""
    for run in runs if runs is not None else [fold(person) for person in PEOPLE]:
        folder = root / f"fold_{run.fold}"
        folder.mkdir(parents=True)
        write_run(folder, run)
        write_predictions(folder, predictions(run.test_person, run.n_test, **options))
    return root
