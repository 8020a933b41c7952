"""A calibration that was stopped goes on, with the same camera and network only."""

import json
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from calibrate_options import DRY, PANEL

import deploy.calibrate.person as module
from calibration.observation import Observation
from calibration.profile import Profile
from calibration.session import Session
from deploy.calibrate.common import run_session
from deploy.calibrate.feed import SimulatedFeed
from deploy.calibrate.person import main as person_command
from deploy.calibrate.screen import main as screen_command
from gaze.camera import Camera
from gaze.errors import CalibrationError

pytestmark = pytest.mark.usefixtures("no_display")


class Interrupted:
    """A stop signal that comes after so many targets."""

    def __init__(self, session, after):
        self.session, self.after = session, after

    @property
    def requested(self):
        return self.session.taken[0] >= self.after


def test_stopped_in_the_middle_nothing_is_lost_and_it_goes_on(monkeypatch):
    stopped_after_four(monkeypatch, *PANEL)
    assert Session.load("profile.session.json").taken == (4, 15)
    assert person_command(["--resume", "profile.session.json", "--simulate", "3", "--no-window"]) == 0
    assert Session.load("profile.session.json").taken == (15, 15)


def test_resume_with_another_network_is_refused(monkeypatch):
    person_command(["--simulate", "3", *DRY, "--points", "4", "--validation", "0"])
    content = json.loads(Path("profile.session.json").read_text())
    content["setup"]["model_sha256"] = "other"
    del content["kept"]["target 2"]
    Path("part.json").write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match="start again"):
        person_command(["--resume", "part.json", "--simulate", "3", "--no-window"])


def stopped_after_four(monkeypatch, *arguments):
    """profile.session.json with four targets of a calibration of nine."""
    real = run_session
    monkeypatch.setattr(module, "run_session", lambda s, f, w, stop, c: real(s, f, w, Interrupted(s, 4), c))
    with pytest.raises(
        CalibrationError, match=r"4 of 15 targets.*it was stopped.*--resume profile.session.json"
    ):
        person_command(["--simulate", "3", "--no-window", *arguments])
    monkeypatch.setattr(module, "run_session", real)


def test_what_differs_is_said_before_anybody_looks_and_the_file_stays(monkeypatch):
    stopped_after_four(monkeypatch, *PANEL)
    path = Path("profile.session.json")
    content = json.loads(path.read_text())
    content["setup"]["K"][0][0] *= 1.2
    path.write_text(json.dumps(content))
    with pytest.raises(
        CalibrationError, match=r"cannot be gone on with: the camera differs: .*degrees apart"
    ):
        person_command(["--resume", str(path), "--simulate", "3", "--no-window"])
    after = json.loads(path.read_text())
    assert after["kept"] == content["kept"]
    assert after["setup"] == content["setup"]


@pytest.mark.parametrize(("flags", "width"), [([], 1280), (["--hfov", "90", "--size", "640x480"], 640)])
def test_the_camera_of_the_session_is_used_again_unless_one_is_given(monkeypatch, flags, width):
    stopped_after_four(monkeypatch, *PANEL)
    path = Path("profile.session.json")
    content = json.loads(path.read_text())
    lens = Camera.from_hfov(77.0, 1280, 720)
    content["setup"].update(K=lens.K.tolist(), source=lens.source)
    path.write_text(json.dumps(content))
    given = []

    @contextmanager
    def fake_feed(options, camera, screen, real_time=True, recorded=False):
        given.append(camera())
        # Of a webcam the session's own size is asked for.
        assert recorded == (not flags)
        yield SimulatedFeed(3, screen, False)

    monkeypatch.setattr(module, "open_feed", fake_feed)
    with pytest.raises(CalibrationError, match="the camera differs"):
        person_command(["--resume", str(path), "--simulate", "3", "--no-window", *flags])
    assert given[0].width == width
    assert given[0].hfov_deg == pytest.approx(90.0 if flags else 77.0)


def test_further_screens_come_back(monkeypatch):
    screen_command([*PANEL, "--name", "main"])
    screen_command([*PANEL, "--name", "second", "--add"])
    stopped_after_four(monkeypatch, "--screens", "screens.json")
    assert person_command(["--resume", "profile.session.json", "--simulate", "3", "--no-window"]) == 0
    assert [screen.name for screen in Profile.load("profile.json").screens] == ["main", "second"]


def test_refit_takes_a_place_that_was_measured_since():
    person_command(["--simulate", "3", *DRY, "--points", "5", "--validation", "0"])
    screen_command([*PANEL, "--up-mm", "30", "--right-mm", "0", "--front-mm", "0"])
    again = ["--refit", "profile.session.json", "--out", "again.json", "--screens", "screens.json"]
    assert person_command(again) == 0
    assert Profile.load("again.json").screen.pose_source == "measured"
    screen_command(["--resolution", "2560x1440", "--size-mm", "344x194"])
    with pytest.raises(CalibrationError, match="has 2560x1440 px, the targets were shown on 1920x1080 px"):
        person_command(again)


def test_what_an_earlier_calibration_recorded_is_kept_beside_a_new_one(monkeypatch, caplog):
    person_command(["--simulate", "3", *DRY])
    Path("profile.session.1.json").write_text("taken")
    before = Path("profile.session.json").read_text()
    stopped_after_four(monkeypatch, *PANEL)
    assert "profile.session.json was there already: it is kept as profile.session.2.json" in caplog.text
    assert Path("profile.session.2.json").read_text() == before
    assert Path("profile.session.1.json").read_text() == "taken"
    assert Session.load("profile.session.json").taken == (4, 15)
    # The file that a calibration goes on with holds nothing that the new one lacks.
    assert person_command(["--resume", "profile.session.json", "--simulate", "3", "--no-window"]) == 0
    assert not Path("profile.session.3.json").exists()
    # Another file is gone on with, and this one is in the way.
    assert person_command(["--resume", "profile.session.2.json", "--simulate", "3", "--no-window"]) == 0
    assert Path("profile.session.3.json").exists()


def test_nobody_in_view_is_told_where_to_sit(monkeypatch):
    ticks = count()
    monkeypatch.setattr(
        SimulatedFeed, "next", lambda self, session: Observation(next(ticks) / 4.0, "no face in view")
    )
    with pytest.raises(
        CalibrationError, match=r"0 of 15 targets .*\(no face in view\); sit in front of the camera"
    ):
        person_command(["--simulate", "3", *DRY])
