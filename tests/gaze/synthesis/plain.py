"""A person without chance in them, and poses of theirs: what the tests of the renderer measure on."""

from dataclasses import replace

import numpy as np

from gaze.synthesis.eyeballs import round_eyeball
from gaze.synthesis.eyes import EyeAppearance, rotation_centres
from gaze.synthesis.lids import LidHabit, LidRig, LidState, settle_lower_lids
from gaze.synthesis.mesh import EYEBALLS
from gaze.synthesis.moment import Moment
from gaze.synthesis.person import Person
from gaze.synthesis.pose import Pose, head_rotation
from gaze.synthesis.posed_head import pose_head
from gaze.synthesis.skin_appearance import SkinAppearance

EYES_MM = np.array([0.0, 0.0, 600.0])
HABIT = LidHabit(
    upper_rest_mm=(4.5, 4.5),
    lower_rest_mm=(5.2, 5.2),
    upper_gain_up=0.8,
    upper_gain_down=0.9,
    lower_gain=0.5,
    squint=0.0,
    brow_gain=0.0,
)


def plain_eyes(**changes):
    """Eyes of one colour that look straight along their optical axes."""
    sampled = EyeAppearance.sample(np.random.default_rng(0), 0.3)
    even = {
        "iris_radius_mm": 5.9,
        "iris_contrast": 0.0,
        "limbal_ring": 0.0,
        "veins": 0.0,
        "pinkness": 0.0,
        "wetness": 0.0,
        "kappa_rad": ((0.0, 0.0), (0.0, 0.0)),
        "depth_mm": 0.0,
        "lateral_mm": 0.5,
    }
    return replace(sampled, **(even | changes))


def plain_person(mesh, habit=HABIT, **eyes):
    """The mean head, which is symmetric."""
    appearance = plain_eyes(**eyes)
    vertices = mesh.vertices_mm.copy()
    centres = rotation_centres(vertices, appearance)
    balls = tuple(round_eyeball(vertices, ball) for ball in EYEBALLS)
    settle_lower_lids(vertices, mesh, centres, balls, habit)
    return Person(
        seed=0,
        vertices_mm=vertices,
        centres_mm=centres,
        eyes=appearance,
        lid_habit=habit,
        lid_rig=LidRig(mesh, vertices, centres),
        balls=balls,
        skin=SkinAppearance.sample(np.random.default_rng(0)),
    )


def target_at(pitch_deg, yaw_deg, distance_mm=600.0, eyes_mm=EYES_MM):
    """A point seen from the middle of the eyes at angles by the house's signs (0, 0 is the camera)."""
    p, y = np.deg2rad([pitch_deg, yaw_deg])
    return eyes_mm + distance_mm * np.array([-np.cos(p) * np.sin(y), -np.sin(p), -np.cos(p) * np.cos(y)])


def posed(mesh, normals_of, person, target, head_deg=(0.0, 0.0, 0.0), eyes_mm=EYES_MM, blink=0.0, **lids):
    """A head at pitch, yaw and roll that looks at a target (3,), camera frame; ``blink`` (left, right)."""
    pose = Pose(head_rotation(*np.deg2rad(head_deg)), np.asarray(eyes_mm, float), target, "plain")
    both = blink if isinstance(blink, tuple) else (blink, blink)
    state = LidState(blink=both, **lids)
    return pose_head(mesh, normals_of, person, pose, Moment(lids=state))


def in_head(head):
    """The vertices (N, 3) of a posed head, back in the head frame."""
    return (head.vertices_cam_mm - head.t_cam_mm) @ head.R_cam_head


def lid_heights(mesh, person, head, side):
    """Heights of the upper and lower lid edges over the centre of rotation at its column, mm, up positive."""
    vertices = in_head(head)
    centre = person.centres_mm[side]
    heights = []
    for ring in (mesh.eyelids[side].inner_upper, mesh.eyelids[side].inner_lower):
        points = vertices[ring]
        order = np.argsort(points[:, 0])
        heights.append(centre[1] - np.interp(centre[0], points[order, 0], points[order, 1]))
    return heights
