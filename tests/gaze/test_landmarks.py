"""Both MediaPipe adapters on a real photo, and what they do with pictures that are none."""

import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from gaze import landmarks
from gaze.camera import Camera
from gaze.errors import ModelError, RuntimeUnavailableError, UsageError
from gaze.face_model import SIX_POINT_LANDMARKS
from gaze.geometry import head_angles_from_rotation, mirror_angles
from gaze.head_pose import estimate_head_pose
from gaze.landmark_model import cached_model_path, model_path
from gaze.landmarks import create_detector, eye_openness
from gaze.types import Frame

mediapipe = pytest.importorskip("mediapipe")
needs_mesh = pytest.mark.skipif(
    not hasattr(mediapipe, "solutions"), reason="this mediapipe has no face mesh API (0.10.21 is the last)"
)


@pytest.fixture(scope="module")
def photo(shared_dir):
    """A woman's face, nearly frontal, at 640x960."""
    return cv2.resize(cv2.imread(str(shared_dir / "real/samples/image00.jpg")), (640, 960))


@pytest.fixture(scope="module")
def task_file(shared_dir):
    path = shared_dir / "assets/mediapipe/face_landmarker.task"
    if not path.is_file():
        pytest.skip("no face_landmarker.task in ../shared")
    return path


@pytest.fixture(scope="module", params=[pytest.param("mesh", marks=needs_mesh), "tasks"])
def detector(request):
    """A still-picture detector of either kind for up to four faces."""
    model = request.getfixturevalue("task_file") if request.param == "tasks" else None
    with create_detector(request.param, 4, model, static=True) as opened:
        yield opened


def test_a_face_is_found_where_it_is(detector, photo):
    (face,) = detector.detect(Frame(photo))
    # Read off the picture by eye: corners of the eyes and of the mouth, in the order of the six points.
    by_eye = [[255, 291], [282, 295], [311, 297], [341, 294], [270, 351], [326, 350]]
    seen = face.landmarks_px[list(SIX_POINT_LANDMARKS)]
    assert seen[0, 0] < seen[1, 0] < seen[2, 0] < seen[3, 0]  # the subject's right eye is at the left
    assert np.abs(seen - by_eye).max() < 5
    np.testing.assert_allclose(face.box_px[:2], face.landmarks_px.min(axis=0))
    np.testing.assert_allclose(face.box_px[2:], face.landmarks_px.max(axis=0))
    assert np.all(face.eye_open > 0.8)


@needs_mesh
def test_both_adapters_agree(photo, task_file):
    """Two models of MediaPipe: within 1.5 % of the face's width in the median, 4 % for any landmark."""
    with create_detector("mesh", static=True) as mesh, create_detector("tasks", 1, task_file, True) as tasks:
        assert (mesh.name, tasks.name) == ("mesh", "tasks")
        (a,), (b,) = mesh.detect(Frame(photo)), tasks.detect(Frame(photo))
    distance_px = np.linalg.norm(a.landmarks_px - b.landmarks_px, axis=1)
    width_px = a.box_px[2] - a.box_px[0]
    assert np.median(distance_px) < 0.015 * width_px
    assert distance_px.max() < 0.04 * width_px
    np.testing.assert_allclose(a.eye_open, b.eye_open, atol=0.2)
    camera = Camera.from_hfov(40.0, 640, 960)
    poses = [estimate_head_pose(face, camera) for face in (a, b)]
    angles_deg = [np.rad2deg(head_angles_from_rotation(pose.R_cam_head)) for pose in poses]
    np.testing.assert_allclose(angles_deg[0], angles_deg[1], atol=3.0)


def test_mirrored_photo_gives_the_mirrored_head(detector, photo):
    """Bounds: 2 degrees of head angles, 1 px of the box; MediaPipe itself is not exactly symmetric."""
    camera = Camera.from_hfov(40.0, 640, 960)
    (face,), (mirrored,) = detector.detect(Frame(photo)), detector.detect(Frame(photo[:, ::-1]))
    angles, mirrored_angles = (
        head_angles_from_rotation(estimate_head_pose(f, camera).R_cam_head) for f in (face, mirrored)
    )
    np.testing.assert_allclose(mirrored_angles, mirror_angles(angles), atol=np.deg2rad(2.0))
    x0, _, x1, _ = face.box_px
    np.testing.assert_allclose(mirrored.box_px[[0, 2]], [639 - x1, 639 - x0], atol=3.0)


def test_landmarks_count_from_pixel_centres():
    """MediaPipe's 0 and 1 are the picture's edges, half a pixel outside the first and last pixel centres."""
    fractions = np.full((478, 3), 0.5)
    fractions[0], fractions[1] = 0.0, 1.0
    (face,) = landmarks._faces([fractions], (480, 640, 3))
    np.testing.assert_allclose(face.landmarks_px[:3], [[-0.5, -0.5], [639.5, 479.5], [319.5, 239.5]])
    np.testing.assert_allclose(face.box_px, [-0.5, -0.5, 639.5, 479.5])


def test_landmarks_that_are_not_finite_are_no_face():
    assert landmarks._faces([np.full((478, 3), np.nan), np.zeros((468, 3))], (480, 640, 3)) == []


def test_no_face(detector):
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3)).astype(np.uint8)
    assert detector.detect(Frame(noise)) == []
    assert detector.detect(Frame(np.zeros((480, 640, 3), np.uint8))) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (15, 640), (16, 16), (17, 2000)])
def test_tiny_pictures_have_no_face(detector, size):
    assert detector.detect(Frame(np.full((*size, 3), 90, np.uint8))) == []


def test_8k_picture(detector, photo):
    """Landmarks of a picture larger than MediaPipe needs are in its own pixels."""
    close = photo[180:440, 170:430]
    large = np.zeros((4320, 7680, 3), np.uint8)
    large[:, 2000:6320] = cv2.resize(close, (4320, 4320))
    (face,) = detector.detect(Frame(large))
    (small,) = detector.detect(Frame(photo))
    expected = (small.landmarks_px - [170, 180] + 0.5) * (4320 / 260) - 0.5 + [2000, 0]
    width_px = face.box_px[2] - face.box_px[0]
    assert np.median(np.linalg.norm(face.landmarks_px - expected, axis=1)) < 0.03 * width_px


def test_half_a_face_is_found_or_left_out_without_a_fault(detector, photo):
    half = np.ascontiguousarray(photo[:, 305:])  # cut through the nose
    for face in detector.detect(Frame(half)):
        assert np.all(np.isfinite(face.landmarks_px))


def test_two_faces(detector, photo):
    crop = photo[180:500, 140:460]
    pair = np.concatenate([crop, crop], axis=1)
    faces = sorted(detector.detect(Frame(pair)), key=lambda face: face.box_px[0])
    assert len(faces) == 2
    apart = faces[1].landmarks_px - faces[0].landmarks_px
    np.testing.assert_allclose(np.median(apart, axis=0), [320, 0], atol=2.0)


def test_views_and_read_only_pictures_are_taken(detector, photo):
    frozen = photo.copy()
    frozen.flags.writeable = False
    (a,) = detector.detect(Frame(frozen))
    (b,) = detector.detect(Frame(np.repeat(photo, 2, axis=1)[:, ::2]))
    np.testing.assert_array_equal(a.landmarks_px, b.landmarks_px)


@pytest.mark.parametrize("kind", [pytest.param("mesh", marks=needs_mesh), "tasks"])
def test_tracking_follows_a_moving_face(kind, photo, request):
    """Frames whose clock stands still or runs backwards are no obstacle."""
    model = request.getfixturevalue("task_file") if kind == "tasks" else None
    with create_detector(kind, model_path=model) as tracker:
        for index, (shift, t_s) in enumerate(
            [(0, 5.0), (6, 5.0), (12, 4.0), (18, 6.0), (18, 7.0), (18, 8.0)]
        ):
            moved = np.roll(photo, shift, axis=1)
            (face,) = tracker.detect(Frame(moved, index, t_s))
        (still,) = tracker.detect(Frame(moved, 9, 9.0))
    assert np.median(np.abs(still.landmarks_px - face.landmarks_px)) < 1.0


def test_unusable_requests():
    with pytest.raises(UsageError, match="kind must be one of"):
        create_detector("best")
    with pytest.raises(UsageError, match="at least 1"):
        create_detector("mesh", max_faces=0)
    with pytest.raises(UsageError, match="takes no file"):
        create_detector("mesh", model_path="face_landmarker.task")


def test_missing_task_file(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="gaze download-models"):
        create_detector("tasks", model_path=tmp_path / "none.task")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ModelError, match="webcam-gaze"):
        create_detector("tasks")


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04" + bytes(500)])
def test_unusable_task_file(tmp_path, content):
    path = tmp_path / "bad.task"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.task.*not a usable"):
        create_detector("tasks", model_path=path)


def test_truncated_task_file(tmp_path, task_file):
    path = tmp_path / "bad.task"
    path.write_bytes(task_file.read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match="not a usable"):
        create_detector("tasks", model_path=path)


def altered(task_file, path):
    """A file that MediaPipe takes as it took the original: a comment of a byte at the archive's end."""
    content = task_file.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[:-2] + b"\x01\x00" + b"x")
    return path


def test_a_fetched_task_file_that_is_altered(tmp_path, task_file, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    altered(task_file, cached_model_path())
    with pytest.raises(ModelError, match=r"checksum is .* expected 64184e.*run `gaze download-models`"):
        create_detector("tasks")
    shutil.copyfile(task_file, cached_model_path())
    create_detector("tasks").close()


def test_a_task_file_in_the_environment_serves_users_without_one(tmp_path, task_file, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    shared = tmp_path / "share" / "webcam-gaze" / "face_landmarker.task"
    assert model_path() == cached_model_path()
    shared.parent.mkdir(parents=True)
    shutil.copyfile(task_file, shared)
    assert model_path() == shared
    create_detector("tasks").close()
    cached_model_path().parent.mkdir(parents=True)
    shutil.copyfile(task_file, cached_model_path())
    assert model_path() == cached_model_path()


def test_a_library_that_the_system_lacks_is_named_with_its_package(task_file, monkeypatch):
    """As on a Debian 13 without a desktop, where MediaPipe for Python 3.13 was tried."""
    vision = pytest.importorskip("mediapipe").tasks.vision

    def without_library(options):
        raise OSError("libEGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(vision.FaceLandmarker, "create_from_options", without_library)
    with pytest.raises(RuntimeUnavailableError, match=r"\(libEGL.so.1.*apt-get install libegl1 libgles2"):
        create_detector("tasks", model_path=task_file)


def test_another_task_file_given_by_its_path_is_a_warning(tmp_path, task_file, photo, caplog):
    caplog.set_level("WARNING", logger="gaze")
    path = altered(task_file, tmp_path / "other.task")
    with create_detector("tasks", model_path=path, static=True) as opened:
        assert len(opened.detect(Frame(photo))) == 1
    assert f"{path}: checksum is " in caplog.text
    caplog.clear()
    create_detector("tasks", model_path=task_file).close()
    assert caplog.text == ""


def test_auto_takes_the_task_file_where_one_is_given(task_file):
    with create_detector("auto", model_path=task_file) as opened:
        assert opened.name == "tasks"


@needs_mesh
def test_auto_needs_no_file():
    opened = create_detector()
    assert opened.name == "mesh"
    opened.close()
    opened.close()


@needs_mesh
def test_decoding_the_bytes_equals_reading_the_fields():
    from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmark, NormalizedLandmarkList

    values = np.random.default_rng(0).normal(size=(478, 3)).astype(np.float32)
    values[3] = 0.0
    message = NormalizedLandmarkList(
        landmark=[NormalizedLandmark(x=x, y=y, z=z) for x, y, z in values.tolist()]
    )
    np.testing.assert_array_equal(landmarks._decode(message), values)
    message.landmark[5].visibility = 0.5  # other fields make other bytes
    np.testing.assert_array_equal(landmarks._decode(message), values)
    other = SimpleNamespace(SerializeToString=lambda: b"\xff" * 17, landmark=[SimpleNamespace(x=1, y=2, z=3)])
    np.testing.assert_array_equal(landmarks._decode(other), [[1, 2, 3]])


def eyes(gap, width=30.0, pitch_deg=0.0, yaw_deg=0.0):
    """Landmarks (478, 3) of two drawn eyes, turned in space."""
    points = np.zeros((478, 3))
    for side, (corners, upper, lower) in enumerate(
        zip(landmarks._CORNERS, landmarks._UPPER, landmarks._LOWER, strict=True)
    ):
        points[corners, 0] = [-width / 2, width / 2]
        points[upper, 1], points[lower, 1] = -gap[side] / 2, gap[side] / 2
    turn = (
        cv2.Rodrigues(np.deg2rad([pitch_deg, 0.0, 0.0]))[0] @ cv2.Rodrigues(np.deg2rad([0, yaw_deg, 0.0]))[0]
    )
    return points @ turn.T


def test_eye_openness_scale_and_sides():
    np.testing.assert_allclose(eye_openness(eyes((9.0, 2.4))), [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(eye_openness(eyes((5.7, 9.0))), [0.5, 1.0], atol=1e-12)
    np.testing.assert_allclose(eye_openness(eyes((0.0, 20.0))), [0.0, 1.0])
    np.testing.assert_allclose(eye_openness(np.zeros((478, 3))), [0.0, 0.0])


@pytest.mark.parametrize(("pitch", "yaw"), [(30, 0), (-30, 0), (0, 40), (20, -30)])
def test_eye_openness_does_not_change_with_the_head(pitch, yaw):
    np.testing.assert_allclose(
        eye_openness(eyes((5.7, 7.0), 30.0, pitch, yaw)), eye_openness(eyes((5.7, 7.0)))
    )


@needs_mesh
def test_blinks_of_the_sample_video_are_seen(shared_dir):
    """Frames 60 to 170 of the clip hold a blink: open before and after, closed within."""
    video = cv2.VideoCapture(str(shared_dir / "real/samples/video00.mp4"))
    video.set(cv2.CAP_PROP_POS_FRAMES, 60)
    openness = []
    with create_detector("mesh") as detector:
        while len(openness) < 110:
            image = video.read()[1]
            found = detector.detect(Frame(image))
            openness.append(found[0].eye_open.mean() if found else np.nan)
    video.release()
    assert np.nanmedian(openness) > 0.7
    assert np.nanmin(openness) < 0.3
