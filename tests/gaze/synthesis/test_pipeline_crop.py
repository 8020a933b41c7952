"""Crops out of webcam pictures: exact labels of what landmarks and head pose made of the picture."""

import dataclasses

import cv2
import numpy as np
import pytest
from opencv_projection import projected

from gaze.camera import Camera
from gaze.errors import GazeError
from gaze.geometry import angular_error_deg
from gaze.head_pose import estimate_head_pose, face_centre_cam_mm
from gaze.landmarks import create_detector
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA, normalize_face
from gaze.types import Frame, HeadPose
from tests.gaze.synthesis.plain import plain_person, posed, target_at
from tests.gaze.synthesis.studio import DOTS, centroid

SEED = 3
CORNERS = [1507, 1528, 3742, 3721, 5708, 6213]


@pytest.fixture(scope="module")
def made(crop_renderer):
    """(crop, what pipeline_crop gave) of six pictures of one person, all of them tried."""
    from gaze.synthesis import crops as module

    real, found = module.pipeline_crop, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIPELINE_SHARE", 1.0)
        patch.setattr(module, "pipeline_crop", lambda *rest: found.append(real(*rest)) or found[-1])
        with crop_renderer.dress(SEED) as dressed:
            pictures = [crop_renderer.render(dressed, SEED * 1000 + k) for k in range(6)]
    return list(zip(pictures, found, strict=True))


@pytest.fixture(scope="module")
def cut(made):
    """Those that the pipeline cut: of users who calibrated, and of others."""
    pairs = [(crop, found) for crop, found in made if found is not None]
    assert len(pairs) >= 4
    assert {found.view.known.has_distortion for _, found in pairs} == {True, False}
    return pairs


def test_attributes_say_how_a_crop_was_made(made):
    for crop, found in made:
        if found is None:
            assert crop.attributes["crop"] in ("exact", "noisy")
        else:
            assert crop.attributes["crop"] == "pipeline"
            assert 55 <= crop.attributes["grid_px"] == found.grid_px <= 224
            # At 224 px a picture's blur is at most as large as that which is drawn for crops.
            assert 0.0 <= crop.attributes["defocus_px"] == round(found.defocus_px, 2) <= 1.3
            assert 0.0 <= crop.attributes["smear_px"] == round(found.smear_px, 2) <= 6.0
            assert np.array_equal(crop.image, found.image)


def test_labels_follow_from_the_webcam_picture_and_the_truth(cut):
    """Anew from the picture, by the stages one for one and Zhang's formulas written out."""
    with create_detector(static=True) as detector:
        for crop, found in cut:
            known, head = found.view.known, crop.head
            frame = Frame(found.picture)
            (face,) = detector.detect(frame)
            pose = estimate_head_pose(face, known)
            centre = face_centre_cam_mm(pose)
            z = centre / np.sqrt(centre @ centre)
            y = np.cross(z, pose.R_cam_head[:, 0])
            y /= np.sqrt(y @ y)
            R = np.array([np.cross(y, z), y, z])
            gaze = head.target_cam_mm - np.asarray(head.vertices_cam_mm, np.float64)[CORNERS].mean(axis=0)
            gaze = R @ gaze / np.sqrt(gaze @ gaze)
            expected = [np.arcsin(-gaze[1]), np.arctan2(-gaze[0], -gaze[2])]
            np.testing.assert_allclose(crop.pitch_yaw_rad, expected, atol=1e-6)
            forwards = (R @ head.R_cam_head)[:, 2]
            expected = [np.arcsin(forwards[1]), np.arctan2(forwards[0], forwards[2])]
            np.testing.assert_allclose(crop.head_pitch_yaw_rad, expected, atol=1e-6)
            target = DEFAULT_NORMALIZED_CAMERA.resized(224)
            assert np.array_equal(crop.image, normalize_face(frame, known, pose, centre, target).image)


def test_the_true_face_is_in_the_crop(cut):
    for crop, _ in cut:
        px = crop.view.project(crop.head.six_points_cam_mm)
        assert np.abs(px.mean(axis=0) - 112).max() < 30
        assert 45 < np.linalg.norm(px[3] - px[0]) < 190


@pytest.mark.parametrize("calibrated", [True, False])
def test_landmarks_lie_where_the_view_says(studio, mesh, normals_of, calibrated):
    """White dots on a black face, through the lens and the warp of a pose that is a little off."""
    from gaze.synthesis.lens import Lens
    from gaze.synthesis.pipeline_crop import PipelineView

    place = np.array([120.0, 50.0, 520.0])
    ideal = Camera.from_hfov(70.0, 1280, 720)
    lens = Camera(ideal.K, [-0.15, 0.05, 0.002, -0.001], 1280, 720).cropped(620, 180, 480, 480)
    known = lens if calibrated else Camera.guessed(1280, 720).cropped(620, 180, 480, 480)
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(-5, 0, eyes_mm=place), (-8, 12, 10), place)
    drawn = Lens(lens)
    light = drawn.bend(studio.dots(person, head, drawn.view(head.face_centre_cam_mm)))
    picture = np.repeat(np.clip(400 * light, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    # The head's pose by the user's camera: in line with the picture, tilted and too far away.
    scale = known.K[0, 0] / lens.K[0, 0]
    undone = known.undistort(projected(lens, head.face_centre_cam_mm[None]))[0]
    ray = np.linalg.inv(known.K) @ [*undone, 1.0]
    centre = ray * head.face_centre_cam_mm[2] * scale * 1.04
    pose = HeadPose(head.R_cam_head @ cv2.Rodrigues(np.array([0.05, 0.02, 0.06]))[0], centre, 1.0)
    target = DEFAULT_NORMALIZED_CAMERA.resized(224)
    face = normalize_face(Frame(picture), known, pose, centre, target)
    focal = target.focal_px * np.linalg.norm(centre) / target.distance_mm
    view = PipelineView(face.R_norm_cam, focal, 224, (112.0, 112.0), centre, lens, known)
    found = []
    for expected in view.project(head.vertices_cam_mm[DOTS]):
        dot_px, mass = centroid(face.image[..., 0].astype(float), expected, 4.0)
        if mass > 440:  # corners of the mouth lie in a crease
            found.append(np.linalg.norm(dot_px - expected))
    assert len(found) >= 9
    assert max(found) < 0.5 and np.mean(found) < 0.25
    if calibrated:  # then it is the plain view of the normalised camera
        plain = super(PipelineView, view).project(head.vertices_cam_mm[DOTS])
        np.testing.assert_allclose(view.project(head.vertices_cam_mm[DOTS]), plain, atol=1e-3)


def test_mirroring_and_doubling_the_view(cut):
    mirror = np.diag([-1.0, 1.0, 1.0])
    for crop, _ in cut:
        view = crop.view
        points = crop.head.six_points_cam_mm
        px = view.project(points)
        large = dataclasses.replace(view, size_px=448, focal_px=2 * view.focal_px, middle_px=(224.0, 224.0))
        np.testing.assert_allclose(large.project(points), 2 * px, atol=1e-6)
        other = dataclasses.replace(
            view,
            R_norm_cam=mirror @ view.R_norm_cam @ mirror,
            centre_cam_mm=mirror @ view.centre_cam_mm,
            lens=mirrored(view.lens),
            known=mirrored(view.known),
        )
        np.testing.assert_allclose(other.project(points @ mirror), px * [-1, 1] + [224, 0], atol=1e-3)


def mirrored(camera):
    """The camera whose picture is the mirror image."""
    K, distortion = camera.K.copy(), camera.distortion.copy()
    K[0, 2] = camera.width - 1 - K[0, 2]
    if len(distortion):
        distortion[3] *= -1  # p2 bends towards x
    return Camera(K, distortion, camera.width, camera.height)


def test_the_same_seeds_give_the_same_pixels(crop_renderer, made, monkeypatch):
    """With a new detector, in another order: no face is tracked from picture to picture."""
    from gaze.synthesis import crops as module
    from gaze.synthesis.pipeline_crop import LivePipeline

    monkeypatch.setattr(module, "PIPELINE_SHARE", 1.0)
    monkeypatch.setattr(crop_renderer, "pipeline", LivePipeline(224))
    with crop_renderer.dress(SEED) as dressed:
        pictures = {k: crop_renderer.render(dressed, SEED * 1000 + k) for k in (4, 1)}
    for k, again in pictures.items():
        assert np.array_equal(again.image, made[k][0].image)
        assert np.array_equal(again.pitch_yaw_rad, made[k][0].pitch_yaw_rad)
        assert again.attributes_json == made[k][0].attributes_json


def test_a_renderer_closes_its_detector_and_its_context(crop_renderer, assets_dir, monkeypatch):
    """Threads and memory would stay otherwise; a crop that is asked for afterwards says so."""
    from gaze.synthesis import crops as crops_module
    from gaze.synthesis import people_renderer, pictures, pipeline_crop

    class Detector:
        name, closed = "empty", 0

        def detect(self, frame):
            return []

        def close(self):
            self.closed += 1

    class Heads:
        """The session's head renderer, which others need open."""

        def __init__(self, *_):
            self.closed = 0
            heads.append(self)

        def __getattr__(self, name):
            return getattr(crop_renderer.renderer, name)

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            self.closed += 1

    detectors, heads = [], []
    monkeypatch.setattr(
        pipeline_crop, "create_detector", lambda **_: detectors.append(Detector()) or detectors[-1]
    )
    monkeypatch.setattr(people_renderer, "HeadRenderer", Heads)
    monkeypatch.setattr(people_renderer, "load_environments", lambda _: crop_renderer.environments)
    made = pictures.crop_pictures(assets_dir, 224, range(4, 6))
    next(made)
    assert [each.closed for each in detectors + heads] == [0, 0]
    made.close()  # as when the disk is full
    assert [each.closed for each in detectors + heads] == [1, 1]
    renderer = crops_module.CropRenderer(assets_dir, 224)
    renderer.close()
    renderer.close()
    assert (detectors[1].closed, heads[1].closed) == (1, 1)
    with pytest.raises(GazeError, match="estimator is closed"):
        renderer.pipeline.crop(np.zeros((64, 64, 3), np.uint8), Camera.guessed(64, 64))


@pytest.mark.parametrize("seen", ["nothing", "another face"])
def test_without_this_face_the_crop_is_the_ordinary_one(crop_renderer, made, monkeypatch, seen):
    from gaze.synthesis import crops as module

    class Blind:
        def crop(self, picture, known):
            if seen == "nothing":
                return None
            image = np.zeros((224, 224, 3), np.uint8)
            far = np.array([250.0, 0.0, 600.0])
            head = HeadPose(np.eye(3), far, 1.0)
            face = normalize_face(Frame(picture), known, head, far)
            return dataclasses.replace(face, image=image)

    number = next(k for k, (_, found) in enumerate(made) if found is not None)
    monkeypatch.setattr(crop_renderer, "pipeline", Blind())
    crops = []
    with crop_renderer.dress(SEED) as dressed:
        for share in (0.0, 1.0):
            monkeypatch.setattr(module, "PIPELINE_SHARE", share)
            crops.append(crop_renderer.render(dressed, SEED * 1000 + number))
    assert np.array_equal(crops[0].image, crops[1].image)
    assert crops[0].attributes_json == crops[1].attributes_json
    assert crops[0].attributes["crop"] in ("exact", "noisy")
    np.testing.assert_array_equal(crops[0].pitch_yaw_rad, crops[1].pitch_yaw_rad)
    # The truth of the head is the same, whichever way the crop was made.
    assert np.array_equal(crops[0].head.vertices_cam_mm, made[number][0].head.vertices_cam_mm)
    assert float(angular_error_deg(crops[0].pitch_yaw_rad, made[number][0].pitch_yaw_rad)) < 15
