"""Proportions of faces whose points were placed by hand in the head frame."""

import numpy as np
import pytest
from made_faces import PINHOLE, face_at, rotation

from gaze.face_model import FACE_CENTRE_HEAD_MM
from gaze.head_pose import estimate_head_pose
from gaze.synthesis.face_proportions import HEIGHTS, WIDTHS, face_proportions
from gaze.types import Face

# Landmarks that the head pose does not use: places (x, y) in the plane of the face centre.
PLACES_MM = {
    468: (-31.0, 1.0), 473: (32.0, 3.0), 61: (-25.0, 70.0), 291: (27.0, 68.0), 234: (-70.0, 20.0),
    454: (71.0, 20.0),
}  # fmt: skip


def made(R, t):
    face = face_at(R, t, PINHOLE)
    landmarks = face.landmarks_px.copy()
    points = np.array([[x, y, FACE_CENTRE_HEAD_MM[2]] for x, y in PLACES_MM.values()])
    landmarks[list(PLACES_MM)] = PINHOLE.project(points @ R.T + t)
    return Face(face.box_px, landmarks, face.eye_open)


@pytest.mark.parametrize("pose_deg", [(0, 0, 0), (12, -15, 8), (-10, 20, -12)])
def test_places_in_the_plane_of_the_face_are_found_again(pose_deg):
    face = made(rotation(*pose_deg), np.array([30.0, -20.0, 620.0]))
    found = face_proportions(face, estimate_head_pose(face, PINHOLE), PINHOLE)
    values = dict(zip([*HEIGHTS, *WIDTHS], found, strict=True))
    assert values["irises"] == pytest.approx(2.0, abs=0.05)
    assert values["mouth corners"] == pytest.approx(69.0, abs=0.05)
    assert values["irises apart"] == pytest.approx(np.hypot(63.0, 2.0), abs=0.05)
    assert values["face wide"] == pytest.approx(141.0, abs=0.1)
