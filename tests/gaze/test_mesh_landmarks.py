"""Landmarks by name against the outlines that MediaPipe itself names, and on a photo."""

import cv2
import numpy as np
import pytest

from gaze.landmarks import create_detector
from gaze.mesh_landmarks import EYES, FACE_SIDES, LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE
from gaze.types import Frame

mediapipe = pytest.importorskip("mediapipe")
if not hasattr(mediapipe, "solutions"):
    pytest.skip("this mediapipe names no outlines (0.10.21 is the last)", allow_module_level=True)
mesh = mediapipe.solutions.face_mesh


@pytest.mark.parametrize(("eye", "name"), [(RIGHT_EYE, "RIGHT"), (LEFT_EYE, "LEFT")])
def test_eyes_lie_on_mediapipes_outlines(eye, name):
    outline = set(np.ravel(list(getattr(mesh, f"FACEMESH_{name}_EYE"))))
    assert {eye.outer, eye.inner, *eye.upper, *eye.lower} <= outline
    assert set(eye.rim) == set(np.ravel(list(getattr(mesh, f"FACEMESH_{name}_IRIS"))))


def test_mouth_and_sides_lie_on_mediapipes_outlines():
    assert set(MOUTH_CORNERS) <= set(np.ravel(list(mesh.FACEMESH_LIPS)))
    assert set(FACE_SIDES) <= set(np.ravel(list(mesh.FACEMESH_FACE_OVAL)))


def test_on_an_upright_frontal_face_all_is_where_its_name_says(shared_dir):
    photo = cv2.resize(cv2.imread(str(shared_dir / "real/samples/image00.jpg")), (640, 960))
    with create_detector("mesh", static=True) as detector:
        (face,) = detector.detect(Frame(photo))
    px = face.landmarks_px
    places = (FACE_SIDES[0], RIGHT_EYE.outer, RIGHT_EYE.inner, LEFT_EYE.inner, LEFT_EYE.outer, FACE_SIDES[1])
    assert (np.diff(px[list(places), 0]) > 0).all()  # the subject's right is at the picture's left
    assert px[MOUTH_CORNERS[0], 0] < px[MOUTH_CORNERS[1], 0]
    for eye in EYES:
        upper, lower, rim = px[list(eye.upper)], px[list(eye.lower)], px[list(eye.rim)]
        assert (np.diff(upper[:, 0]) > 0).all() and (np.diff(lower[:, 0]) > 0).all()
        width_px = abs(px[eye.outer, 0] - px[eye.inner, 0])
        assert (np.abs(upper[:, 0] - lower[:, 0]) < width_px / 8).all() and (upper[:, 1] < lower[:, 1]).all()
        radius_px = np.linalg.norm(rim - px[eye.iris], axis=1)
        assert radius_px.max() < 1.2 * radius_px.min() and radius_px.max() < width_px / 2
        across, down = px[eye.cheek] - px[eye.iris]
        assert abs(across) < width_px and width_px < down < 3 * width_px
