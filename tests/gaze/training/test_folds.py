"""The protocols on a small prepared file: who is trained on, what is left behind, what is refused."""

import csv
import json

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from spot_faces import spots

from gaze.cli import main
from gaze.datasets.normalized_hdf5 import NormalizedFile, NormalizedHeader, write_normalized
from gaze.datasets.normalized_rows import NormalizedRows
from gaze.datasets.normalized_source import PersonSource
from gaze.errors import DataError, UsageError
from gaze.geometry import angular_error_deg
from gaze.network import GazeNet
from gaze.network_checkpoint import load_checkpoint, save_checkpoint
from gaze.training import finishing, loop
from gaze.training.folds import choose_folds, predict_rows
from gaze.training.forward import predict
from gaze.training.runs import read_predictions, read_run
from gaze.training.seen_people import people_seen, person_key
from gaze.types import NormalizedCamera

SIZE, PEOPLE, EACH = 64, ("p00", "p01", "p02"), 20
SMALL = ["--width", "0.25", "--input-size", "64", "--batch-size", "8", "--threads", "1"]


@pytest.fixture(autouse=True)
def few_finishing_batches(monkeypatch):
    """Small sets need no thousands of faces to finish a network with."""
    monkeypatch.setattr(finishing, "FINISHING_BATCHES", 6)


def prepared(path, label_space="rotation-only", mirrored=lambda row: False):
    faces, labels = spots(EACH * len(PEOPLE), SIZE)
    rows = NormalizedRows.from_dicts(
        [
            {
                "person": PEOPLE[row % 3],
                "day": "day01",
                "frame_id": f"f{row}",
                "pitch_yaw_rad": labels[row],
                "head_pitch_yaw_rad": labels[row] / 2,
                "brightness": float(faces[row].mean()),
                "mirrored": mirrored(row),
            }
            for row in range(len(faces))
        ]
    )
    camera = NormalizedCamera(960 * SIZE / 224, 600.0, SIZE)
    header = NormalizedHeader("spots", label_space, camera, "mean of six", "1", provenance_id="abc")
    write_normalized(path, header, faces, rows)
    return path


def train(*options):
    before = torch.get_num_threads()
    try:
        return main(["train", *map(str, options)])
    finally:
        torch.set_num_threads(before)


def test_source_holds_only_its_people(tmp_path):
    with NormalizedFile(prepared(tmp_path / "a.h5")) as file:
        source = PersonSource(file, ["p00", "p02"])
        assert len(source) == 2 * EACH
        faces, labels = source.read(np.array([3, 0]))
        np.testing.assert_array_equal(labels[0], file.rows.pitch_yaw_rad[source.rows[3]])
        np.testing.assert_array_equal(faces[1], file.read([source.rows[0]])[0])
        assert "p01" not in file.rows.person[source.rows]
        with pytest.raises(DataError, match="give its --data"):
            source.rescan(["other"])


def test_choosing_folds():
    assert [fold.test_person for fold in choose_folds(PEOPLE, None)] == list(PEOPLE)
    assert [fold.test_person for fold in choose_folds(PEOPLE, ["p02", "0", "p02"])] == ["p02", "p00"]
    with pytest.raises(UsageError, match="no such person"):
        choose_folds(PEOPLE, ["p9"])


def test_leave_one_person_out_leaves_complete_runs(tmp_path, capsys):
    data, out = prepared(tmp_path / "a.h5"), tmp_path / "out"
    options = ["--data", data, "--protocol", "leave-one-person-out", "--epochs", 2, "--out", out, *SMALL]
    assert train(*options, "--folds", "p01") == 0
    run, answers = read_run(out / "p01"), read_predictions(out / "p01")
    assert run.test_person == "p01"
    assert run.train_persons == ("p00", "p02")
    assert (run.epochs, run.last_epoch, run.n_test) == (2, 2, EACH)
    assert run.data.provenance_id == "abc"
    assert "seed" in run.notes
    assert "seed" not in run.recipe
    assert set(answers.person) == {"p01"}
    with NormalizedFile(data) as file:
        rows = file.rows_of(["p01"])
        np.testing.assert_allclose(answers.pitch_yaw_rad, file.rows.pitch_yaw_rad[rows], atol=1e-6)
        np.testing.assert_allclose(answers.head_rad, file.rows.head_pitch_yaw_rad[rows], atol=1e-6)
    # 40 faces of two people, 8 a batch, 2 epochs: the test person's 20 are not among them.
    _, meta = load_checkpoint(out / "p01" / "final.pt")
    assert (meta["step"], meta["source_samples"]) == (10, 40)
    assert meta["test_person"] == "p01"

    assert train(*options, "--folds", "p01") == 2
    assert "holds a run already" in capsys.readouterr().err
    before = (out / "p01" / "final.pt").stat().st_mtime_ns
    assert train(*options, "--resume") == 0
    assert (out / "p01" / "final.pt").stat().st_mtime_ns == before
    assert {path.name for path in out.iterdir()} == set(PEOPLE)


def test_mirrored_faces_are_answered_as_shown_and_reported_turned_back(tmp_path):
    with NormalizedFile(prepared(tmp_path / "a.h5", mirrored=lambda row: row % 2 == 1)) as file:
        torch.manual_seed(0)
        net = GazeNet(SIZE, width=0.25).eval()
        rows = np.arange(8)
        answers = predict_rows(net, file, rows)
        shown = predict(net, torch.from_numpy(file.read(rows))).numpy()
        labels, heads = file.rows.pitch_yaw_rad[rows], file.rows.head_pitch_yaw_rad[rows]
    sign = np.array([1, -1] * 4)
    np.testing.assert_allclose(answers.predicted_rad[:, 0], shown[:, 0], atol=1e-7)
    np.testing.assert_allclose(answers.predicted_rad[:, 1], shown[:, 1] * sign, atol=1e-7)
    np.testing.assert_allclose(answers.pitch_yaw_rad[:, 1], labels[:, 1] * sign, atol=1e-7)
    np.testing.assert_allclose(answers.head_rad[:, 1], heads[:, 1] * sign, atol=1e-7)
    turned_back = angular_error_deg(answers.predicted_rad, answers.pitch_yaw_rad)
    np.testing.assert_allclose(turned_back, angular_error_deg(shown, labels), atol=1e-5)


def test_all_people_can_not_be_taken_for_a_fold(tmp_path):
    out = tmp_path / "out"
    options = ["--protocol", "all", "--epochs", 1, "--out", out, *SMALL]
    assert train("--data", prepared(tmp_path / "a.h5"), *options) == 0
    run = read_run(out / "all")
    assert (run.protocol, run.test_person, run.train_persons) == ("all", None, PEOPLE)
    assert not (out / "all" / "predictions.csv").exists()


def test_start_weights_that_saw_the_test_person_are_refused(tmp_path, capsys):
    data = prepared(tmp_path / "a.h5")
    assert train("--data", data, "--protocol", "all", "--epochs", 1, "--out", tmp_path / "o", *SMALL) == 0
    start = tmp_path / "o" / "all" / "final.pt"
    options = ["--data", data, "--protocol", "leave-one-person-out", "--epochs", 1, *SMALL]
    assert train(*options, "--start", start, "--out", tmp_path / "leak", "--folds", "p01") == 2
    assert "was trained on p01, whom this fold tests" in capsys.readouterr().err
    assert not (tmp_path / "leak" / "p01" / "run.json").exists()

    assert train(*options, "--out", tmp_path / "one", "--folds", "p01") == 0
    clean = tmp_path / "one" / "p01" / "final.pt"
    assert train(*options, "--start", clean, "--out", tmp_path / "two", "--folds", "p01") == 0
    run = read_run(tmp_path / "two" / "p01")
    assert run.notes["start_people"] == ["spots:p00", "spots:p02"]
    # What a start's start saw is not forgotten.
    again = tmp_path / "two" / "p01" / "final.pt"
    assert train(*options, "--start", again, "--out", tmp_path / "three", "--folds", "p00") == 2

    net, _ = load_checkpoint(clean)
    save_checkpoint(tmp_path / "bare.pt", net, {})
    assert people_seen(str(tmp_path / "bare.pt")) is None
    assert people_seen("random") == []
    assert person_key("mpiifacegaze-raw", "p03") == person_key("gazehub", "p03") != person_key("spots", "p03")


def test_a_teacher_that_saw_the_test_person_is_refused(tmp_path, capsys):
    torch.manual_seed(0)
    for name, meta in {
        "p01": {"data": "spots", "train_persons": ["p00"], "seen_people": ["spots:p01"]},
        "p02": {"data": "spots", "train_persons": ["p02"], "seen_people": []},
        "bare": {},
    }.items():
        save_checkpoint(tmp_path / f"{name}.pt", GazeNet(SIZE, width=0.25), meta)
    options = ["--data", prepared(tmp_path / "a.h5"), "--protocol", "leave-one-person-out", "--epochs", 1]
    options += ["--folds", "p01", *SMALL]
    refused = [*options, "--teacher", tmp_path / "p01.pt", "--out", tmp_path / "leak"]
    assert train(*refused) == 2
    assert "p01.pt: was trained on p01, whom this fold tests" in capsys.readouterr().err
    assert not (tmp_path / "leak" / "p01" / "run.json").exists()

    assert train(*options, "--teacher", tmp_path / "p02.pt", "--out", tmp_path / "one") == 0
    assert read_run(tmp_path / "one" / "p01").notes["start_people"] == ["spots:p02"]
    assert people_seen(str(tmp_path / "one" / "p01" / "final.pt")) == ["spots:p00", "spots:p02"]
    both = ["--start", tmp_path / "p02.pt", "--teacher", tmp_path / "bare.pt", "--loss", "l1"]
    assert train(*options, *both, "--out", tmp_path / "two") == 0
    assert read_run(tmp_path / "two" / "p01").notes["start_people"] == "unknown"


def test_killed_fold_is_unfinished_and_resumes(tmp_path, monkeypatch):
    data, out = prepared(tmp_path / "a.h5"), tmp_path / "out"
    options = ["--data", data, "--protocol", "leave-one-person-out", "--folds", "p00", "--epochs", 3, *SMALL]
    original, steps = loop._Run._step, iter(range(100))

    def stop(self, batch):
        if next(steps) == 8:
            raise KeyboardInterrupt
        return original(self, batch)

    monkeypatch.setattr(loop._Run, "_step", stop)
    assert train(*options, "--out", out) == 130
    run = read_run(out / "p00")
    assert (run.epochs, run.last_epoch) == (3, 1)
    monkeypatch.setattr(loop._Run, "_step", original)
    assert train(*options, "--out", out, "--resume") == 0
    assert read_run(out / "p00").last_epoch == 3
    assert train(*options, "--out", tmp_path / "whole") == 0
    a, b = (read_predictions(folder / "p00").predicted_rad for folder in (out, tmp_path / "whole"))
    np.testing.assert_array_equal(a, b)


def test_validation_person_is_a_training_person_left_out(tmp_path):
    out = tmp_path / "out"
    options = ["--data", prepared(tmp_path / "a.h5"), "--protocol", "leave-one-person-out", "--folds", "p00"]
    assert train(*options, "--epochs", 1, "--out", out, "--validation-person", *SMALL) == 0
    run = read_run(out / "p00")
    assert run.train_persons == ("p02",)
    with (out / "p00" / "log.csv").open() as file:
        assert [row for row in csv.DictReader(file) if row["validation_deg"]]


def test_scaled_labels_are_not_turned(tmp_path):
    out = tmp_path / "out"
    options = ["--data", prepared(tmp_path / "a.h5", "scaled"), "--protocol", "all", "--epochs", 1]
    assert train(*options, "--out", out, *SMALL) == 0
    _, meta = load_checkpoint(out / "all" / "final.pt")
    assert meta["label_space"] == "scaled"
    assert read_run(out / "all").data.label_space == "scaled"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "synthetic", "--steps", "1"], "needs --shards"),
        (["--data", "absent.h5", "--epochs", "1"], "no such file"),
        (["--data", __file__, "--epochs", "1"], "needs --protocol"),
        (["--data", __file__, "--protocol", "all", "--steps", "1"], "give --epochs"),
        (["--data", __file__, "--protocol", "all", "--epochs", "1", "--limit", "3"], "--limit belongs"),
        (["--data", "synthetic", "--shards", "x", "--steps", "1", "--folds", "0"], "--folds belongs"),
        (["--data", "synthetic", "--shards", "x", "--steps", "1", "--minutes", "1"], "exactly one"),
        (["--data", "synthetic", "--shards", "x", "--steps", "1", "--start", "absent.pt"], "no such file"),
    ],
)
def test_wrong_use(tmp_path, capsys, options, message):
    assert main(["train", *options, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err


def test_wrong_data_is_named(tmp_path, capsys):
    options = ["--data", __file__, "--protocol", "all", "--epochs", "1", "--out", str(tmp_path / "out")]
    assert main(["train", *options]) == 1
    assert "not a whole HDF5 file" in capsys.readouterr().err
    (tmp_path / "shards.json").write_text(json.dumps({"schema": "x"}))
    options = ["--data", "synthetic", "--shards", str(tmp_path), "--steps", "1", "--out", str(tmp_path / "o")]
    assert main(["train", *options]) == 1
    assert "schema" in capsys.readouterr().err


def test_benchmark_prints_its_three_speeds_and_leaves_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--data", prepared(tmp_path / "a.h5"), "--protocol", "all", "--epochs", 1, "--out", out]
    assert train(*options, "--benchmark", "0.2", *SMALL) == 0
    printed = capsys.readouterr().out
    assert "plain float32, eager" in printed
    assert "% of in memory" in printed
    assert not out.exists()
