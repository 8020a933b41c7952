import json
import re

import numpy as np
import pytest
from loop_fakes import make_face, noise

from calibration.simulated_person import PLAIN, HeadState, SimulatedPerson
from deploy.calibrate.rendered import SCREEN, look_at_targets, main, run_person
from gaze.errors import CalibrationError, UsageError
from gaze.model_spec import DEFAULT_MODEL
from gaze.types import Estimate, Frame, GazeAngles, HeadPose, NormalizedFace, Status


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
        return Frame(noise(index, (32, 24)), index, t_s), self.seen.true_centre_cam_mm[0]

    def estimate(self, frame):
        if self.hidden:
            return [Estimate(frame.index, frame.t_s, Status.NO_FACE)]
        seen = self.seen
        return [
            Estimate(
                frame.index, frame.t_s, Status.OK, make_face(),
                HeadPose(seen.R_cam_head[0], seen.origin_cam_mm[0], 0.5),
                NormalizedFace(noise(1, (112, 112)), seen.R_norm_cam[0], seen.origin_cam_mm[0], 1.0),
                GazeAngles(*seen.pitch_yaw_rad[0]),
            )
        ]  # fmt: skip


def test_a_person_is_calibrated_and_the_networks_errors_are_noted():
    sitter = SimulatedSitter(5)
    result, errors = run_person(sitter, sitter, 5, points=9, frames=6, kind="auto", start_s=0.0)
    assert result.before_deg > 2.0
    assert result.after_deg < 0.5 * result.before_deg
    assert result.frames == (9 + 6) * 6
    predicted, true = np.array(errors["predicted_rad"]), np.array(errors["true_rad"])
    assert predicted.shape == true.shape == np.array(errors["head_rad"]).shape == (90, 2)
    # The noted error is the person's: its mean is the bias that was there before.
    assert np.rad2deg(np.linalg.norm((predicted - true).mean(axis=0))) == pytest.approx(
        result.before_deg, abs=0.7
    )


def test_every_target_has_its_place():
    sitter = SimulatedSitter(1)
    samples, centres = look_at_targets(
        sitter, sitter, SCREEN, np.array([[100.0, 100], [900, 500]]), 4, 10.0, 100
    )
    assert samples.place.tolist() == [100] * 4 + [101] * 4
    assert len(centres) == len(samples) == 8
    assert np.all(np.diff(samples.t_s) > 0)


def test_a_face_that_is_not_found_is_said():
    sitter = SimulatedSitter(1, hidden=True)
    with pytest.raises(CalibrationError, match="not found at enough targets"):
        run_person(sitter, sitter, 1, points=4, frames=2, kind="auto", start_s=0.0)


def test_numbers_are_checked():
    with pytest.raises(UsageError, match=r"--frames must be 1 to \d+, got 1000"):
        main(["--frames", "1000"])
    for name in ("--people", "--frames"):
        with pytest.raises(SystemExit) as caught:
            main([name, "0"])
        assert caught.value.code == 2


@pytest.mark.slow
@pytest.mark.skipif(not DEFAULT_MODEL.exists(), reason="there is no network in the package")
def test_rendered_people_gain_from_calibration(tmp_path, capsys, shared_dir):
    out = tmp_path / "errors.json"
    code = main(["--people", "6", "--errors", str(out)])
    text = capsys.readouterr().out
    assert code == 0, text
    assert len(re.findall(r"^\| 9000", text, re.MULTILINE)) == 6
    assert len(json.loads(out.read_text())["person"]) > 150
