"""`gaze calibrate person --schedule`: targets that something else shows."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest
from calibrate_options import PANEL, panel_screen

import deploy.calibrate.person as module
from calibration.profile import Profile
from calibration.session import Session
from calibration.simulated_person import PLAIN
from calibration.simulated_viewer import SimulatedViewer
from calibration.targets import layout, to_px, validation_layout
from deploy.calibrate.feed import Setup
from deploy.calibrate.person import main as person_command
from deploy.calibrate.screen import main as screen_command
from gaze.camera import Camera
from gaze.errors import CalibrationError, SourceError

pytestmark = pytest.mark.usefixtures("no_display")
SETUP = Setup(Camera.from_hfov(70.0, 1280, 720), "", "network", "checksum")


class Recorded:
    """A recording of somebody who looked at a time table's targets; it ends or breaks off after a time."""

    def __init__(self, entries, ends_s=1e9, breaks_s=1e9):
        self.entries, self.ends_s, self.breaks_s = entries, ends_s, breaks_s
        self.viewer = SimulatedViewer(3, panel_screen(), PLAIN)
        self.setup, self.t_s = SETUP, 0.0

    @property
    def ended(self):
        return self.t_s >= self.ends_s

    def next(self, session):
        if self.t_s > self.breaks_s:
            raise SourceError("the file is broken here")
        shown = [e for e in self.entries if e["start_s"] <= self.t_s < e["end_s"]]
        frame = self.viewer.observe(self.t_s, (shown[0]["x_px"], shown[0]["y_px"]) if shown else None)
        self.t_s += 1 / 30
        return frame


@pytest.fixture
def entries():
    """Nine targets and four that measure, in times.json."""
    size = (1920, 1080)
    targets = [*to_px(layout(9), size), *to_px(validation_layout(4), size)]
    content = [
        {"start_s": 2.0 * i, "end_s": 2.0 * i + 2.0, "x_px": x, "y_px": y, "validation": i >= 9}
        for i, (x, y) in enumerate(targets)
    ]
    Path("times.json").write_text(json.dumps({"schema": "gaze.schedule/1", "targets": content}))
    return content


def play(monkeypatch, feed):
    @contextmanager
    def open_feed(options, camera, screen, real_time=True, recorded=False):
        camera()
        yield feed

    monkeypatch.setattr(module, "open_feed", open_feed)


COMMAND = ["--schedule", "times.json", "--source", "recording.mp4", *PANEL]


def test_refit_of_its_session_gives_the_same_profile(monkeypatch, entries, capsys):
    play(monkeypatch, Recorded(entries))
    capsys.readouterr()
    assert person_command([*COMMAND, "--out", "first.json", "--person", "x"]) == 0
    said = capsys.readouterr().out
    session = Session.load("first.session.json")
    assert session.taken == (13, 13)
    assert session.setup == SETUP.to_json()
    assert person_command(["--refit", "first.session.json", "--out", "again.json", "--person", "x"]) == 0
    first, again = (json.loads(Path(name).read_text()) for name in ("first.json", "again.json"))
    assert len(flat(first)) > 50
    assert flat(again) == pytest.approx(flat(first), rel=1e-4, abs=1e-6)
    table = [text.splitlines()[:-1] for text in (said, capsys.readouterr().out)]
    assert table[0] == table[1]
    # Another correction than the automatic one, and the place of the screen, as of any other session.
    assert person_command(["--refit", "first.session.json", "--out", "b.json", "--kind", "offset"]) == 0
    assert Profile.load("b.json").correction.kind == "offset"
    assert screen_command(["--from-session", "first.session.json", "--out", "found.json"]) == 0


def flat(content):
    """The numbers of a JSON object, each under its path."""
    found, left = {}, [("", content)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left += [(f"{path}/{key}", item) for key, item in value.items()]
        elif isinstance(value, list):
            left += [(f"{path}/{i}", item) for i, item in enumerate(value)]
        elif isinstance(value, (int, float)):
            found[path] = float(value)
    return found


def test_recording_that_ends_early_is_kept_and_fitted(monkeypatch, entries, caplog):
    play(monkeypatch, Recorded(entries, ends_s=10.5))
    assert person_command(COMMAND) == 0
    assert Session.load("profile.session.json").taken == (5, 13)
    assert "8 not taken: target at" in caplog.text
    assert "the recording has too few frames" in caplog.text


def test_what_was_seen_before_the_source_broke_off_is_kept(monkeypatch, entries):
    play(monkeypatch, Recorded(entries, breaks_s=10.5))
    with pytest.raises(SourceError, match="broken here"):
        person_command(COMMAND)
    assert Session.load("profile.session.json").taken == (5, 13)
    assert person_command(["--refit", "profile.session.json"]) == 0


def test_missing_targets_are_shown_when_it_goes_on(monkeypatch, entries):
    play(monkeypatch, Recorded(entries, ends_s=10.5))
    person_command(COMMAND)

    class Watching(Recorded):
        def next(self, session):
            self.t_s += 1 / 30
            return self.viewer.observe(self.t_s, session.target_px(self.t_s))

    play(monkeypatch, Watching([]))
    resume = ["--resume", "profile.session.json", "--simulate", "3", "--no-window"]
    assert person_command(resume) == 0
    assert Session.load("profile.session.json").taken == (13, 13)


def test_empty_recording_is_refused(monkeypatch, entries):
    play(monkeypatch, Recorded(entries, ends_s=0.0))
    with pytest.raises(CalibrationError, match="the source gave no frame"):
        person_command(COMMAND)
    assert not Path("profile.session.json").exists()


def test_one_target_shown_twice_is_said_to_be_one(monkeypatch, entries):
    for entry in entries:
        entry.update(x_px=960.0, y_px=540.0, validation=False)
    Path("times.json").write_text(json.dumps({"schema": "gaze.schedule/1", "targets": entries}))
    play(monkeypatch, Recorded(entries))
    with pytest.raises(CalibrationError, match="samples from 1 target only; at least 2 are needed"):
        person_command(COMMAND)
