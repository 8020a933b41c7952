import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from loop_fakes import make_face, noise
from profile_fakes import CAMERA, SCREEN, SIZE_PX, estimates, fake_estimator, person_and_profile

from calibration.displays import Display
from calibration.observation import observe
from calibration.recording import read_recording
from calibration.simulated_person import PLAIN
from deploy import run_command
from deploy.display.screen_map import draw_screen_map
from deploy.pipeline import FrameResult
from deploy.point_of_gaze import GazeOutputs, PointOfGazeHook, device_of, hook_for_run
from deploy.records import frame_record
from deploy.run_config import parse_run
from deploy.sources.cameras import FoundCamera
from gaze.camera import Camera
from gaze.errors import CalibrationError, SourceError, UsageError
from gaze.types import Estimate, Frame, GazeAngles, PointOfGaze, Status


def test_point_of_gaze_is_where_the_person_looks():
    person, head, profile = person_and_profile()
    hook = PointOfGazeHook(profile)
    targets = [(400.0, 300.0), (1500.0, 900.0)]
    given = estimates(person, head, targets, 20)
    out = [hook(estimate) for estimate in given]
    for number, target in enumerate(targets):
        point = out[number * 20 + 19].point_of_gaze
        assert point.screen_px == pytest.approx(target, abs=8.0)
        assert point.on_screen
        assert point.screen == "panel"
        assert np.all(np.linalg.eigvalsh(point.covariance_mm2) > 0)
    # The ray is corrected too, and meets the screen at the target; the network's own angles stay.
    ray = out[-1].ray
    assert SCREEN.mm_to_px(SCREEN.intersect(ray.origin_cam_mm, ray.direction_cam)) == pytest.approx(
        targets[1], abs=8
    )
    assert out[-1].gaze == given[-1].gaze


def test_filter_calms_but_follows_jumps():
    person, head, profile = person_and_profile(PLAIN)
    targets = [(300.0, 300.0), (1600.0, 800.0)]
    given = estimates(person, head, targets, 60)
    smooth_hook = PointOfGazeHook(profile)
    smooth = np.array([smooth_hook(e).point_of_gaze.screen_px for e in given])
    raw_hook = PointOfGazeHook(profile, smooth=False)
    raw = np.array([raw_hook(e).point_of_gaze.screen_px for e in given])
    assert smooth[20:60].std(axis=0).mean() < 0.7 * raw[20:60].std(axis=0).mean()
    assert np.linalg.norm(smooth[64] - targets[1]) < 200.0


def test_events_and_recording(tmp_path):
    person, head, profile = person_and_profile()
    hook = PointOfGazeHook(profile, outputs=GazeOutputs(scan_path=tmp_path / "s.png"))
    events = []
    for estimate in estimates(person, head, [(300, 300), (1600, 300), (900, 900)], 20):
        hook(estimate)
        events += hook.events()
    hook.close()
    assert [event["type"] for event in events] == ["fixation", "saccade", "fixation", "saccade"]
    assert len(hook.recording.fixations) == 3
    assert json.loads(json.dumps(hook.recording.events)) == hook.recording.events


def test_statuses_pass_through():
    person, head, profile = person_and_profile()
    hook = PointOfGazeHook(profile)
    good = estimates(person, head, [(900, 500)], 1)[0]
    blink = dataclasses.replace(good, status=Status.BLINK, gaze=None, ray=None)
    assert hook(blink) is blink
    nobody = Estimate(0, 0.0, Status.NO_FACE)
    assert hook(nobody) is nobody


def test_only_the_person_of_the_profile_gets_a_point():
    person, head, profile = person_and_profile()
    hook = PointOfGazeHook(profile)
    own = estimates(person, head, [(900, 500)], 3)
    other = dataclasses.replace(own[0], face=dataclasses.replace(make_face(), track_id=9))
    own = [dataclasses.replace(e, face=dataclasses.replace(e.face, track_id=4)) for e in own]
    assert hook(own[0]).point_of_gaze is not None
    assert hook(other).point_of_gaze is None
    assert hook(own[1]).point_of_gaze is not None
    # Once the person has been away for long, the next face takes the place.
    late = dataclasses.replace(other, t_s=10.0)
    assert hook(late).point_of_gaze is not None


def test_gaze_that_misses_the_screens_plane_has_no_point():
    person, head, profile = person_and_profile()
    away = estimates(person, head, [(900, 500)], 1)[0]
    away = dataclasses.replace(away, gaze=GazeAngles(0.0, np.pi))
    result = PointOfGazeHook(profile)(away)
    assert result.point_of_gaze is None


def test_record_names_point_and_screen():
    person, head, profile = person_and_profile()
    estimate = PointOfGazeHook(profile)(estimates(person, head, [(960, 540)], 1)[0])
    record = frame_record(FrameResult(Frame(noise()), Status.OK, (estimate,), CAMERA, {"network": 1.0}))
    point = record["faces"][0]["point_of_gaze"]
    assert point["screen_px"] == pytest.approx([960, 540], abs=8)
    assert point["screen"] == "panel"
    assert point["on_screen"] is True


def test_analysis_of_a_recording_finds_the_events_of_the_run(tmp_path):
    person, head, profile = person_and_profile()
    hook = PointOfGazeHook(profile, outputs=GazeOutputs(scan_path=tmp_path / "s.png"))
    lines = []
    for estimate in estimates(person, head, [(300, 300), (1600, 300), (900, 900), (930, 700)], 20):
        result = FrameResult(Frame(noise()), Status.OK, (hook(estimate),), CAMERA, {"network": 1.0})
        record = {**frame_record(result), "t_s": estimate.t_s}
        lines.append(json.dumps(record))
    hook.close()
    path = tmp_path / "out.jsonl"
    path.write_text("\n".join(lines))
    read, live = read_recording(path).events, hook.recording.events
    assert [event["type"] for event in read] == [event["type"] for event in live]
    for one, other in zip(read, live, strict=True):
        assert one["start_s"] == pytest.approx(other["start_s"])
        assert one["end_s"] == pytest.approx(other["end_s"])


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (fake_estimator(sha="cd" * 32), "the network differs"),
        (fake_estimator(Camera.from_hfov(90.0, 1280, 720)), "the camera differs"),
        (fake_estimator(CAMERA.resized(640, 360)), "resolution differs"),
    ],
)
def test_run_refuses_a_profile_that_does_not_fit(estimator, message):
    person, head, profile = person_and_profile()
    hook = hook_for_run(profile, parse_run(["--profile", "p"]), estimator, SimpleNamespace(live=False))
    with pytest.raises(CalibrationError, match=message):
        hook(estimates(person, head, [(960, 540)], 1)[0])


def test_run_refuses_another_screen_only_when_live(monkeypatch):
    person, head, profile = person_and_profile()
    other = Display("HDMI-1", 2560, 1440)
    monkeypatch.setattr("calibration.displays.find_displays", lambda: [other])
    one = estimates(person, head, [(960, 540)], 1)[0]
    config = parse_run(["--profile", "p"])
    hook_for_run(profile, config, fake_estimator(), SimpleNamespace(live=False))(one)
    with pytest.raises(CalibrationError, match="the screen differs"):
        hook_for_run(profile, config, fake_estimator(), SimpleNamespace(live=True))(one)
    monkeypatch.setattr("calibration.displays.find_displays", lambda: [])
    hook_for_run(profile, config, fake_estimator(), SimpleNamespace(live=True))(one)


@pytest.mark.skipif(sys.platform == "win32", reason="no links to devices")
def test_a_camera_is_known_by_its_number_its_path_and_a_link(tmp_path, monkeypatch):
    cameras = [FoundCamera(number, str(tmp_path / f"video{number}"), f"Cam {number}") for number in (0, 2)]
    for camera in cameras:
        Path(camera.path).touch()
    link = tmp_path / "by-id" / "usb-Cam-video-index0"
    link.parent.mkdir()
    link.symlink_to("../video2")
    monkeypatch.setattr("deploy.point_of_gaze.find_cameras", lambda: cameras)
    monkeypatch.chdir(tmp_path)
    sources = ["2", cameras[1].path, str(link), "0", "rtsp://host/2", "1", str(tmp_path / "video1")]
    assert [device_of(source) for source in sources] == ["Cam 2", "Cam 2", "Cam 2", "Cam 0", "", "", ""]


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (("--camera", "c.json"), (800, 600)),
        (("--profile", "p.json"), (1280, 720)),
        (("--profile", "p.json", "--camera", "c.json"), (1280, 720)),
        (("--profile", "p.json", "--hfov", "60"), (1280, 720)),
        (("--profile", "p.json", "--size", "640x480"), (640, 480)),
        (("--hfov", "60"), None),
        ((), None),
        (("--camera", "c.json", "--source", "clip.mp4"), None),
    ],
)
def test_a_webcam_is_asked_for_the_size_of_its_camera_or_profile(tmp_path, monkeypatch, options, asked):
    monkeypatch.chdir(tmp_path)
    Path("clip.mp4").touch()
    Camera.from_hfov(60, 800, 600, "calibrated").save("c.json")
    # Of a lens that is not calibrated: its webcam may prefer another size, at which it does not hold.
    person_and_profile()[2].save("p.json")
    sizes = []

    def none_there(text, *, size, **rest):
        sizes.append(size)
        raise SourceError("no camera")

    monkeypatch.setattr(run_command, "open_source", none_there)
    with pytest.raises(SourceError, match="no camera"):
        run_command.main(["--no-window", *options])
    assert sizes == [asked]


def test_outputs_without_a_profile_are_wrong_use():
    with pytest.raises(UsageError, match="need --profile"):
        parse_run(["--heatmap", "h.png"])


def test_map_shows_the_point_at_its_place():
    picture = np.full((480, 640, 3), 120, np.uint8)
    point = PointOfGaze((172.0, 97.0), (960.0, 540.0), True, np.diag([100.0, 25.0]), "panel")
    draw_screen_map(picture, (SCREEN,), point)
    w = round(0.24 * 640)
    h = round(w * 194 / 344)
    x, y = 8 + w // 2, 480 - 8 - h + h // 2
    near = picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).astype(int)
    assert np.abs(near - [60, 180, 255]).sum(axis=1).min() < 30
    assert (picture[:300] == 120).all(), "nothing outside the map is touched"
    before = picture.copy()
    draw_screen_map(picture, (SCREEN,), None)
    assert (picture != before).any()
    off = PointOfGaze((-500.0, 97.0), (-2790.0, 540.0), False, np.diag([100.0, 25.0]), "panel")
    draw_screen_map(picture, (SCREEN,), off)
    tiny = np.zeros((20, 20, 3), np.uint8)
    draw_screen_map(tiny, (SCREEN,), point)
    assert not tiny.any()


def test_hook_draws_the_persons_point():
    person, head, profile = person_and_profile()
    hook = PointOfGazeHook(profile)
    estimate = hook(estimates(person, head, [(960, 540)], 1)[0])
    with_point, without = np.full((2, 480, 640, 3), 120, np.uint8)
    hook.draw(with_point, [estimate])
    hook.draw(without, [])
    assert (with_point != without).any()


def test_picture_of_the_whole_screen_has_dot_ellipse_and_problem():
    from deploy.calibrate.show import picture, view_of

    point = PointOfGaze((172.0, 97.0), (960.0, 540.0), True, np.diag([400.0, 100.0]), "panel")
    shown = picture(point, None, (300.0, 300.0), SIZE_PX, SCREEN.mm_per_px)
    assert shown.shape == (1080, 1920, 3)
    assert shown[540, 960].tolist() == [60, 180, 255]
    # Two deviations of 20 mm across are 223 px, of 10 mm down 111 px.
    across, down = (
        np.flatnonzero((shown[540] == [60, 180, 255]).all(axis=1)),
        np.flatnonzero((shown[:, 960] == [60, 180, 255]).all(axis=1)),
    )
    assert (across.max() - 960, down.max() - 540) == pytest.approx((223, 111), abs=3)
    nothing = picture(None, "no face in view", None, SIZE_PX, SCREEN.mm_per_px)
    assert not (nothing == [60, 180, 255]).all(axis=2).any()
    assert (nothing[500:580].max(axis=2) > 200).any(), "the problem is written"
    person, head, _ = person_and_profile()
    seen = observe(estimates(person, head, [(960, 540)], 1))
    assert len(view_of(seen)) == 1
