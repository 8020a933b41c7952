import dataclasses
import json

import numpy as np
import pytest
from gaze_people import laptop

from calibration.error_file import GazeErrors
from calibration.error_model import error_model
from calibration.simulate_command import main
from calibration.simulated_person import FULL, IDEAL, PLAIN, SimulatedPerson, facing_head
from calibration.simulated_viewer import SimulatedViewer
from calibration.simulation import Condition, run_condition, run_person
from calibration.simulation_tables import bound_conditions, bounds, plan
from calibration.targets import pursuit_path
from gaze.errors import DataError
from gaze.geometry import angular_error_rad, unit, vector_from_angles
from gaze.normalization import normalizing_rotation


def gaze_error_deg(person, frames, screen, target_px):
    estimated = np.einsum("nji,nj->ni", frames.R_norm_cam, vector_from_angles(frames.pitch_yaw_rad))
    true = unit(screen.to_camera(screen.px_to_mm(target_px)) - frames.true_centre_cam_mm)
    return np.rad2deg(angular_error_rad(estimated, true))


def test_people_have_the_bias_of_the_model():
    screen, errors = laptop(), []
    for seed in range(300):
        person = SimulatedPerson(seed, IDEAL)
        frames = person.look(screen, (960, 540), facing_head(screen, seed), 1)
        errors.append(gaze_error_deg(person, frames, screen, (960, 540))[0])
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(4.0, rel=0.1)


def test_person_without_bias_is_seen_exactly():
    exact = dataclasses.replace(IDEAL, bias_deg=0.0)
    screen, person = laptop(), SimulatedPerson(1, exact)
    person._appearance_rad = np.zeros(2)
    frames = person.look(screen, (300, 900), facing_head(screen, 1), 5)
    assert gaze_error_deg(person, frames, screen, (300, 900)).max() < 1e-3


def test_frames_are_normalised_as_the_estimator_does_it():
    screen, person = laptop(), SimulatedPerson(1, FULL)
    frames = person.look(screen, (300, 900), facing_head(screen, 1), 5)
    for R, R_head, origin in zip(frames.R_norm_cam, frames.R_cam_head, frames.origin_cam_mm, strict=True):
        assert pytest.approx(normalizing_rotation(R_head, origin)) == R


def test_noise_has_its_deviation_and_memory():
    errors = dataclasses.replace(PLAIN, blinks_per_s=0.0, lapse=0.0)
    person = SimulatedPerson(1, errors)
    noise = np.rad2deg(person._noise(20000))
    assert noise.std(axis=0) == pytest.approx([1.0, 1.0], rel=0.05)
    lag_one = np.corrcoef(noise[1:, 0], noise[:-1, 0])[0, 1]
    assert lag_one == pytest.approx(np.exp(-1 / (30 * errors.memory_s)), abs=0.03)


def test_a_seed_is_a_person():
    condition = bound_conditions()["nine"]
    assert run_person(condition, 5) == run_person(condition, 5)
    assert run_person(condition, 5) != run_person(condition, 6)


@pytest.fixture(scope="module")
def rows():
    conditions = bound_conditions()
    return {name: run_condition(conditions[name], 12 if name == "pose" else 40) for name in conditions}


def test_bounds_hold_on_a_few_people(rows):
    """The same bounds that `gaze calibrate simulate` prints for a thousand; 40 people cannot show 1 %."""
    assert rows["ideal"].after_deg < 0.05
    assert rows["nine"].after_deg < 1.3
    assert rows["four"].after_deg < 1.8
    assert rows["nine"].worse_part <= 0.025
    assert rows["pose"].pose_rms[2] < 15.0
    assert rows["pose"].pose_rms[3] < 5.0
    assert sum(row.failed for row in rows.values()) == 0
    assert len(bounds(rows)) == 7


def test_error_of_a_frame_cannot_be_below_its_noise(rows):
    """One degree per axis is 1.25 degrees in the mean (Rayleigh): an error below would be a leak."""
    assert rows["nine"].after_deg > np.sqrt(np.pi / 2) - 0.06
    assert rows["nine"].before_deg > 3.0


def test_moving_the_head_costs_accuracy():
    still = run_condition(Condition("still", plan(5), FULL), 12)
    moved = run_condition(Condition("moved", plan(5), FULL, shift_mm=120.0, turn_deg=20.0), 12)
    assert moved.after_look_deg > still.after_look_deg


def test_command_prints_bounds_and_exits_by_them(capsys, monkeypatch, tmp_path):
    out = tmp_path / "rows.json"
    assert main(["--people", "3", "--table-people", "0", "--mirrors", "0", "--json", str(out)]) in (0, 1)
    text = capsys.readouterr().out
    assert "| ideal person without noise, 9 points: error | 0.05° | 0.00" in text
    assert text.count("kept") + text.count("MISSED") == 7
    content = json.loads(out.read_text())
    assert content["rows"]["ideal"]["people"] == 3
    monkeypatch.setattr("calibration.simulate_command.bounds", lambda rows: [])
    assert main(["--people", "1", "--table-people", "0", "--mirrors", "0"]) == 0
    for counts in (("--people", "-1"), ("--people", "0", "--table-people", "0", "--mirrors", "0")):
        with pytest.raises(SystemExit) as caught:
            main([*counts])
        assert caught.value.code == 2


def made_errors(bias_deg=3.0, gain=0.1, head_gain=0.06, noise_deg=0.8, people=60, frames=60):
    rng = np.random.default_rng(0)
    true = rng.normal(0, 0.12, (people * frames, 2))
    head = rng.normal(0, 0.15, (people * frames, 2))
    person = np.repeat(np.arange(people), frames)
    offsets = rng.normal(0, np.deg2rad(bias_deg) / np.sqrt(2), (people, 2))[person]
    gains, head_gains = (
        rng.normal(0, gain, (people, 2))[person],
        rng.normal(0, head_gain, (people, 2, 2))[person],
    )
    noise = rng.normal(0, np.deg2rad(noise_deg), true.shape)
    predicted = true + offsets + gains * true + np.einsum("nij,nj->ni", head_gains, head) + noise
    return predicted, true, head, person


def test_error_model_is_measured_from_predictions():
    model = error_model(GazeErrors(*made_errors()))
    assert model.bias_deg == pytest.approx(3.0, rel=0.2)
    assert model.gain == pytest.approx(0.1, rel=0.3)
    assert model.head_gain == pytest.approx(0.06, rel=0.3)
    assert model.frame_deg == pytest.approx(0.8, rel=0.05)
    assert model.residuals_deg.std() == pytest.approx(0.8, rel=0.05)
    result = run_condition(Condition("measured", plan(5), model), 4)
    assert result.after_deg < result.before_deg


def test_measured_errors_from_a_file(tmp_path):
    path = tmp_path / "errors.json"
    predicted, true, head, person = made_errors(people=5, frames=20)
    content = {
        "schema": "gaze.errors/1",
        "predicted_rad": predicted.tolist(),
        "true_rad": true.tolist(),
        "head_rad": head.tolist(),
        "person": person.tolist(),
    }
    path.write_text(json.dumps(content))
    read = GazeErrors.load(path)
    assert error_model(read).frame_deg == pytest.approx(0.8, rel=0.15)
    again = tmp_path / "again.json"
    GazeErrors.join([read, read]).save(again)
    assert GazeErrors.load(again).person.tolist() == read.person.tolist() * 2
    assert GazeErrors.load(again).true_rad[: len(read)] == pytest.approx(true, abs=1e-6)
    for change, message in (
        ({"schema": "x"}, "is not a gaze.errors/1"),
        ({"true_rad": true.tolist()[:-1]}, "must be finite"),
        ({"person": [0] * 100}, "too few"),
        ({"head_rad": None}, "must be finite|head_rad"),
    ):
        path.write_text(json.dumps({**content, **change}))
        with pytest.raises(DataError, match=message):
            error_model(GazeErrors.load(path))
    with pytest.raises(DataError, match="cannot be read"):
        GazeErrors.load(tmp_path / "absent.json")


@pytest.mark.parametrize("ahead", [False, True])
def test_followed_target_is_seen_late_whether_or_not_frames_are_worked_out_ahead(ahead):
    exact = dataclasses.replace(IDEAL, bias_deg=0.0)
    screen = laptop()
    viewer = SimulatedViewer(1, screen, exact)
    viewer.person._appearance_rad = np.zeros(2)
    calls = []
    look = viewer.person.look
    viewer.person.look = lambda *args: calls.append(args) or look(*args)

    def target(t_s):
        x, y = pursuit_path(t_s, 20.0)
        return x * screen.width_px, y * screen.height_px

    viewer.coming = target if ahead else None
    for i in range(120):
        seen = viewer.observe(i / 30, target(i / 30))
    # 0.12 s are 3.6 frames: the fourth frame before this one is the last that the eyes know of.
    point = screen.to_camera(screen.px_to_mm(target((119 - 4) / 30)))
    estimated = seen.R_norm_cam.T @ vector_from_angles(seen.pitch_yaw_rad)
    assert np.rad2deg(angular_error_rad(estimated, point - seen.origin_cam_mm)) < 0.01
    assert len(calls) < 12 if ahead else len(calls) > 100
