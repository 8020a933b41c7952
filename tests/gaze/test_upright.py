"""Faces upside down get a status; upright and tilted ones keep their gaze."""

import cv2
import numpy as np
import pytest

from gaze import Camera, GazeEstimator, Status
from gaze.errors import DataError
from gaze.geometry import angular_error_rad
from gaze.model_spec import DEFAULT_MODEL
from gaze.synthesis.upright_command import fit_logistic
from gaze.synthesis.upright_command import main as fit
from gaze.upright import is_upside_down, uprightness

needs_model = pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the shipped network is not here")


def estimates_turned(photo, degrees):
    """Estimates of a photo turned anticlockwise about its middle, and the way back for directions."""
    side = int(np.hypot(*photo.shape[:2]))
    M = cv2.getRotationMatrix2D((photo.shape[1] / 2 - 0.5, photo.shape[0] / 2 - 0.5), degrees, 1.0)
    M[:, 2] += [(side - photo.shape[1]) / 2, (side - photo.shape[0]) / 2]
    camera = Camera.from_hfov(60.0, side, side)
    with GazeEstimator.create(camera=camera, static=True, runtime="onnxruntime") as estimator:
        found = estimator.estimate(cv2.warpAffine(photo, M, (side, side)))
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return found, np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


@pytest.mark.usefixtures("landmark_models")
@needs_model
@pytest.mark.parametrize("name", ["real/samples/image01.jpg", "real/mpiifacegaze/example/day01_0087.jpg"])
def test_a_real_photo_turned_about(shared_dir, name):
    photo = cv2.imread(str(shared_dir / name))
    (upright,), _ = estimates_turned(photo, 0)
    assert upright.status is Status.OK
    (tilted,), back = estimates_turned(photo, 30)
    assert tilted.status is Status.OK
    error = angular_error_rad(back @ tilted.ray.direction_cam, upright.ray.direction_cam)
    assert np.rad2deg(error) < 6.0
    for degrees in (90, -90):  # found with the right roll, and then as good as upright, or not at all
        (lying,), back = estimates_turned(photo, degrees)
        if lying.status is Status.OK:
            error = angular_error_rad(back @ lying.ray.direction_cam, upright.ray.direction_cam)
            assert np.rad2deg(error) < 8.0
    (turned,), _ = estimates_turned(photo, 180)
    assert turned.status in (Status.NO_FACE, Status.POSE_FAILED)
    assert turned.ray is None and turned.head_pose is None


@pytest.mark.usefixtures("landmark_models")
@needs_model
def test_real_portraits_keep_their_gaze_and_their_turned_pictures_are_recognised(shared_dir):
    pictures = [cv2.imread(str(p)) for p in sorted((shared_dir / "real/validation_faces").glob("*.png"))]
    camera = Camera.from_hfov(30.0, 448, 448)
    with GazeEstimator.create(camera=camera, static=True, runtime="onnxruntime") as estimator:
        found = [estimate.status for picture in pictures for estimate in estimator.estimate(picture)]
    assert found == [Status.OK] * len(pictures)
    assert sum(is_upside_down(picture[::-1, ::-1], np.eye(3)) for picture in pictures) > 0.9 * len(pictures)


def test_mirror_and_size_change_nothing_and_profiles_are_left_alone(shared_dir):
    face = cv2.imread(str(shared_dir / "real/validation_faces/r0c0.png"))
    small = cv2.resize(face, (112, 112), interpolation=cv2.INTER_AREA)
    assert uprightness(np.ascontiguousarray(small[:, ::-1])) == pytest.approx(uprightness(small), abs=1e-3)
    assert uprightness(face) == pytest.approx(uprightness(small), abs=0.2)
    turned = np.ascontiguousarray(small[::-1])
    profile = cv2.Rodrigues(np.array([0.0, np.deg2rad(40.0), 0.0]))[0]
    assert is_upside_down(turned, np.eye(3))
    assert not is_upside_down(turned, profile)


def test_a_narrower_view_says_the_same_of_a_face_that_goes_on_as_it_ends(shared_dir):
    face = cv2.imread(str(shared_dir / "real/validation_faces/r0c0.png"))
    middle = cv2.resize(face, (28, 28), interpolation=cv2.INTER_AREA)[2:-2, 2:-2]
    whole = cv2.copyMakeBorder(middle, 2, 2, 2, 2, cv2.BORDER_REPLICATE)
    assert uprightness(middle, 120.0) == pytest.approx(uprightness(whole), abs=1e-3)
    assert abs(uprightness(middle) - uprightness(whole)) > 0.1


def test_the_fit_recovers_the_log_odds_it_was_drawn_from():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20000, 2))
    labels = np.where(rng.random(20000) < 1 / (1 + np.exp(-(rows @ [1.5, -0.7] + 0.4))), 1.0, -1.0)
    weights, bias = fit_logistic(rows, labels)
    np.testing.assert_allclose([*weights, bias], [1.5, -0.7, 0.4], atol=0.08)


@pytest.mark.usefixtures("landmark_models")
def test_shards_without_faces_are_told(tmp_path):
    empty = np.zeros((2, 64, 64, 3), np.uint8)
    angles = np.zeros((2, 2), np.float32)
    np.savez(
        tmp_path / "shard_000000.npz",
        faces=empty,
        pitch_yaw_rad=angles,
        head_pitch_yaw_rad=angles,
        person=np.arange(2),
        seed=np.arange(2),
    )
    with pytest.raises(DataError, match="MediaPipe finds 0 faces in them, not both upright and upside down"):
        fit(["--shards", str(tmp_path), "--out", str(tmp_path / "weights.json")])
    assert not (tmp_path / "weights.json").exists()
