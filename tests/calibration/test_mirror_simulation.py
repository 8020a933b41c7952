import numpy as np
import pytest

from calibration.mirror_simulation import (
    CONDITIONS,
    MirrorCondition,
    calibrated_camera,
    mirror_views,
    run_mirrors,
    shared_errors,
    true_screen,
)
from calibration.simulate_command import main
from calibration.simulation_tables import mirror_bounds
from gaze.errors import CalibrationError


def test_a_seed_is_a_calibration():
    camera, found = calibrated_camera(3)
    again, _ = calibrated_camera(3)
    assert pytest.approx(again.K, abs=0) == camera.K
    # The board shows the camera to a few deviations of what is stated, and not exactly.
    off = np.array([camera.K[0, 0] - found.camera.K[0, 0], camera.K[1, 1] - found.camera.K[1, 1]])
    assert np.all(off != 0)
    assert np.all(np.abs(off) < 5 * np.sqrt(np.diag(found.covariance)[:2]))


def test_conditions_differ_in_the_errors_of_corners_alone():
    camera, _ = calibrated_camera(1)
    screen = true_screen(1)
    alone, together = (mirror_views(condition, camera, screen, 1) for condition in CONDITIONS[:2])
    assert 3 <= len(alone) == len(together) <= 8
    for first, second in zip(alone, together, strict=True):
        assert first.points_mm == pytest.approx(second.points_mm, abs=0)
        apart = np.linalg.norm(first.points_px - second.points_px, axis=1)
        assert 0 < apart.max() < 4.0


def test_neighbours_share_errors_and_far_points_do_not():
    rng = np.random.default_rng(0)
    points = np.array([[100.0, 100.0], [110.0, 100.0], [1100.0, 600.0]])
    drawn = np.array([shared_errors(points, rng, 200.0)[:, 0] for _ in range(2000)])
    assert drawn.std(axis=0) == pytest.approx([1.0, 1.0, 1.0], abs=0.06)
    correlation = np.corrcoef(drawn.T)
    assert correlation[0, 1] > 0.99
    assert abs(correlation[0, 2]) < 0.08


def test_rows_say_how_often_the_truth_is_within_what_is_stated():
    row = run_mirrors(CONDITIONS[1:2], 12)[0]
    assert row.calibrations == 12
    assert row.refused <= 2
    assert 0.5 < row.within_one < row.within_two <= 1.0
    assert 0.3 < row.off_mm / row.stated_mm < 3.0
    assert mirror_bounds([row])[0].value == pytest.approx(1.0 - row.within_two)


def test_calibrations_that_are_all_refused_are_an_error():
    with pytest.raises(CalibrationError, match="all 1 calibrations were refused"):
        run_mirrors((MirrorCondition("torn pictures", 20.0, 30.0),), 1)


def test_command_prints_the_mirror_table_alone(capsys):
    code = main(["--people", "0", "--table-people", "0", "--mirrors", "2"])
    text = capsys.readouterr().out
    assert code == int("MISSED" in text)
    assert text.count("kept") + text.count("MISSED") == len(CONDITIONS)
    assert "| each alone |" in text
    assert "ideal person" not in text
