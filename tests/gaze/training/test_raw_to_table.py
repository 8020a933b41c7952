"""The three commands on a small stand-in data set: raw files, prepared file, fold runs, table."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from drawn_person import DrawnPerson

from gaze.cli import main
from gaze.datasets.mpiifacegaze_raw import RawDataset
from gaze.geometry import angles_from_vector, angular_error_deg
from gaze.normalization import normalize_direction, normalizing_rotation
from gaze.synthesis.mpiifacegaze_standin import SUBSET_FOLDER, StandinOptions, write_standin
from gaze.training.runs import read_predictions

PEOPLE, PICTURES = ("p00", "p01", "p02"), 6


def gaze(*words):
    """Run `gaze`; training may set torch's threads."""
    before = torch.get_num_threads()
    try:
        return main([str(word) for word in words])
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """The folder in which all three commands ran, on the evaluation lists, so half the faces are mirrored."""
    root = tmp_path_factory.mktemp("raw to table")
    write_standin(root / "raw", DrawnPerson, StandinOptions(3, PICTURES, seed=4), progress=False)
    lists = ["--subset", "evaluation", "--subset-lists", root / "raw" / SUBSET_FOLDER]
    assert gaze("prepare", root / "raw", "--out", root / "a.h5", "--size", 112, "--workers", 1, *lists) == 0
    small = ["--input-size", 64, "--width", 0.25, "--batch-size", 6, "--threads", 1, "--epochs", 2]
    loso = ["--protocol", "leave-one-person-out"]
    assert gaze("train", "--data", root / "a.h5", *loso, "--out", root / "runs", *small) == 0
    assert gaze("evaluate", "mpiifacegaze", root / "runs") == 0
    return root


def test_every_person_is_in_the_table_once(chain):
    summary = json.loads((chain / "runs" / "report" / "evaluation.json").read_text())
    assert (tuple(summary["persons"]), summary["n"]) == (PEOPLE, 3 * PICTURES)
    assert (summary["label_space"], summary["epochs"]) == ("rotation-only", [2])
    assert set(summary["baselines"]) == {"constant", "head pose only"}
    for name, others in summary["train_persons"].items():
        assert sorted([name, *others]) == list(PEOPLE)
    rows = list(csv.DictReader((chain / "runs" / "report" / "persons.csv").open()))
    assert [row["person"] for row in rows] == list(PEOPLE)
    assert "not the fifteen people" in (chain / "runs" / "report" / "report.html").read_text()


def test_the_truth_in_the_predictions_is_that_of_the_raw_files(chain):
    summary = json.loads((chain / "runs" / "report" / "evaluation.json").read_text())
    dataset = RawDataset(chain / "raw")
    for name in PEOPLE:
        answers, notes = read_predictions(chain / "runs" / name), dataset.person(name).annotations
        assert set(notes.eye) == {"left", "right"}
        rows = {image: row for row, image in enumerate(notes.image.tolist())}
        truth = []
        for frame in answers.frame_id.tolist():
            row = rows[frame]
            R = normalizing_rotation(cv2.Rodrigues(notes.head_rvec[row])[0], notes.centre_cam_mm[row])
            sight = notes.target_cam_mm[row] - notes.centre_cam_mm[row]
            truth.append(angles_from_vector(normalize_direction(sight, R)))
        np.testing.assert_allclose(answers.pitch_yaw_rad, truth, atol=1e-6)
        error = angular_error_deg(answers.predicted_rad, truth)
        assert summary["persons"][name]["mean_deg"] == pytest.approx(error.mean(), abs=1e-3)


def test_no_table_without_all_folds(chain, tmp_path, capsys):
    shutil.copytree(chain / "runs", tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "p01")
    assert gaze("evaluate", "mpiifacegaze", tmp_path / "runs") == 1
    assert "1 of 3 folds are missing: p01" in capsys.readouterr().err


def test_the_prepared_file_is_evaluated_with_a_checkpoint_of_a_fold(chain, capsys):
    command = ["evaluate", "faces", "--data", chain / "a.h5", "--json", chain / "faces.json"]
    checkpoint = chain / "runs" / "p00" / "final.pt"
    code = gaze(*command, "--checkpoint", checkpoint, "--no-average-mirror")  # as folds read their person
    assert (code, "mean of 3 people" in capsys.readouterr().out) == (0, True)
    figures = json.loads((chain / "faces.json").read_text())
    answers = read_predictions(chain / "runs" / "p00")
    error = angular_error_deg(answers.predicted_rad, answers.pitch_yaw_rad).mean()
    assert figures["persons"]["p00"]["mean_deg"] == pytest.approx(error, abs=0.01)
