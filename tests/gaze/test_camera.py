"""Camera: what it refuses, and how the intrinsics follow the picture."""

import json

import cv2
import numpy as np
import pytest
from made_faces import DISTORTED, PINHOLE

from gaze.camera import Camera
from gaze.errors import GazeError

GOOD_K = [[600.0, 0, 320], [0, 600, 240], [0, 0, 1]]


@pytest.mark.parametrize(
    ("K", "words"),
    [
        (np.eye(3)[:, :2], "must be 3x3, got"),
        (np.zeros((3, 4)), r"\(3, 4\)"),
        ([[600, 0, 320], [0, np.nan, 240], [0, 0, 1]], "NaN"),
        ([[600, 0, np.inf], [0, 600, 240], [0, 0, 1]], "infinity"),
        (np.zeros((3, 3)), "positive focal"),  # singular
        ([[600, 0, 320], [0, 0, 240], [0, 0, 1]], "positive focal"),  # singular
        ([[-600, 0, 320], [0, 600, 240], [0, 0, 1]], "positive focal"),
        ([[600, 0, 320], [0, 600, 240], [0, 0, 2]], "positive focal"),
        ([[600, 0, 0], [0, 600, 0], [320, 240, 1]], "positive focal"),  # transposed
        ([[600, 0, 320], [0, 600], [0, 0, 1]], "rows of one length"),
        ("camera", "must hold numbers"),
        ([[1e-300, 0, 320], [0, 600, 240], [0, 0, 1]], "no lens has focal lengths of 1e-300 and 600 px"),
        (
            [[600, 0, 320], [0, 1e30, 240], [0, 0, 1]],
            "no lens has focal lengths.*run `gaze calibrate camera`",
        ),
        ([[600, 0, 1e30], [0, 600, 240], [0, 0, 1]], "principal point, skew or distortion is far beyond"),
    ],
)
def test_bad_intrinsics_are_refused_with_the_mend(K, words):
    with pytest.raises(GazeError, match=words):
        Camera(K, [], 640, 480)


@pytest.mark.parametrize(
    ("distortion", "words"),
    [
        ([0.1, 0.2, 0.3], "3 coefficients.*run `gaze calibrate camera`"),
        ([0.1, np.nan, 0, 0], "NaN"),
        (["a"], "must hold numbers"),
        ([0, 0, 0, 1e30], "principal point, skew or distortion is far beyond"),
    ],
)
def test_bad_distortion_is_refused(distortion, words):
    with pytest.raises(GazeError, match=words):
        Camera(GOOD_K, distortion, 640, 480)


@pytest.mark.parametrize("size", [(0, 480), (640, -1), (640.5, 480), ("640", 480), (None, 480), (True, 480)])
def test_bad_size_is_refused(size):
    with pytest.raises(GazeError, match=r"positive whole number.*run `gaze calibrate camera`"):
        Camera(GOOD_K, [], *size)


def test_unknown_source_is_refused():
    with pytest.raises(GazeError, match=r"source must be one of.*leave it out.*run `gaze calibrate camera`"):
        Camera(GOOD_K, [], 640, 480, "hearsay")


@pytest.mark.parametrize("hfov_deg", [0.0, 9.0, 171.0, float("nan")])
def test_absurd_field_of_view_is_refused(hfov_deg):
    with pytest.raises(GazeError, match="10 to 170"):
        Camera.from_hfov(hfov_deg, 640, 480)


def test_intrinsics_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="read-only"):
        PINHOLE.K[0, 0] = 1.0


def test_field_of_view():
    camera = Camera.from_hfov(90.0, 640, 480)
    assert camera.K[0, 0] == pytest.approx(320.0)
    assert camera.K[1, 1] == camera.K[0, 0]
    assert camera.hfov_deg == pytest.approx(90.0)
    assert camera.source == "field of view"
    assert Camera.guessed(640, 480).source == "guessed"


def test_resizing_agrees_with_where_the_picture_goes():
    """A blurred dot moved by cv2.resize must land where the resized intrinsics project the same point."""
    camera = Camera([[500.0, 0, 200.0], [0, 520.0, 140.0], [0, 0, 1]], [], 400, 300)
    point = np.array([[60.0, -35.0, 700.0]])
    x, y = camera.project(point)[0]
    v, u = np.mgrid[0:300, 0:400]
    image = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 6.0**2))
    for width, height in ((200, 150), (800, 600), (300, 300)):
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        v2, u2 = np.mgrid[0:height, 0:width]
        centre = np.array([(small * u2).sum(), (small * v2).sum()]) / small.sum()
        np.testing.assert_allclose(camera.resized(width, height).project(point)[0], centre, atol=0.01)


def test_resizing_back_gives_the_same_camera():
    back = DISTORTED.resized(1280, 960).resized(640, 480)
    np.testing.assert_allclose(back.K, DISTORTED.K, atol=1e-12)
    np.testing.assert_array_equal(back.distortion, DISTORTED.distortion)
    assert DISTORTED.resized(640, 480) is DISTORTED
    with pytest.raises(GazeError, match="positive"):
        DISTORTED.resized(0, 480)


def test_cropping_shifts_what_is_projected():
    point = np.array([[40.0, 30.0, 600.0]])
    np.testing.assert_allclose(
        DISTORTED.cropped(100, 50, 300, 200).project(point), DISTORTED.project(point) - [100, 50], atol=1e-10
    )


def test_frames_of_another_size():
    calibrated = Camera(GOOD_K, [-0.1, 0, 0, 0], 640, 480)
    larger = calibrated.for_frame(1280, 960)
    assert larger.K[0, 0] == pytest.approx(1200.0)
    assert (larger.width, larger.height) == (1280, 960)
    with pytest.raises(GazeError, match=r"640x480.*1280x720.*another shape"):
        calibrated.for_frame(1280, 720)
    wide = Camera.from_hfov(70.0, 640, 480).for_frame(1280, 720)
    assert wide.hfov_deg == pytest.approx(70.0)
    assert wide.K[0, 0] == wide.K[1, 1]
    assert wide.source == "field of view"


def test_undistort_and_distort_are_inverse():
    rng = np.random.default_rng(0)
    points = rng.uniform([60, 60], [580, 420], (200, 2))
    assert np.abs(DISTORTED.undistort(points) - points).max() > 5.0
    np.testing.assert_allclose(DISTORTED.distort(DISTORTED.undistort(points)), points, atol=1e-6)
    np.testing.assert_array_equal(PINHOLE.undistort(points), points)
    np.testing.assert_array_equal(PINHOLE.distort(points), points)
    assert DISTORTED.undistort(np.zeros((0, 2))).shape == (0, 2)


def test_projection_follows_the_written_out_distortion_model():
    """The Brown-Conrady polynomial of OpenCV's documentation, worked out by hand."""
    x, y = 0.2, -0.15
    k1, k2, p1, p2, k3 = DISTORTED.distortion
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    xd = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    yd = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    K = DISTORTED.K
    expected = [K[0, 0] * xd + K[0, 2], K[1, 1] * yd + K[1, 2]]
    np.testing.assert_allclose(DISTORTED.project([[x * 500, y * 500, 500.0]])[0], expected, atol=1e-9)
    np.testing.assert_allclose(DISTORTED.rays([expected]), [[x, y, 1.0]], atol=1e-9)


def test_rays_of_a_pinhole_camera():
    """Focal length 600 px, middle (319.5, 239.5): 300 px beside the middle lie half the depth to the side."""
    np.testing.assert_allclose(PINHOLE.rays([[619.5, 239.5], [319.5, 89.5]]), [[0.5, 0, 1], [0, -0.25, 1]])
    assert PINHOLE.rays(np.zeros((0, 2))).shape == (0, 3)


def test_file_round_trip(tmp_path):
    path = tmp_path / "camera.json"
    DISTORTED.save(path, rms_px=0.21)
    loaded = Camera.load(path)
    np.testing.assert_array_equal(loaded.K, DISTORTED.K)
    np.testing.assert_array_equal(loaded.distortion, DISTORTED.distortion)
    assert (loaded.width, loaded.height, loaded.source) == (640, 480, "calibrated")
    content = json.loads(path.read_text())
    assert content["schema"] == "gaze.camera/1"
    assert content["rms_px"] == 0.21
    # The same keys stand in profiles, in sessions and in the ground truth of clips and pictures.
    assert list(DISTORTED.as_json()) == ["K", "distortion", "width", "height", "source"]
    assert content == {"schema": "gaze.camera/1", **DISTORTED.as_json(), "rms_px": 0.21}
    assert Camera.from_json(content).as_json() == DISTORTED.as_json()


@pytest.mark.parametrize("content", [[1, 2], "K", None])
def test_json_that_is_no_object_is_refused(content):
    with pytest.raises(GazeError, match=r"must be an object, got .*; run `gaze calibrate camera`"):
        Camera.from_json(content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ('{"K": [[1, 0', "is not JSON"),  # truncated
        ("[1, 2]", "is not a gaze.camera/1 file .found 'a list'"),
        ('{"schema": "gaze.profile/1"}', "is not a gaze.camera/1 file"),
        ("{}", "lacks K, width, height"),
        ("[" * 100_000, "nested too deeply"),
        ('{"K": [[600,0,320],[0,600,240],[0,0,1]]}', "lacks width, height"),
        ('{"K": [[600,0,320,1]], "width": 640, "height": 480}', "must be 3x3, got"),
        ('{"K": [[NaN,0,320],[0,600,240],[0,0,1]], "width": 640, "height": 480}', "NaN"),
        ('{"K": [[600,0,320],[0,600,240],[0,0,1]], "width": "wide", "height": 480}', "whole number"),
    ],
)
def test_bad_camera_file_names_itself_and_the_mend(tmp_path, text, words):
    path = tmp_path / "camera.json"
    path.write_text(text)
    with pytest.raises(GazeError, match=words) as caught:
        Camera.load(path)
    assert "camera.json" in str(caught.value)


def test_missing_camera_file(tmp_path):
    with pytest.raises(GazeError, match="gaze calibrate camera"):
        Camera.load(tmp_path / "none.json")
