"""What cannot be used is refused with the reason and the mend."""

import json

import cv2
import numpy as np
import pytest
from gaze_people import laptop

from calibration.analyze_command import main as analyze
from calibration.areas import load_areas
from calibration.board import Board
from calibration.camera_spread import CameraSpread
from calibration.intrinsics import BoardView, fit_intrinsics
from calibration.intrinsics_covariance import intrinsics_covariance
from calibration.least_squares import solve
from calibration.mirror import MirrorView, solve_mirror
from calibration.plan import Plan
from calibration.recording import read_recording
from calibration.session import Session
from gaze.camera import Camera
from gaze.errors import CalibrationError, DataError, GazeError

SIZE = (1280, 720)
CAMERA = Camera([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], [], *SIZE)
BOARD = Board()


def seen(turn_deg=0.0, distance_mm=500.0, count=None):
    """The board's corners in the picture, turned about its vertical axis."""
    R = cv2.Rodrigues(np.array([0.0, np.deg2rad(turn_deg), 0.0]))[0]
    flat = np.c_[BOARD.corners_mm - np.array(BOARD.size_mm) / 2, np.zeros(BOARD.corner_count)][:count]
    return BOARD.corners_mm[:count], CAMERA.project(flat @ R.T + [0.0, 0.0, distance_mm])


def test_views_that_are_all_alike_determine_no_camera():
    views = [BoardView(*seen(), f"view {i}") for i in range(8)]
    with pytest.raises(CalibrationError, match="the views do not determine the camera; tilt the board more"):
        intrinsics_covariance(views, Camera(CAMERA.K, np.zeros(5), *SIZE))


def test_a_fit_that_opencv_gives_up_asks_for_tilts(monkeypatch):
    views = [BoardView(*seen(turn), f"view {turn}") for turn in range(-30, 31, 10)]

    def singular(*arguments, **named):
        raise cv2.error("singular")

    monkeypatch.setattr("calibration.intrinsics.cv2.calibrateCamera", singular)
    with pytest.raises(CalibrationError, match=r"do not determine the camera \(they are too alike\); tilt"):
        fit_intrinsics(views, SIZE)
    nothing = np.full((3, 3), np.nan), np.zeros((5, 1))
    monkeypatch.setattr("calibration.intrinsics.cv2.calibrateCamera", lambda *a, **k: (np.nan, *nothing))
    with pytest.raises(CalibrationError, match="do not determine the camera; tilt the board more"):
        fit_intrinsics(views, SIZE)


def test_a_fit_that_is_no_camera_is_refused(monkeypatch):
    views = [BoardView(*seen(turn), f"view {turn}") for turn in range(-30, 31, 10)]

    def no_camera(*arguments):
        raise GazeError("no such lens")

    monkeypatch.setattr("calibration.intrinsics.Camera", no_camera)
    monkeypatch.setattr(no_camera, "guessed", Camera.guessed, raising=False)
    with pytest.raises(CalibrationError, match=r"the fit gives no camera \(no such lens\)"):
        fit_intrinsics(views, SIZE, "plain")


def test_parameters_that_nothing_depends_on_are_a_singular_fit():
    with pytest.raises(CalibrationError, match=r"do not determine the result \(a singular fit\)"):
        solve(lambda x: np.array([x[0] - 1.0, 2.0 * x[0], 0.5]), np.zeros(2), np.full(2, 1e-3))


def test_mirror_views_with_few_points_or_without_a_flat_board_are_refused(monkeypatch):
    sure = CameraSpread(CAMERA, np.zeros((4, 4)))
    few = [MirrorView(*seen(turn, count=5)) for turn in (0, 20, -20)]
    with pytest.raises(CalibrationError, match="a mirror view shows only 5 board points; 6 are needed"):
        solve_mirror(few, sure)
    monkeypatch.setattr("calibration.planar_pose.cv2.solvePnP", lambda *a, **k: (False, None, None))
    with pytest.raises(CalibrationError, match="a mirror view does not show a flat board; take it again"):
        solve_mirror([MirrorView(*seen(turn)) for turn in (0, 20, -20)], sure)


def test_samples_that_are_no_object_are_refused(tmp_path):
    path = tmp_path / "s.json"
    Session(Plan(points=4, validation=0), laptop()).save(path)
    content = json.loads(path.read_text())
    content["kept"]["target 0"] = [1, 2]
    path.write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match=r"s\.json: samples must be an object of columns"):
        Session.load(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"{"])
def test_areas_that_cannot_be_read_are_refused_by_name(tmp_path, content):
    path = tmp_path / "areas.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"areas\.json"):
        load_areas(path)


def test_a_recording_that_cannot_be_read_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"r\.jsonl: cannot be read \(No such file"):
        read_recording(tmp_path / "r.jsonl")
    (tmp_path / "r.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"r\.jsonl: cannot be read \(is no text\)"):
        read_recording(tmp_path / "r.jsonl")


def test_a_background_that_is_no_picture_is_refused_by_name(tmp_path):
    record = (
        '{"schema": "gaze/1", "t_s": %.2f, "faces": [{"id": 1, "point_of_gaze": '
        '{"screen_px": [100, 200], "screen": "panel", "direction_cam": [0, 0, -1]}}]}\n'
    )
    (tmp_path / "r.jsonl").write_text("".join(record % (i / 30.0) for i in range(30)))
    (tmp_path / "page.png").write_bytes(b"no picture")
    arguments = [str(tmp_path / "r.jsonl"), "--heatmap", str(tmp_path / "h.png"), "--resolution", "640x480"]
    with pytest.raises(DataError, match=r"page\.png: holds no picture that can be decoded"):
        analyze([*arguments, "--background", str(tmp_path / "page.png")])
