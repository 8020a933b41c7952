import numpy as np
import pytest

from calibration.rendered_trial import SCREEN, look_at_targets, run_trial
from calibration.simulated_person import PLAIN, HeadState, SimulatedPerson
from gaze.errors import CalibrationError
from gaze.types import Estimate, Face, Frame, GazeAngles, HeadPose, NormalizedFace, Status

PICTURE = np.zeros((32, 32, 3), np.uint8)
FACE = Face((2, 2, 30, 30), np.full((478, 2), 16.0), (0.9, 0.8))


class SimulatedSitter:
    """Stands for renderer and network together: frames of a simulated person, whose estimates are known."""

    def __init__(self, seed, hidden=False):
        self.person = SimulatedPerson(seed, PLAIN)
        self.head = HeadState((2.0, 0.0), 0.0, (0.0, 100.0, 580.0))
        self.hidden = hidden
        self.seen = None

    def frame(self, target_cam_mm, index, t_s):
        on_screen = SCREEN.R_cam_screen.T @ (target_cam_mm - SCREEN.t_cam_mm)
        self.seen = self.person.look(SCREEN, SCREEN.mm_to_px(on_screen[:2]), self.head, 1)
        return Frame(PICTURE, index, t_s), self.seen.true_centre_cam_mm[0]

    def estimate(self, frame):
        if self.hidden:
            return [Estimate(frame.index, frame.t_s, Status.NO_FACE)]
        seen = self.seen
        return [
            Estimate(
                frame.index, frame.t_s, Status.OK, FACE,
                HeadPose(seen.R_cam_head[0], seen.origin_cam_mm[0], 0.5),
                NormalizedFace(PICTURE, seen.R_norm_cam[0], seen.origin_cam_mm[0], 1.0),
                GazeAngles(*seen.pitch_yaw_rad[0]),
            )
        ]  # fmt: skip


def test_a_person_is_calibrated_and_the_networks_errors_are_noted():
    sitter = SimulatedSitter(5)
    trial = run_trial(sitter, sitter.estimate, 5, points=9, frames=6, kind="auto", start_s=0.0)
    assert trial.before_deg > 2.0
    assert trial.after_deg < 0.5 * trial.before_deg
    assert trial.frames == (9 + 6) * 6
    errors = trial.errors
    assert errors.predicted_rad.shape == errors.true_rad.shape == errors.head_rad.shape == (90, 2)
    assert errors.person.tolist() == [5] * 90
    # The noted error is the person's: its mean is the bias that was there before.
    bias_rad = np.linalg.norm((errors.predicted_rad - errors.true_rad).mean(axis=0))
    assert np.rad2deg(bias_rad) == pytest.approx(trial.before_deg, abs=0.7)


def test_every_target_has_its_place():
    sitter = SimulatedSitter(1)
    samples, centres = look_at_targets(
        sitter, sitter.estimate, SCREEN, np.array([[100.0, 100], [900, 500]]), 4, 10.0, 100
    )
    assert samples.place.tolist() == [100] * 4 + [101] * 4
    assert len(centres) == len(samples) == 8
    assert np.all(np.diff(samples.t_s) > 0)


def test_a_face_that_is_not_found_is_said():
    sitter = SimulatedSitter(1, hidden=True)
    with pytest.raises(
        CalibrationError, match=r"at enough targets \(0, wanted are 3\); take other people or"
    ):
        run_trial(sitter, sitter.estimate, 1, points=4, frames=2, kind="auto", start_s=0.0)
