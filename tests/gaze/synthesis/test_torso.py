"""A body under a head: the head model's own shoulders give way to it."""

from dataclasses import replace

import numpy as np

from gaze.synthesis.torso import make_torso
from gaze.synthesis.view import exact_view
from tests.gaze.synthesis.plain import plain_person, posed, target_at


def test_shoulders_of_the_mesh_are_not_drawn_over_a_torso(studio, mesh, normals_of):
    """Clothes of the mesh show without a torso; with one their colour makes no difference to the picture."""
    person = plain_person(mesh)
    head = posed(mesh, normals_of, person, target_at(0, 0), (0, 45, 0))
    view = exact_view(
        head.R_cam_head, head.face_centre_cam_mm + np.array([0.0, 100.0, 0.0]), 128, crop_mm=500.0
    )
    torso = make_torso(head.R_cam_head, (0.1, 0.1, 0.1))
    alone, over_torso = ([studio.draw(person, head, view, cloth=grey, held=held) for grey in (0.0, 0.9)]
                   for held in ((), (torso,)))  # fmt: skip
    assert np.abs(alone[0] - alone[1]).max() > 0.2
    np.testing.assert_array_equal(*over_torso)


def test_a_bare_neck_reaches_into_the_torso(studio, mesh, normals_of):
    """Between chin and chest nothing of the background shows, wherever the head turns."""
    person = plain_person(mesh)
    for yaw_deg in (-40, 0, 40):
        head = posed(mesh, normals_of, person, target_at(0, 0), (0, yaw_deg, 0))
        view = replace(
            exact_view(head.R_cam_head, head.face_centre_cam_mm, 256, crop_mm=500.0), R_norm_cam=np.eye(3)
        )
        covered = studio.draw(person, head, view, held=(make_torso(head.R_cam_head, (0.1, 0.1, 0.1)),))[
            ..., 3
        ]
        neck = head.R_cam_head @ [0.0, 60.0, 30.0] + head.t_cam_mm
        down = neck[1] + np.arange(0.0, 120.0)
        line_mm = np.stack([np.full_like(down, neck[0]), down, np.full_like(down, neck[2])], axis=1)
        px = np.rint(view.project(line_mm)).astype(int)
        inside = (px >= 0).all(axis=1) & (px < 256).all(axis=1)
        assert inside.sum() > 60
        assert covered[px[inside, 1], px[inside, 0]].min() > 0.99
