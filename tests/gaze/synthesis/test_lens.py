"""Pictures through a lens with distortion: what is drawn lies where OpenCV projects it."""

import numpy as np
import pytest
from opencv_projection import projected

from gaze.camera import Camera
from gaze.synthesis.lens import Lens, with_lens
from tests.gaze.synthesis.plain import plain_person, posed, target_at
from tests.gaze.synthesis.studio import DOTS, centroid

PLACE = np.array([150.0, 70.0, 520.0])
LENS = np.array([-0.15, 0.05, 0.002, -0.001])


@pytest.mark.parametrize("size_px", [None, 700])
def test_landmarks_lie_where_the_lens_puts_them(studio, mesh, normals_of, size_px):
    """White dots on a black face, off the middle of a strong lens, in a region of the picture."""
    ideal = Camera.from_hfov(70.0, 640, 480)
    camera = Camera(ideal.K, LENS, 640, 480).cropped(330, 200, 280, 260)
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(-5, 0, eyes_mm=PLACE), (-8, 12, 10), PLACE)
    lens = Lens(camera, size_px)
    picture = lens.bend(studio.dots(person, head, lens.view(head.face_centre_cam_mm)))
    assert picture.shape == (260, 280)
    points_mm = head.vertices_cam_mm[DOTS]
    expected = projected(camera, points_mm)
    straight = projected(Camera(camera.K, np.zeros(0), 280, 260), points_mm)
    assert np.linalg.norm(expected - straight, axis=1).max() > 3.0  # the lens matters here
    found = []
    for place_px in expected:
        dot_px, mass = centroid(picture, place_px, 3.0)
        if mass > 0.6:
            found.append(np.linalg.norm(dot_px - place_px))
    assert len(found) >= 9
    assert max(found) < 0.5 and np.mean(found) < 0.2


def test_a_fitted_drawing_holds_all_of_the_picture():
    """Nothing of the picture lies outside the drawing, whose side is a whole multiple of the step."""
    camera = Camera(Camera.from_hfov(70.0, 640, 480).K, LENS, 640, 480).cropped(330, 200, 280, 260)
    lens = Lens(camera, step_px=64)
    assert lens.size_px % 64 == 0 and lens.size_px < 400
    columns, rows = np.meshgrid(np.arange(lens.size_px), np.arange(lens.size_px))
    places = lens.bend(np.stack([columns, rows], axis=-1).astype(np.float32))
    # Each pixel's place in the drawing is where its ray goes.
    u, v = np.meshgrid(np.arange(280), np.arange(260))
    ideal = camera.undistort(np.stack([u, v], axis=-1).reshape(-1, 2)).reshape(260, 280, 2)
    view = lens.view(np.array([0.0, 0.0, 600.0]))
    offset = np.subtract(view.middle_px, camera.K[:2, 2])
    np.testing.assert_allclose(places, ideal + offset, atol=0.06)
    assert places.min() >= 0.0 and places.max() < lens.size_px - 1


def test_lenses_are_those_of_the_seed_and_can_be_undone():
    ideal = Camera.from_hfov(78.0, 640, 480)
    cameras = [with_lens(np.random.default_rng(seed), ideal) for seed in range(20)]
    again = with_lens(np.random.default_rng(7), ideal)
    np.testing.assert_array_equal(again.distortion, cameras[7].distortion)
    px = np.array([[0.0, 0.0], [639.0, 479.0], [320.0, 0.0], [100.0, 400.0]])
    for camera in cameras:
        assert camera.has_distortion and camera.hfov_deg == pytest.approx(78.0)
        np.testing.assert_allclose(camera.distort(camera.undistort(px)), px, atol=0.06)
