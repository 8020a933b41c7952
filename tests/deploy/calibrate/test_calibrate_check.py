"""`gaze calibrate check`."""

import dataclasses
from types import SimpleNamespace

import pytest
from calibrate_options import DRY, panel_screen

from calibration.plan import Plan
from calibration.profile import Profile
from calibration.session import Session
from deploy.calibrate.check import main as check_command
from deploy.calibrate.common import refuse_unless_fits, run_session
from deploy.calibrate.feed import SimulatedFeed
from deploy.calibrate.person import main as person_command
from gaze.errors import CalibrationError, UsageError

pytestmark = pytest.mark.usefixtures("no_display")


def test_check_holds_for_the_same_person_and_not_for_another(capsys):
    person_command(["--simulate", "3", *DRY, "--points", "9"])
    check = ["--profile", "profile.json", "--no-window"]
    assert check_command([*check, "--simulate", "3"]) == 0
    assert "the profile holds" in capsys.readouterr().out
    assert check_command([*check, "--simulate", "4"]) == 1
    assert "--correct" in capsys.readouterr().out
    assert check_command([*check, "--simulate", "4", "--correct", "--out", "mended.json"]) == 0
    assert check_command(["--profile", "mended.json", "--no-window", "--simulate", "4"]) == 0
    assert Profile.load("profile.json").correction.drift_rad == (0.0, 0.0)


def test_profile_of_another_network_is_refused_before_anybody_looks():
    """The first usable frame tells; the targets need not be looked at for nothing."""
    person_command(["--simulate", "3", *DRY, "--points", "4", "--validation", "0"])
    profile = dataclasses.replace(Profile.load("profile.json"), model_sha256="other")
    profile.save("profile.json")
    with pytest.raises(CalibrationError, match="the network differs"):
        check_command(["--simulate", "3", "--no-window"])
    feed = SimulatedFeed(3, panel_screen(), real_time=False)
    session = Session(Plan(points=0, validation=0), panel_screen())
    with pytest.raises(CalibrationError, match="the network differs"):
        run_session(
            session, feed, None, SimpleNamespace(requested=False), lambda s: refuse_unless_fits(profile, s)
        )
    assert feed.t_s < 0.5


def test_profile_of_another_screen_is_refused_where_it_is_shown(monkeypatch):
    from calibration.displays import Display

    person_command(["--simulate", "3", *DRY, "--points", "4", "--validation", "0"])
    profile = Profile.load("profile.json")
    setup = SimulatedFeed(3, panel_screen(), real_time=False).setup
    monkeypatch.setattr("calibration.displays.find_displays", lambda: [Display("HDMI-1", 2560, 1440)])
    with pytest.raises(CalibrationError, match="calibrated on 1920x1080 px, connected now: 2560x1440"):
        refuse_unless_fits(profile, setup)
    refuse_unless_fits(profile, setup, shown=False)


def test_a_place_for_the_mended_profile_needs_the_mending():
    with pytest.raises(UsageError, match="--out needs --correct"):
        check_command(["--simulate", "3", "--no-window", "--out", "mended.json"])


def test_a_check_that_was_stopped_is_not_finished(monkeypatch):
    person_command(["--simulate", "3", *DRY, "--points", "4", "--validation", "0"])
    stopped = lambda session, feed, window, stop, check: False  # noqa: E731
    monkeypatch.setattr("deploy.calibrate.check.run_session", stopped)
    with pytest.raises(CalibrationError, match=r"the check was not finished \(it was stopped\)"):
        check_command(["--simulate", "3", "--no-window"])
