"""`gaze calibrate person` and its refusals."""

import json
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
from calibrate_options import DRY, PANEL, panel_screen

import deploy.calibrate.person as module
from calibration.accuracy import view_of
from calibration.locate import points_mm
from calibration.plan import Plan
from calibration.profile import Profile
from calibration.samples import Samples
from calibration.screen import load_screens
from calibration.session import Session
from calibration.simulate_command import main as simulate_command
from deploy.calibrate.check import main as check_command
from deploy.calibrate.feed import Setup, SimulatedFeed
from deploy.calibrate.person import main as person_command
from deploy.calibrate.result import fit_person
from deploy.calibrate.screen import main as screen_command
from deploy.calibrate.show import main as show_command
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
        (
            ["--schedule", "a", "--simulate", "3"],
            UsageError,
            "--simulate does not go with --schedule: the time table",
        ),
        (["--simulate", "1", "--no-window", "--card"], UsageError, "--card needs a window"),
        (["--schedule", "a", "--confirm"], UsageError, "--confirm does not go with --schedule"),
        (["--simulate", "1", *DRY, "--pursuit", "nan"], UsageError, "--pursuit needs 8 to 600 seconds"),
        (["--schedule", "absent.json", *PANEL], DataError, "absent.json: cannot be read"),
        (["--simulate", "1", *DRY, "--head", "2"], UsageError, "--head needs 8 to 600 seconds"),
        (["--simulate", "1", *DRY, "--validation", "-1"], UsageError, "validation must be 0 to 100, got -1"),
        (["--simulate", "1", "--no-window"], CalibrationError, "no display can be read"),
        (["--simulate", "1", "--no-window", "--resolution", "1920x1080"], CalibrationError, "--card"),
        (["--simulate", "1", "--no-window", *PANEL[:2], "--size-mm", "100x100"], CalibrationError, "square"),
        (["--simulate", "1", "--no-window", "--screens", "absent.json"], CalibrationError, "cannot be read"),
        (
            ["--resume", "a", "--points", "5"],
            UsageError,
            "--points does not go with --resume: the session has",
        ),
        (["--resume", "a", "--seed", "0"], UsageError, "--seed does not go with --resume"),
        (["--refit", "a", "--confirm"], UsageError, "--confirm does not go with --refit"),
        (["--refit", "a", "--validation", "0"], UsageError, "--validation does not go with --refit"),
        (["--refit", "a", "--size-mm", "344x194"], UsageError, "--size-mm does not go with --refit"),
        (["--refit", "a", "--preset", "laptop"], UsageError, "--preset does not go with --refit"),
        (
            ["--resume", "a", "--resolution", "1920x1080"],
            UsageError,
            "--resolution does not go with --resume",
        ),
        (
            ["--screens", "a", "--size-mm", "344x194"],
            UsageError,
            "--size-mm does not go with --screens: the file says it; .*gaze calibrate screen",
        ),
        (
            ["--screens", "a", "--resolution", "1920x1080"],
            UsageError,
            "--resolution does not go with --screens",
        ),
        (["--screens", "a", "--preset", "above"], UsageError, "--preset does not go with --screens"),
        (["--screens", "a", "--card"], UsageError, "--card does not go with --screens"),
        (["--schedule", "a", "--points", "9"], UsageError, "--points does not go with --schedule"),
        (["--source", "film.mp4", *PANEL], UsageError, "film.mp4 is a video: .* Give --schedule JSON"),
        (["--refit", "absent.json"], CalibrationError, "cannot be read"),
        (["--simulate", "1", *PANEL], GazeError, "no display"),
        (["--hfov", "70", "--webcam", "c920", *PANEL], UsageError, "exclude each other"),
    ],
)
def test_person_refuses_with_the_reason(arguments, error, message, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    Path("film.mp4").touch()
    with pytest.raises(error, match=message):
        person_command(arguments)


def test_refit_of_a_file_without_its_setup_is_refused():
    Session(Plan(points=4), panel_screen()).save("s.json")
    with pytest.raises(CalibrationError, match="does not say what camera"):
        person_command(["--refit", "s.json"])


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (person_command, ["--simulate", "-1"], "'-1' must be a whole number of at least 0"),
        (check_command, ["--simulate", "-1"], "'-1' must be a whole number of at least 0"),
        (show_command, ["--simulate", "-1"], "'-1' must be a whole number of at least 0"),
        (simulate_command, ["--seed", "-1"], "'-1' must be a whole number of at least 0"),
        (person_command, ["--size-mm", "0x194"], "'0x194' is no size in mm"),
        (person_command, ["--size-mm", "344"], "'344' is no size in mm"),
    ],
)
def test_numbers_out_of_range_are_wrong_use(command, arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        command(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_correction_that_is_no_better_than_none_is_doubtful(capsys):
    """The targets of one person with the validation of another, whose offset points elsewhere."""
    person_command(["--simulate", "3", *DRY])
    assert "doubtful" not in capsys.readouterr().out
    other = ["--simulate", "4", *DRY, "--out", "other.json"]
    person_command(other)
    capsys.readouterr()
    mine, their = (json.loads(Path(f"{name}.session.json").read_text()) for name in ("profile", "other"))
    for part in mine["kept"]:
        if part.startswith("validation"):
            mine["kept"][part] = their["kept"][part]
    Path("mixed.json").write_text(json.dumps(mine))
    assert person_command(["--refit", "mixed.json", "--kind", "offset", "--out", "mixed_profile.json"]) == 0
    text = capsys.readouterr().out
    assert "doubtful: targets that were not used are missed by" in text
    assert "Calibrate again" in text
    assert Path("mixed_profile.json").exists()


def test_held_out_targets_that_tell_nothing_are_doubtful():
    """Somebody who is off by something else at every target, and by nothing on average."""
    person_command(["--simulate", "3", *DRY, "--validation", "0"])
    session = Session.load("profile.session.json")
    rows, rng = session.samples, np.random.default_rng(0)
    places, where = np.unique(rows.place, return_inverse=True)
    columns = {name: getattr(rows, name) for name in Samples._SHAPES}
    untouched = Profile.load("profile.json").correction.switched_off()
    hits = session.screen.mm_to_px(points_mm(view_of(rows), untouched, session.screen))
    off = rng.normal(0.0, 80.0, (len(places), 2))
    columns["target_px"] = hits + (off - off.mean(axis=0))[where]
    text = {
        kind: fit_person(Samples(**columns), session.validation, session.screen, kind, False).text()
        for kind in ("auto", "offset")
    }
    assert "doubtful: no correction did better than none" in text["auto"]
    assert "doubtful: held-out targets are missed by more with the correction offset" in text["offset"]


def test_instructions_stand_long_enough_to_be_read():
    feeds = []

    def real_time_is(options, camera, screen, real_time=True, recorded=False):
        feeds.append(SimulatedFeed(3, screen, False))
        return nullcontext(feeds[0])

    class Watched(Session):
        def take(self, observation, confirmed=False):
            paused.append((observation.t_s, self.stage))
            return super().take(observation, confirmed)

    paused = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open_feed", real_time_is)
        patch.setattr(module, "Session", Watched)
        person_command(["--simulate", "3", *DRY, "--points", "4", "--validation", "0"])
    assert next(t for t, stage in paused if stage != "pause") > 5.0
    # The space bar begins it at once.
    session = Session(Plan(points=4, validation=0), panel_screen(), read_s=6.0)
    feed = SimulatedFeed(3, panel_screen(), False)
    session.take(feed.next(session))
    session.take(feed.next(session), confirmed=True)
    assert feed.t_s < 1.0
    assert session.stage != "pause"
