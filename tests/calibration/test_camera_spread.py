"""What is known of a camera's intrinsics, and what follows for points seen by it."""

import json

import cv2
import numpy as np
import pytest

from calibration.board import Board
from calibration.camera_spread import CameraSpread
from calibration.intrinsics import BoardView
from calibration.intrinsics_covariance import intrinsics_covariance
from gaze.camera import Camera
from gaze.errors import CalibrationError

CAMERA = Camera([[900.0, 0, 640], [0, 905.0, 360], [0, 0, 1]], [0.05, -0.1, 0.001, 0, 0.01], 1280, 720)
BOARD = Board()


def board_views(noise_px, count=12, seed=0):
    rng, result = np.random.default_rng(seed), []
    flat = np.c_[BOARD.corners_mm - np.array(BOARD.size_mm) / 2, np.zeros(BOARD.corner_count)]
    for _ in range(count):
        R = cv2.Rodrigues(rng.normal(0, 0.4, 3))[0]
        px = CAMERA.project(flat @ R.T + [rng.normal(0, 40), rng.normal(0, 25), rng.uniform(380, 600)])
        result.append(BoardView(BOARD.corners_mm, px + rng.normal(0, noise_px, px.shape)))
    return result


def fitted(views):
    """(camera, deviations (9,)) as OpenCV's own fit states them."""
    objects = [np.c_[v.points_mm, np.zeros(len(v.points_mm))].astype(np.float32) for v in views]
    images = [v.points_px.astype(np.float32).reshape(-1, 1, 2) for v in views]
    _, K, distortion, _, _, sd, _, _ = cv2.calibrateCameraExtended(
        objects, images, (1280, 720), CAMERA.K.copy(), np.zeros(5), flags=cv2.CALIB_USE_INTRINSIC_GUESS
    )
    return Camera(K, distortion.ravel()[:5], 1280, 720), sd.ravel()[:9]


def test_covariance_is_that_of_opencv_where_it_states_one():
    views = board_views(0.2)
    camera, sd = fitted(views)
    covariance = intrinsics_covariance(views, camera)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(sd, rel=0.05)


def test_errors_of_cameras_lie_within_the_stated_deviations():
    z = []
    for seed in range(25):
        views = board_views(0.3, seed=seed)
        camera, _ = fitted(views)
        off = (camera.K - CAMERA.K)[[0, 1, 0, 1], [0, 1, 2, 2]]
        z.append(off / np.sqrt(np.diag(intrinsics_covariance(views, camera)))[:4])
    assert np.mean(np.square(z)) == pytest.approx(1.0, abs=0.35)


def test_views_that_determine_no_camera_are_refused():
    one = board_views(0.1, count=1)
    with pytest.raises(CalibrationError, match="do not determine the camera"):
        intrinsics_covariance(one * 3, Camera(CAMERA.K, np.zeros(8), 1280, 720))


def test_shifts_of_points_have_the_covariance_of_drawn_cameras():
    spread = CameraSpread(CAMERA, intrinsics_covariance(board_views(0.3), CAMERA))
    points = np.random.default_rng(1).uniform([-150, -90, 400], [150, 90, 700], (6, 3))
    shifts = spread.shifts_px(points)
    rng = np.random.default_rng(2)
    drawn = []
    for step in rng.multivariate_normal(np.zeros(9), spread.covariance, 4000):
        K = CAMERA.K.copy()
        K[[0, 1, 0, 1], [0, 1, 2, 2]] += step[:4]
        drawn.append(Camera(K, CAMERA.distortion + step[4:], 1280, 720).project(points).ravel())
    expected = np.cov(np.array(drawn).T)
    assert shifts @ shifts.T == pytest.approx(expected, abs=0.12 * np.diag(expected).max())


def test_of_a_frame_of_half_the_size_everything_is_half():
    spread = CameraSpread.assumed(CAMERA)
    half = spread.for_frame(640, 360)
    points = np.array([[10.0, 20.0, 500.0], [-100.0, 50.0, 600.0]])
    assert half.camera.width == 640
    whole = spread.shifts_px(points)
    shifts = half.shifts_px(points)
    assert shifts @ shifts.T == pytest.approx(whole @ whole.T / 4, rel=1e-3)


def test_camera_file_with_and_without_its_covariance(tmp_path):
    path = tmp_path / "camera.json"
    CAMERA.save(path)
    assert CameraSpread.load(path).covariance == pytest.approx(CameraSpread.assumed(CAMERA).covariance)
    covariance = np.diag(np.arange(1.0, 10.0))
    CAMERA.save(path, covariance=covariance.tolist())
    assert CameraSpread.load(path).covariance == pytest.approx(covariance)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1.0]], "must be 9x9 finite numbers"),
        ("none", r"camera.json: .* must hold rows of numbers .* run `gaze calibrate camera` again"),
        ([[1, 2], [3]], "must hold rows of numbers"),
        ((-np.eye(9)).tolist(), "is none"),
        (np.triu(np.ones((9, 9))).tolist(), "is none"),
        ((np.eye(9) + 5 * np.eye(9, k=1) + 5 * np.eye(9, k=-1)).tolist(), "is none"),
    ],
)
def test_covariance_that_is_none_is_refused(tmp_path, covariance, message):
    path = tmp_path / "camera.json"
    CAMERA.save(path)
    content = json.loads(path.read_text())
    content["covariance"] = covariance
    path.write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match=message):
        CameraSpread.load(path)
