"""Leave-one-person-out: figures against plain arithmetic, and every refusal."""

import dataclasses
import json
import math

import numpy as np
import pytest
from fold_runs import DATA, PEOPLE, fold, predictions, write_folds

from gaze.cli import main as gaze_main
from gaze.datasets.mpiifacegaze_counts import PUBLISHED_COUNTS
from gaze.errors import DataError
from gaze.training.baselines import constant_baseline, head_pose_baseline
from gaze.training.bootstrap import bootstrap_interval
from gaze.training.fold_errors import evaluate, is_published_set
from gaze.training.runs import Predictions


def _error_deg(a, b):
    """Angle between two (pitch, yaw) by the textbook formula."""

    def vector(p, y):
        return (-math.cos(p) * math.sin(y), -math.sin(p), -math.cos(p) * math.cos(y))

    dot = sum(x * y for x, y in zip(vector(*a), vector(*b), strict=True))
    return math.degrees(math.acos(max(-1.0, min(1.0, dot))))


def test_the_figure_is_the_mean_of_the_peoples_means(tmp_path):
    runs = [fold(person, n_test=n) for person, n in zip(PEOPLE, (30, 10, 50, 20), strict=True)]
    result = evaluate(write_folds(tmp_path, runs, bias_deg=(2.0, -1.0)))
    means = {}
    for run in runs:
        p = predictions(run.test_person, run.n_test, bias_deg=(2.0, -1.0))
        errors = [_error_deg(a, b) for a, b in zip(p.pitch_yaw_rad, p.predicted_rad, strict=True)]
        means[run.test_person] = sum(errors) / len(errors)
        row = result.summary["persons"][run.test_person]
        assert row["n"] == run.n_test
        assert row["mean_deg"] == pytest.approx(means[run.test_person], abs=1e-4)
        assert row["median_deg"] == pytest.approx(np.median(errors), abs=1e-4)
        assert row["std_deg"] == pytest.approx(np.std(errors), abs=1e-4)
        assert row["bias_pitch_deg"] == pytest.approx(2.0, abs=0.7)
    assert result.summary["mean_of_persons_deg"] == pytest.approx(sum(means.values()) / 4, abs=1e-4)
    assert result.summary["std_over_persons_deg"] == pytest.approx(
        np.std(list(means.values()), ddof=1), abs=1e-4
    )
    assert result.summary["n"] == 110
    low, high = result.summary["interval_95_deg"]
    assert min(means.values()) <= low <= result.summary["mean_of_persons_deg"] <= high <= max(means.values())
    assert "not the fifteen people of MPIIFaceGaze" in " ".join(result.summary["notes"])


def test_start_weights_of_unknown_training_are_named(tmp_path):
    known = evaluate(write_folds(tmp_path / "a", [fold(p, notes={"start_people": []}) for p in PEOPLE]))
    unknown = evaluate(
        write_folds(tmp_path / "b", [fold(p, notes={"start_people": "unknown"}) for p in PEOPLE])
    )
    assert "start weights" not in " ".join(known.summary["notes"])
    assert "Nobody knows what the start weights or the teacher were trained on" in " ".join(
        unknown.summary["notes"]
    )


def test_the_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(200):
        low, high = bootstrap_interval(rng.normal(5, 1, 15), draws=400, seed=trial)
        covered += low <= 5 <= high
    assert 0.85 <= covered / 200 <= 0.98


def test_baselines_know_only_the_others():
    parts = [predictions(person) for person in PEOPLE]
    both = Predictions.concatenate(parts)
    constant = constant_baseline(both)
    others = np.concatenate([part.pitch_yaw_rad for part in parts[1:]]).mean(axis=0)
    np.testing.assert_allclose(constant[:30], np.tile(others, (30, 1)))
    # A gaze that is a quadratic of the head is explained wholly, and the own person's labels change nothing.
    head = both.head_rad
    truth = np.stack([0.1 + 0.5 * head[:, 0] ** 2, 0.3 * head[:, 0] * head[:, 1] - 0.2], axis=1)
    exact = dataclasses.replace(both, pitch_yaw_rad=truth)
    np.testing.assert_allclose(head_pose_baseline(exact), truth, atol=1e-12)
    truth[:30] += 1.0
    shifted = head_pose_baseline(dataclasses.replace(both, pitch_yaw_rad=truth))
    np.testing.assert_allclose(shifted[:30], truth[:30] - 1.0, atol=1e-12)
    both.head_rad[5] = np.nan
    assert head_pose_baseline(both) is None


def _change(**changes):
    return [fold(person, **(changes if person == "p02" else {})) for person in PEOPLE]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([fold(p) for p in PEOPLE[:2]], r"2 of 4 folds are missing: p02, p03"),
        (
            _change(data=dataclasses.replace(DATA, label_space="scaled")),
            "label space is scaled, .*rotation-only",
        ),
        (_change(data=dataclasses.replace(DATA, provenance_id="cd" * 32)), "data is cdcd"),
        (_change(data=dataclasses.replace(DATA, input_size=224)), "input size is 224"),
        (_change(last_epoch=7), "stopped at epoch 7 of 10"),
        (_change(recipe={"loss": "angular"}), r"recipe differs .* in loss \(loss: 'angular' against 'l1'\)"),
        (_change(protocol="all", test_person=None), "was trained on all people"),
        ([*map(fold, PEOPLE), fold("p01", fold=9)], "tests p01, as .*fold_1 does"),
    ],
)
def test_what_is_no_whole_experiment_is_refused(tmp_path, runs, message):
    for run in runs:
        folder = tmp_path / f"fold_{run.fold}"
        folder.mkdir()
        from gaze.training.runs import write_predictions, write_run

        write_run(folder, run)
        write_predictions(folder, predictions(run.test_person or "p02"))
    with pytest.raises(DataError, match=message):
        evaluate(tmp_path)


def test_a_test_person_in_its_own_training_is_refused_even_when_written_by_hand(tmp_path):
    write_folds(tmp_path)
    path = tmp_path / "fold_1" / "run.json"
    content = json.loads(path.read_text())
    content["train_persons"].append("p01")
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="p01 was in the training of its own fold"):
        evaluate(tmp_path)


def test_predictions_of_others_or_too_few_are_refused(tmp_path):
    from gaze.training.runs import write_predictions

    write_folds(tmp_path)
    write_predictions(tmp_path / "fold_0", predictions("p00", 29))
    with pytest.raises(DataError, match="29 predictions, but p00 has 30 samples"):
        evaluate(tmp_path)
    write_predictions(tmp_path / "fold_0", predictions("p01"))
    with pytest.raises(DataError, match="predictions of p01, but the fold tests p00"):
        evaluate(tmp_path)
    (tmp_path / "fold_0" / "predictions.csv").unlink()
    with pytest.raises(DataError, match="resume it"):
        evaluate(tmp_path)


def test_folders_without_runs_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no run.json"):
        evaluate(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        evaluate(tmp_path / "none")


def test_a_person_kept_for_selection_is_said(tmp_path):
    runs = [fold(person) for person in PEOPLE]
    runs[0] = fold("p00", train_persons=("p02", "p03"))
    notes = " ".join(evaluate(write_folds(tmp_path, runs)).summary["notes"])
    assert "fewer than all other people (one kept for selection): p00" in notes


def test_the_command_prints_the_table_and_exits_as_it_should(tmp_path, capsys):
    write_folds(tmp_path / "runs", noise_deg=2.0)
    assert gaze_main(["evaluate", "mpiifacegaze", str(tmp_path / "runs")]) == 0
    text = capsys.readouterr().out
    assert "mean of 4 people" in text
    assert "after 9 calibration samples" in text
    assert (tmp_path / "runs" / "report" / "report.html").is_file()
    # The report inside the folder does not disturb the next call.
    assert gaze_main(["evaluate", "mpiifacegaze", str(tmp_path / "runs"), "--no-calibration"]) == 0
    assert "calibration samples" not in capsys.readouterr().out
    (tmp_path / "runs" / "fold_2" / "run.json").unlink()
    assert gaze_main(["evaluate", "mpiifacegaze", str(tmp_path / "runs")]) == 1
    assert "folds are missing: p02" in capsys.readouterr().err
    assert gaze_main(["evaluate"]) == 2
    assert gaze_main(["evaluate", "moon"]) == 2


def test_the_published_set_is_told_by_its_counts():
    assert sum(PUBLISHED_COUNTS.values()) == 37_667
    assert is_published_set(PUBLISHED_COUNTS)
    assert is_published_set(dict.fromkeys(PUBLISHED_COUNTS, 3000))
    assert is_published_set({**PUBLISHED_COUNTS, "p00": 2900})
    assert not is_published_set(dict.fromkeys(PUBLISHED_COUNTS, 200))
    assert not is_published_set({name: n for name, n in PUBLISHED_COUNTS.items() if name != "p14"})
    assert not is_published_set({**PUBLISHED_COUNTS, "p03": 3500})
