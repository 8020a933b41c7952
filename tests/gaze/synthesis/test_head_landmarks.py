"""Landmarks of rendered heads: on the projected head, round the iris, mirrored as a mirrored head's."""

import numpy as np
import pytest

from gaze.learned_landmarks import (
    EYE_COUNT,
    FACE_68,
    INNER_CORNER,
    IRIS,
    LEARNED_COUNT,
    LOWER_LID,
    OUTER_CORNER,
    RIM,
    ROTATION_CENTRE,
    UPPER_LID,
    mirror_landmarks,
)
from gaze.synthesis.head_landmarks import _rim

SEED = 5


@pytest.fixture(scope="module")
def crops(crop_renderer):
    with crop_renderer.dress(SEED) as dressed:
        return [crop_renderer.render(dressed, SEED * 1000 + k) for k in range(12)]


def test_corners_of_eyes_and_mouth_are_those_of_the_projected_head(crops):
    assert len({crop.attributes["crop"] for crop in crops}) >= 2
    for crop in crops:
        assert crop.landmarks_px.shape == (LEARNED_COUNT, 2)
        # Right eye's outer and inner corner, left eye's inner and outer, mouth corners (gaze.face_model).
        six_px = crop.view.project(crop.head.six_points_cam_mm)
        width_px = np.linalg.norm(six_px[3] - six_px[0])
        for landmark, point in ((EYE_COUNT + OUTER_CORNER, 0), (OUTER_CORNER, 3)):
            assert np.linalg.norm(crop.landmarks_px[landmark] - six_px[point]) < 0.06 * width_px
        for landmark, point in ((EYE_COUNT + INNER_CORNER, 1), (INNER_CORNER, 2)):
            assert np.linalg.norm(crop.landmarks_px[landmark] - six_px[point]) < 0.06 * width_px
        for number, point in ((48, 4), (54, 5)):
            np.testing.assert_allclose(
                crop.landmarks_px[2 * EYE_COUNT + FACE_68.index(number)], six_px[point], atol=0.05
            )


def test_an_iris_lies_on_its_optical_axis_and_within_its_rim(crops):
    for crop in crops:
        for side in (0, 1):
            eye = crop.landmarks_px[side * EYE_COUNT : (side + 1) * EYE_COUNT]
            centre, axis = crop.head.centres_cam_mm[side], crop.head.axes_cam[side]
            start, end = crop.view.project(np.stack([centre, centre + 30.0 * axis]))
            np.testing.assert_allclose(eye[ROTATION_CENTRE], start, atol=0.01)
            along = (end - start) / np.linalg.norm(end - start)
            off = eye[IRIS] - start
            assert abs(off[0] * along[1] - off[1] * along[0]) < 0.05
            assert np.linalg.norm(eye[RIM].mean(axis=0) - eye[IRIS]) < 0.5
            assert eye[UPPER_LID].mean(axis=0)[1] < eye[LOWER_LID].mean(axis=0)[1] + 0.5


def test_open_eyes_are_darker_at_the_iris_than_beside_it(crop_renderer):
    """Of many pictures, as hair, hands and lamps may be in the way: the labels fit what is drawn."""
    darker = []
    for seed in range(40, 46):
        with crop_renderer.dress(seed) as dressed:
            crops = [crop_renderer.render(dressed, seed * 1000 + k) for k in range(4)]
        for crop in crops:
            if min(crop.attributes["eye_open"]) < 0.6 or crop.attributes["glasses"]:
                continue
            grey = crop.image.mean(axis=-1)
            for first in (0, EYE_COUNT):
                eye = crop.landmarks_px[first : first + EYE_COUNT]
                beside = eye[IRIS] + 1.6 * (eye[[RIM.start, RIM.start + 4]] - eye[IRIS])
                places = np.rint(np.vstack([eye[IRIS], beside])).astype(int)
                if (places >= 1).all() and (places < 223).all():
                    iris, right, left = (grey[y - 1 : y + 2, x - 1 : x + 2].mean() for x, y in places)
                    darker.append(iris < max(left, right))
    assert len(darker) >= 12
    assert np.mean(darker) > 0.85


def test_the_rim_of_a_mirrored_eye_is_the_mirrored_rim():
    axis = np.array([0.3, -0.2, -0.93])
    axis /= np.linalg.norm(axis)
    flip = np.array([-1.0, 1.0, 1.0])
    iris = np.array([30.0, 5.0, 600.0])
    rim, other = _rim(iris, axis, 6.0), _rim(iris * flip, axis * flip, 6.0)
    np.testing.assert_allclose(np.linalg.norm(rim - iris, axis=1), 6.0)
    np.testing.assert_allclose((rim - iris) @ axis, 0.0, atol=1e-9)
    # A picture 201 px wide whose middle, px 100, is x = 0.
    landmarks = np.zeros((LEARNED_COUNT, 2))
    landmarks[RIM] = rim[:, :2] + [100.0, 0.0]
    mirrored = mirror_landmarks(landmarks, 201)
    np.testing.assert_allclose(
        mirrored[EYE_COUNT + RIM.start : EYE_COUNT + RIM.stop], other[:, :2] + [100.0, 0.0], atol=1e-9
    )
    # The first point at the picture's right, the third at its top.
    assert rim[0, 0] > iris[0] + 5 and rim[2, 1] < iris[1] - 5
