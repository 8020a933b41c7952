"""Observations from a camera."""

import dataclasses
import json
import math
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from calibrate_options import panel_screen
from loop_fakes import SIZE, FakeEstimator, ListSource, make_estimate, noise

from calibration.plan import Plan
from calibration.session import Session
from deploy.calibrate import check, feed, person, show
from deploy.calibrate.common import run_session, why_stopped
from deploy.calibrate.feed import CameraFeed, Setup, open_feed
from gaze.camera import Camera
from gaze.types import GazeAngles, Status

pytestmark = pytest.mark.usefixtures("no_display")


def camera_feed(script=None, frames=40):
    source = ListSource([noise(i, SIZE) for i in range(frames)])
    estimator = FakeEstimator(script)
    estimator.predictor = SimpleNamespace(spec=SimpleNamespace(name="net", sha256="ab"))
    return CameraFeed(source, estimator, "Webcam")


def test_camera_feed_turns_frames_into_observations():
    feed = camera_feed()
    first = feed.next(None)
    assert first.problem is None
    assert first.pitch_yaw_rad == pytest.approx((0.1, 0.2))
    assert feed.setup.model_name == "net"
    assert feed.setup.camera_device == "Webcam"
    assert Setup.from_json(json.loads(json.dumps(feed.setup.to_json()))).camera.width == SIZE[0]
    while not feed.ended:
        feed.next(None)
    assert feed.next(None) is None


def test_camera_feed_passes_on_what_is_wrong():
    two = camera_feed(lambda f: [make_estimate(f.index, f.t_s), make_estimate(f.index, f.t_s)])
    assert two.next(None).problem == "two people in view"
    none = camera_feed(lambda f: [])
    assert none.next(None).problem == "no face in view"
    failed = camera_feed(lambda f: [make_estimate(f.index, f.t_s, status=Status.POSE_FAILED)])
    assert failed.next(None).problem == "the head is not clear to see"


def uncertain(frame):
    """A gaze of which the network itself says 20 degrees."""
    estimate = make_estimate(frame.index, frame.t_s)
    return [dataclasses.replace(estimate, gaze=GazeAngles(0.1, 0.2, math.radians(20.0)))]


@pytest.mark.parametrize("stage", [person, check, show])
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "the eyes are not clear to see"),
        (["--max-sigma", "21"], None),
        (["--max-sigma", "19"], "the eyes are not clear to see"),
        (["--max-sigma", "0"], None),
    ],
)
def test_what_a_run_would_not_show_is_not_fitted_on(monkeypatch, stage, options, problem):
    """Every stage that looks through a camera gates at the deviation that `gaze run` is given."""
    source = nullcontext(ListSource([noise(0, SIZE)]))
    estimator = nullcontext(FakeEstimator(uncertain))
    monkeypatch.setattr(feed, "open_source", lambda *args, **kwargs: source)
    monkeypatch.setattr(feed.GazeEstimator, "create", lambda *args, **kwargs: estimator)
    chosen = stage.parser().parse_args(options)
    with open_feed(chosen, lambda: Camera.guessed(*SIZE), panel_screen()) as camera:
        assert camera.next(None).problem == problem


def test_recording_that_ends_early_keeps_what_it_gave():
    session = Session(Plan(points=4, validation=0), panel_screen())
    stop = SimpleNamespace(requested=False)
    feed = camera_feed(frames=120)
    assert run_session(session, feed, None, stop) is False
    assert why_stopped(session, feed) == "the source ended"
    stopped = camera_feed(frames=120)
    assert run_session(session, stopped, None, SimpleNamespace(requested=True)) is False
    assert why_stopped(session, stopped) == "it was stopped"
    assert not session.done


@pytest.mark.parametrize(
    ("lens", "given", "asked"),
    [
        (Camera.guessed(1280, 720), [], None),
        (Camera.from_hfov(60, 640, 480), [], (640, 480)),  # a profile that was made at that size
        (Camera.from_hfov(60, 1280, 720), ["--size", "800x600"], (800, 600)),
        (Camera([[900, 0, 640], [0, 900, 360], [0, 0, 1]], [], 1280, 720), [], (1280, 720)),
    ],
)
def test_a_webcam_may_choose_its_size_where_the_intrinsics_allow_it(monkeypatch, lens, given, asked):
    sizes = []
    monkeypatch.setattr(
        feed, "open_source", lambda text, size: sizes.append(size) or nullcontext(ListSource([]))
    )
    monkeypatch.setattr(feed.GazeEstimator, "create", lambda *a, **k: nullcontext(FakeEstimator()))
    options = person.parser().parse_args(["--source", "0", *given])
    with open_feed(options, lambda: lens, panel_screen()):
        assert sizes == [asked]
