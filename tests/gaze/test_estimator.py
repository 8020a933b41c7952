"""The stages in a row, with a made detector and a made network whose answers are known."""

import dataclasses
import time

import cv2
import numpy as np
import pytest
from made_faces import DISTORTED, PINHOLE, face_at, rotation

from gaze import GazeEstimator
from gaze.camera import Camera
from gaze.errors import GazeError, ModelError
from gaze.estimator import STAGES
from gaze.geometry import angles_from_vector, angular_error_rad
from gaze.head_pose import face_centre_cam_mm
from gaze.model_spec import DEFAULT_MODEL
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA, normalize_direction
from gaze.types import Face, Frame, ModelSpec, NormalizedCamera, Prediction, Status

SPEC = ModelSpec("made", 112, DEFAULT_NORMALIZED_CAMERA)
PICTURE = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
NONSENSE = Face(np.array([0.0, 0, 9, 9]), np.random.default_rng(1).uniform(0, 400, (478, 2)), np.ones(2))
HEADS = [
    (rotation(5, 20, -4), np.array([-120.0, 10, 650])),
    (rotation(-10, -15, 8), np.array([60.0, -30, 500])),
    (rotation(0, 5, 15), np.array([170.0, 40, 900])),
]


@pytest.fixture(autouse=True)
def upright(monkeypatch, request):
    """The made picture is noise, in which nothing stands upright."""
    if "shared_dir" not in request.fixturenames:
        monkeypatch.setattr("gaze.estimator.is_upside_down", lambda *_: False)


class MadeDetector:
    name = "made"

    def __init__(self, faces):
        self.faces, self.closed = faces, 0

    def detect(self, frame):
        return list(self.faces)

    def close(self):
        self.closed += 1


class MadeNetwork:
    """Answers with angles made from each face's own pixels, so that a mix-up of faces shows."""

    name = description = "made"
    precision, threads_used = "fp32", None

    def __init__(self, spec=SPEC, sigma=False):
        self.spec, self.sigma, self.calls, self.closed = spec, sigma, [], 0

    @staticmethod
    def angles_of(face):
        return np.array([face[..., 0].mean() - 127, face[..., 1].mean() - 127]) / 300.0

    def predict(self, faces):
        self.calls.append(faces.shape)
        angles = np.array([self.angles_of(face) for face in faces], np.float32)
        sigma = np.tile(np.array([0.03, 0.04], np.float32), (len(faces), 1)) if self.sigma else None
        maps = np.arange(len(faces), dtype=np.float32)[:, None, None] * np.ones((4, 4), np.float32)
        return Prediction(angles, sigma, maps if self.sigma else None)

    def close(self):
        self.closed += 1


def made(faces, camera=PINHOLE, **options):
    return GazeEstimator(MadeDetector(faces), MadeNetwork(**options), camera)


def test_one_batched_call_for_all_faces_and_none_mixed_up():
    faces = [face_at(R, t, DISTORTED) for R, t in HEADS]
    estimator = made([faces[0], NONSENSE, faces[1], faces[2]], DISTORTED)
    estimates = estimator.estimate(Frame(PICTURE, 7, 1.5))
    assert estimator.predictor.calls == [(3, 112, 112, 3)]
    assert [e.status for e in estimates] == [Status.OK, Status.POSE_FAILED, Status.OK, Status.OK]
    assert all((e.frame_index, e.t_s) == (7, 1.5) for e in estimates)
    assert estimates[1].face is NONSENSE
    assert estimates[1].gaze is None and estimates[1].ray is None
    for estimate, (R, t) in zip([estimates[0], *estimates[2:]], HEADS, strict=True):
        np.testing.assert_allclose(estimate.head_pose.R_cam_head, R, atol=1e-4)
        expected = MadeNetwork.angles_of(estimate.normalized.image)
        np.testing.assert_allclose([estimate.gaze.pitch_rad, estimate.gaze.yaw_rad], expected, atol=1e-6)
        # The ray, brought into the normalised frame, has the network's angles again.
        back = normalize_direction(estimate.ray.direction_cam, estimate.normalized.R_norm_cam)
        np.testing.assert_allclose(angles_from_vector(back), expected, atol=1e-6)
        np.testing.assert_allclose(estimate.ray.origin_cam_mm, R @ [0, 22.865, 0] + t, atol=0.05)
        np.testing.assert_array_equal(estimate.ray.origin_cam_mm, face_centre_cam_mm(estimate.head_pose))


def test_batch_equals_one_by_one():
    faces = [face_at(R, t, PINHOLE) for R, t in HEADS]
    together = made(faces).estimate(PICTURE)
    for face, estimate in zip(faces, together, strict=True):
        (alone,) = made([face]).estimate(PICTURE)
        np.testing.assert_array_equal(alone.normalized.image, estimate.normalized.image)
        assert alone.gaze == estimate.gaze
        np.testing.assert_array_equal(alone.ray.direction_cam, estimate.ray.direction_cam)


def test_twenty_faces_in_one_call():
    faces = [face_at(rotation(0, 3 * i, 0), np.array([20.0 * i - 200, 0, 900]), PINHOLE) for i in range(20)]
    estimator = made(faces)
    assert len(estimator.estimate(PICTURE)) == 20
    assert estimator.predictor.calls == [(20, 112, 112, 3)]


def test_no_face_is_a_status_and_the_network_is_not_asked():
    estimator = made([])
    (estimate,) = estimator.estimate(Frame(PICTURE, 3, 0.2))
    assert estimate.status is Status.NO_FACE
    assert (estimate.frame_index, estimate.face, estimate.ray) == (3, None, None)
    assert estimator.predictor.calls == []
    (failed,) = made([NONSENSE]).estimate(PICTURE)
    assert failed.status is Status.POSE_FAILED


def test_a_closed_estimator_says_so():
    with made([face_at(*HEADS[1], PINHOLE)]) as estimator:
        estimator.estimate(PICTURE)
    with pytest.raises(GazeError, match=r"estimator is closed; .*create another"):
        estimator.estimate(PICTURE)
    estimator.close()
    assert (estimator.detector.closed, estimator.predictor.closed) == (1, 1)


def test_input_size_follows_the_model():
    for size in (160, 224):
        spec = ModelSpec("made", size, DEFAULT_NORMALIZED_CAMERA.resized(size))
        (estimate,) = made([face_at(*HEADS[1], PINHOLE)], spec=spec).estimate(PICTURE)
        assert estimate.normalized.image.shape == (size, size, 3)


def test_uncertainty_and_weight_map_reach_their_face():
    estimates = made([face_at(R, t, PINHOLE) for R, t in HEADS], sigma=True).estimate(PICTURE)
    for index, estimate in enumerate(estimates):
        assert estimate.gaze.sigma_rad == pytest.approx(np.sqrt((0.03**2 + 0.04**2) / 2))
        assert estimate.weight_map.shape == (4, 4)
        assert np.all(estimate.weight_map == index)
    assert made([face_at(*HEADS[0], PINHOLE)]).estimate(PICTURE)[0].gaze.sigma_rad is None


def test_upright_landmarks_on_a_face_upside_down_are_a_failed_pose(monkeypatch):
    monkeypatch.setattr("gaze.estimator.is_upside_down", lambda *_: True)
    network = MadeNetwork()
    found = GazeEstimator(MadeDetector([face_at(*HEADS[1], PINHOLE)]), network, PINHOLE).estimate(PICTURE)
    assert [estimate.status for estimate in found] == [Status.POSE_FAILED]
    assert found[0].head_pose is None and found[0].ray is None and network.calls == []


def test_stage_times_are_those_of_the_latest_frame():
    class SlowNetwork(MadeNetwork):
        def predict(self, faces):
            time.sleep(0.02)
            return super().predict(faces)

    detector = MadeDetector([face_at(*HEADS[0], PINHOLE)])
    estimator = GazeEstimator(detector, SlowNetwork(), PINHOLE)
    estimator.estimate(PICTURE)
    assert tuple(estimator.last_stage_ms) == STAGES
    assert 20 <= estimator.last_stage_ms["network"] < 200
    assert all(value >= 0 for value in estimator.last_stage_ms.values())
    detector.faces = []
    estimator.estimate(PICTURE)
    assert estimator.last_stage_ms["network"] < 5


def test_camera_follows_the_resolution():
    R, t = HEADS[1]
    small = np.ascontiguousarray(PICTURE[::2, ::2])
    half = PINHOLE.resized(320, 240)
    estimator = made([face_at(R, t, half)])
    (estimate,) = estimator.estimate(small)
    np.testing.assert_allclose(estimate.head_pose.t_cam_mm, t, atol=0.02)
    assert (estimator.camera.width, estimator.camera.height) == (320, 240)


def test_calibrated_camera_refuses_another_shape():
    with pytest.raises(GazeError, match="another shape"):
        made([]).estimate(np.zeros((720, 1280, 3), np.uint8))


def test_guessing_is_said():
    estimator = made([], camera=None)
    with pytest.warns(UserWarning, match="field of view is assumed"):
        estimator.estimate(PICTURE)
    assert estimator.camera.source == "guessed"


@pytest.mark.parametrize("shape", [(1, 1, 3), (4320, 7680, 3)])
def test_odd_sizes(shape):
    estimator = made([], camera=Camera.from_hfov(60, shape[1], shape[0]))
    assert estimator.estimate(np.zeros(shape, np.uint8))[0].status is Status.NO_FACE


@pytest.mark.parametrize("image", [PICTURE[..., 0], PICTURE.astype(np.uint16), np.zeros((2, 2, 4), np.uint8)])
def test_other_pictures_are_refused(image):
    with pytest.raises(ValueError, match="uint8 BGR"):
        made([]).estimate(image)


@pytest.mark.parametrize(
    "answer",
    [np.full((1, 2), np.nan), np.zeros((2, 2)), np.zeros((1, 3)), np.array([[0.0, np.inf]])],
    ids=["nan", "rows", "columns", "inf"],
)
def test_a_network_that_answers_nonsense_is_named(answer):
    class BadNetwork(MadeNetwork):
        name = "bad network"

        def predict(self, faces):
            return Prediction(answer)

    estimator = GazeEstimator(MadeDetector([face_at(*HEADS[0], PINHOLE)]), BadNetwork(), PINHOLE)
    with pytest.raises(ModelError, match="bad network"):
        estimator.estimate(PICTURE)


def test_a_model_of_the_scaled_label_space_is_refused():
    with pytest.raises(ModelError, match="rotation-only"):
        made([], spec=dataclasses.replace(SPEC, label_space="scaled"))


def test_a_model_whose_input_size_is_not_its_cameras_cannot_be_described():
    with pytest.raises(ValueError, match="input_size 224"):
        ModelSpec("made", 224, NormalizedCamera(480.0, 600.0, 112))


def test_closing_closes_both_even_when_one_fails():
    estimator = made([])
    with estimator:
        pass
    assert (estimator.detector.closed, estimator.predictor.closed) == (1, 1)

    class Broken(MadeDetector):
        def close(self):
            raise OSError("gone")

    estimator = GazeEstimator(Broken([]), MadeNetwork(), PINHOLE)
    with pytest.raises(OSError, match="gone"):
        estimator.close()
    assert estimator.predictor.closed == 1


def test_mirrored_landmarks_and_picture_give_the_mirrored_ray():
    """The whole chain but MediaPipe and the network: a network that mirrors gives a ray that mirrors."""
    flip = np.diag([-1.0, 1, 1])
    smooth = cv2.resize(PICTURE[:6, :8], (640, 480), interpolation=cv2.INTER_CUBIC)

    class Mirroring(MadeNetwork):
        """Pitch from the mean, yaw from the left-right difference: odd under mirroring."""

        def predict(self, faces):
            ramp = np.linspace(-1, 1, 112)
            grey = faces.astype(float).mean(axis=3)
            pitch = grey.mean(axis=(1, 2)) / 500
            yaw = (grey * ramp).mean(axis=(1, 2)) / 50
            return Prediction(np.stack([pitch, yaw], axis=1).astype(np.float32))

    R, t = HEADS[1]
    (estimate,) = GazeEstimator(
        MadeDetector([face_at(R, t, PINHOLE)]), Mirroring(), PINHOLE
    ).estimate(smooth)  # fmt: skip
    mirrored_face = face_at(flip @ R @ flip, t * [-1, 1, 1], PINHOLE)
    (mirrored,) = GazeEstimator(MadeDetector([mirrored_face]), Mirroring(), PINHOLE).estimate(
        np.ascontiguousarray(smooth[:, ::-1])
    )
    assert abs(estimate.gaze.yaw_rad) > 0.02
    assert mirrored.gaze.pitch_rad == pytest.approx(estimate.gaze.pitch_rad, abs=2e-3)
    assert mirrored.gaze.yaw_rad == pytest.approx(-estimate.gaze.yaw_rad, abs=1e-2)
    np.testing.assert_allclose(mirrored.ray.direction_cam, estimate.ray.direction_cam * [-1, 1, 1], atol=1e-2)
    np.testing.assert_allclose(mirrored.ray.origin_cam_mm, estimate.ray.origin_cam_mm * [-1, 1, 1], atol=1e-2)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.usefixtures("landmark_models")
def test_three_lines_give_the_estimates_of_a_photo(shared_dir, tmp_path, average):
    """The library's own opening call, with a small network of known arithmetic on onnxruntime."""
    pytest.importorskip("onnx")
    tiny_models = pytest.importorskip("tiny_models")
    model = tiny_models.write_model(tmp_path / "tiny.onnx")
    photo = cv2.imread(str(shared_dir / "real/samples/image00.jpg"))
    height, width = photo.shape[:2]
    camera = Camera.from_hfov(40, width, height)
    with GazeEstimator.create(camera, model, "onnxruntime", static=True, average_mirror=average) as estimator:
        (estimate,) = estimator.estimate(photo)
    assert estimate.status is Status.OK
    face = estimate.normalized.image
    expected = tiny_models.expected_angles(face[None])[0]
    if average:
        mirrored = tiny_models.expected_angles(np.ascontiguousarray(face[None, :, ::-1]))[0]
        expected = (expected + mirrored * [1, -1]) / 2
    np.testing.assert_allclose([estimate.gaze.pitch_rad, estimate.gaze.yaw_rad], expected, atol=1e-4)


@pytest.mark.usefixtures("landmark_models")
def test_create_says_what_is_missing(tmp_path):
    with pytest.raises(ModelError, match="no such model file"):
        GazeEstimator.create(PINHOLE, tmp_path / "none.onnx", "onnxruntime")


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the shipped model is not in this checkout")
@pytest.mark.parametrize(
    ("name", "average_mirror", "bound_deg"),
    [
        ("image00.jpg", False, 12.0),
        ("image00.jpg", True, 4.0),
        ("image01.jpg", False, 12.0),
        ("image01.jpg", True, 4.0),
    ],
)
@pytest.mark.usefixtures("face_mesh")
def test_mirrored_photo_gives_the_mirrored_gaze(shared_dir, name, average_mirror, bound_deg):
    """The whole pipeline on a real photo and its mirror image.

    The trained network is not exactly symmetric on these two lopsidedly lit faces; the mean with the mirrored
    face is, up to MediaPipe's landmarks: the two head poses are 0.7 degrees apart on the first and 4.3 on
    the second, who laughs and looks 40 degrees aside.
    """
    photo = cv2.imread(str(shared_dir / "real/samples" / name))
    camera = Camera.from_hfov(45, photo.shape[1], photo.shape[0])
    settings = {"landmarks": "mesh", "static": True, "average_mirror": average_mirror}
    with GazeEstimator.create(camera, **settings) as estimator:
        (estimate,) = estimator.estimate(photo)
        (mirrored,) = estimator.estimate(np.ascontiguousarray(photo[:, ::-1]))
    assert estimate.status is mirrored.status is Status.OK
    back = mirrored.ray.direction_cam * [-1, 1, 1]
    assert np.rad2deg(angular_error_rad(back, estimate.ray.direction_cam)) < bound_deg
