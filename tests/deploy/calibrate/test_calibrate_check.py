"""`gaze calibrate check`."""

import dataclasses
from types import SimpleNamespace

import pytest
from calibrate_options import DRY, panel_screen

from calibration.displays import Display
from calibration.plan import Plan
from calibration.profile import Profile
from calibration.session import Session
from deploy.calibrate.check import main as check_command
from deploy.calibrate.common import display_for, refuse_unless_fits, run_session
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
    person_command(["--simulate", "3", *DRY, "--points", "4", "--validation", "0"])
    profile = Profile.load("profile.json")
    setup = SimulatedFeed(3, panel_screen(), real_time=False).setup
    monkeypatch.setattr("calibration.displays.find_displays", lambda: [Display("HDMI-1", 2560, 1440)])
    with pytest.raises(
        CalibrationError, match="calibrated on screen 1920x1080 px on 344x194 mm, connected now: HDMI-1 2560"
    ):
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


LARGE = Display("HDMI-1", 1920, 1080, 0, 0, 598.0, 336.0)
SMALL = Display("DP-1", 1920, 1080, 0, 0, 344.0, 194.0)


@pytest.mark.parametrize(
    ("displays", "wanted", "found"),
    [
        ([], None, "unknown"),
        ([LARGE, SMALL], None, "DP-1"),
        ([LARGE, SMALL], "1", "DP-1"),
        ([Display("VGA-1", 1920, 1080)], None, "VGA-1"),
        ([SMALL, Display("screen", 1920, 1080)], None, "screen"),
    ],
)
def test_the_display_of_a_screen_is_found(monkeypatch, displays, wanted, found):
    monkeypatch.setattr("deploy.calibrate.common.find_displays", lambda: displays)
    assert display_for(panel_screen(), wanted).name == found


def test_the_display_of_a_screen_that_is_not_there_or_not_clear_is_refused(monkeypatch):
    screen = panel_screen()
    monkeypatch.setattr("deploy.calibrate.common.find_displays", lambda: [LARGE])
    with pytest.raises(
        CalibrationError, match="1920x1080 px on 344x194 mm is not there, connected are HDMI-1"
    ):
        display_for(screen, None)
    monkeypatch.setattr("deploy.calibrate.common.find_displays", lambda: [LARGE, SMALL])
    with pytest.raises(CalibrationError, match="connected are"):
        display_for(screen, "HDMI-1")
    twin = dataclasses.replace(SMALL, name="DP-2")
    monkeypatch.setattr("deploy.calibrate.common.find_displays", lambda: [SMALL, twin])
    with pytest.raises(UsageError, match="give --display DP-1 or DP-2"):
        display_for(screen, None)
    assert display_for(screen, "DP-2") == twin
