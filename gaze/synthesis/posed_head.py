"""A person at one moment: head placed in the camera frame, eyes on the target, lids and face set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.expression import VertexNormals, deform
from gaze.synthesis.eyeballs import lift_lids
from gaze.synthesis.eyes import optical_axes
from gaze.synthesis.mesh import SIX_POINTS, SKIN_COUNT, HeadMesh
from gaze.synthesis.moment import Moment
from gaze.synthesis.person import Person
from gaze.synthesis.pose import Pose


@dataclass(frozen=True)
class PosedHead:
    """Everything drawn or labelled, in the camera frame.

    ``vertices_cam_mm`` (N, 3) and ``normals_cam`` (SKIN_COUNT, 3) of the mesh; ``centres_cam_mm`` (2, 3) and
    ``axes_cam`` (2, 3), the eyes' centres of rotation and unit optical axes, the subject's left first as in
    the mesh; ``target_cam_mm`` (3,) what both lines of sight meet; ``eye_open``: subject's right, left as in
    gaze.types.Face; ``pupil_radius_mm`` of both eyes; ``weights`` of the blendshapes; ``skin_shift_mm``
    (SKIN_COUNT, 3) how far the expression moved the skin from the neutral head, in the head frame.
    """

    vertices_cam_mm: NDArray[np.float32]
    normals_cam: NDArray[np.float32]
    R_cam_head: NDArray[np.float64]
    t_cam_mm: NDArray[np.float64]
    centres_cam_mm: NDArray[np.float64]
    axes_cam: NDArray[np.float64]
    target_cam_mm: NDArray[np.float64]
    eye_open: tuple[float, float]
    pupil_radius_mm: float
    weights: dict[str, float]
    skin_shift_mm: NDArray[np.float32]

    @cached_property
    def six_points_cam_mm(self) -> NDArray[np.float64]:
        """Eye and mouth corners (6, 3) in the order of gaze.face_model."""
        return self.vertices_cam_mm[SIX_POINTS].astype(np.float64)

    @cached_property
    def face_centre_cam_mm(self) -> NDArray[np.float64]:
        """The gaze label's origin: the mean of the six points."""
        return self.six_points_cam_mm.mean(axis=0)

    @property
    def gaze_cam(self) -> NDArray[np.float64]:
        """Unit direction from the face centre to the target."""
        direction = self.target_cam_mm - self.face_centre_cam_mm
        return direction / np.linalg.norm(direction)


def pose_head(
    mesh: HeadMesh, normals_of: VertexNormals, person: Person, pose: Pose, moment: Moment
) -> PosedHead:
    """Place a person's head so that the middle of the eyes is where the pose says, and turn the eyes."""
    R = pose.R_cam_head
    t = pose.eyes_cam_mm - R @ person.centres_mm.mean(axis=0)
    target_head = R.T @ (pose.target_cam_mm - t)
    axes_head = optical_axes(target_head, person.centres_mm, person.eyes)
    lid_weights, openings = person.lid_rig.weights(axes_head, person.lid_habit, moment.lids)
    weights = {**moment.expression}
    for name, weight in lid_weights.items():
        weights[name] = weights.get(name, 0.0) + weight
    vertices_head = deform(mesh, person.vertices_mm, weights)
    for ball in person.balls:
        lift_lids(vertices_head, ball)
    R32 = R.astype(np.float32)
    return PosedHead(
        vertices_cam_mm=vertices_head @ R32.T + t.astype(np.float32),
        normals_cam=normals_of(vertices_head) @ R32.T,
        R_cam_head=R,
        t_cam_mm=t,
        centres_cam_mm=person.centres_mm @ R.T + t,
        axes_cam=axes_head @ R.T,
        target_cam_mm=np.asarray(pose.target_cam_mm, np.float64),
        eye_open=(openings[1], openings[0]),  # the rig puts the left eye first, as the mesh does
        pupil_radius_mm=moment.pupil_radius_mm,
        weights=weights,
        skin_shift_mm=vertices_head[:SKIN_COUNT] - person.vertices_mm[:SKIN_COUNT],
    )
