"""`gaze calibrate person` and its refusals."""

import cv2
import pytest
from calibrate_options import DRY, PANEL, panel_screen

from calibration.plan import Plan
from calibration.profile import Profile
from calibration.screen import load_screens
from calibration.session import Session
from deploy.calibrate.feed import Setup
from deploy.calibrate.person import main as person_command
from deploy.calibrate.screen import main as screen_command
from gaze.errors import CalibrationError, DataError, GazeError, UsageError

pytestmark = pytest.mark.usefixtures("no_display")


def test_person_from_nothing_to_a_profile(tmp_path, capsys):
    code = person_command(
        ["--simulate", "3", *DRY, "--points", "5", "--validation", "4", "--picture", "hits.png"]
    )
    assert code == 0
    text = capsys.readouterr().out
    assert "on targets that were not used" in text
    assert "gaze run --profile profile.json" in text
    profile = Profile.load("profile.json")
    after, before = profile.accuracy["after"], profile.accuracy["before"]
    assert after["accuracy_deg"] < 0.9
    assert before["accuracy_deg"] > 2 * after["accuracy_deg"]
    assert len(after["targets"]) == 4
    assert cv2.imread("hits.png").shape == (900, 1600, 3)
    # What was collected is kept beside it, without a picture.
    session = Session.load("profile.session.json")
    assert session.taken == (9, 9)
    assert Setup.from_json(session.setup).model_sha256 == "simulated"


def test_refit_with_another_model_and_screen_estimate(capsys):
    person_command(["--simulate", "3", *DRY, "--points", "9", "--positions", "2", "--preset", "above"])
    first = Profile.load("profile.json")
    code = person_command([
        "--refit", "profile.session.json", "--kind", "affine", "--estimate-screen", "--out", "again.json",
    ])  # fmt: skip
    assert code == 0
    again = Profile.load("again.json")
    assert again.correction.kind == "affine"
    assert again.screen.pose_source == "gaze"
    assert again.screen.position_sd_mm < first.screen.position_sd_mm
    assert "screen pose from gaze" in capsys.readouterr().out
    assert screen_command(["--from-session", "profile.session.json", "--out", "found.json"]) == 0
    assert load_screens("found.json")[0].t_cam_mm == pytest.approx(again.screen.t_cam_mm)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--no-window"], UsageError, "--no-window needs --simulate"),
        (["--resume", "a", "--refit", "b"], UsageError, "exclude each other"),
        (["--schedule", "a", "--simulate", "3"], UsageError, "does not go with --simulate"),
        (["--simulate", "1", "--no-window", "--card"], UsageError, "--card needs a window"),
        (["--schedule", "a", "--confirm"], UsageError, "does not go with --confirm"),
        (["--simulate", "1", *DRY, "--pursuit", "nan"], UsageError, "--pursuit needs 8 to 600 seconds"),
        (["--schedule", "absent.json", *PANEL], DataError, "absent.json: cannot be read"),
        (["--simulate", "1", *DRY, "--head", "2"], UsageError, "--head needs 8 to 600 seconds"),
        (["--simulate", "1", *DRY, "--validation", "-1"], UsageError, "validation must be 0 to 100, got -1"),
        (["--simulate", "1", "--no-window"], CalibrationError, "no display can be read"),
        (["--simulate", "1", "--no-window", "--resolution", "1920x1080"], CalibrationError, "--card"),
        (["--simulate", "1", "--no-window", *PANEL[:2], "--size-mm", "100x100"], CalibrationError, "square"),
        (["--simulate", "1", "--no-window", "--screens", "absent.json"], CalibrationError, "cannot be read"),
        (["--refit", "absent.json"], CalibrationError, "cannot be read"),
        (["--simulate", "1", *PANEL], GazeError, "no display"),
        (["--hfov", "70", "--webcam", "c920", *PANEL], UsageError, "exclude each other"),
    ],
)
def test_person_refuses_with_the_reason(arguments, error, message, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(error, match=message):
        person_command(arguments)


def test_refit_of_a_file_without_its_setup_is_refused():
    Session(Plan(points=4), panel_screen()).save("s.json")
    with pytest.raises(CalibrationError, match="does not say what camera"):
        person_command(["--refit", "s.json"])
