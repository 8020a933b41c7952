"""Training crops: a person and a picture from integer seeds, with the exact gaze label."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import angles_from_vector, head_angles_from_rotation
from gaze.synthesis.background import before, paint_background
from gaze.synthesis.dressed import DressedPerson, Wardrobe
from gaze.synthesis.environment import load_environments
from gaze.synthesis.light import LightRig
from gaze.synthesis.moment import sample_moment
from gaze.synthesis.occluders import sample_occluder
from gaze.synthesis.person import STREAM_POSE_HABIT, Person, stream
from gaze.synthesis.pose import sample_camera, sample_pose
from gaze.synthesis.posed_head import PosedHead, pose_head
from gaze.synthesis.renderer import HeadRenderer
from gaze.synthesis.sensor import SensorSettings, expose
from gaze.synthesis.skin_finish import SkinFinish
from gaze.synthesis.view import View, exact_view, live_view, sample_person_scale

# Share of pictures with a hand, a cup or a telephone before the face.
HELD_SHARE = 0.07

# A picture's random streams; a person's own are in gaze.synthesis.person.
STREAM_PICTURE, STREAM_LIGHT, STREAM_CAMERA, STREAM_FACE = range(100, 104)


@dataclass(frozen=True)
class Crop:
    """One picture with its truth. ``image`` (S, S, 3) uint8 BGR; angles in radians, normalised frame."""

    image: NDArray[np.uint8]
    pitch_yaw_rad: NDArray[np.float64]
    head_pitch_yaw_rad: NDArray[np.float64]
    person_seed: int
    picture_seed: int
    attributes: dict[str, object]
    head: PosedHead
    view: View

    @property
    def attributes_json(self) -> str:
        """The attributes as compact JSON."""
        return json.dumps(self.attributes, separators=(",", ":"))


class CropRenderer:
    """Renders crops of ``size_px``; drawing is done at ``supersampling`` times that."""

    def __init__(
        self, assets_dir: str | os.PathLike[str], size_px: int = 224, supersampling: float = 1.0
    ) -> None:
        """Raises DataError without the assets, RuntimeUnavailableError without EGL."""
        self.size_px = size_px
        self.draw_px = round(size_px * supersampling)
        self.environments = load_environments(assets_dir)
        self.renderer = HeadRenderer(assets_dir, self.draw_px)
        self._wardrobe = Wardrobe(
            self.renderer.context, self.renderer.mesh, self.renderer.wear, self.renderer.hair
        )

    def dress(self, seed: int) -> DressedPerson:
        """Make the person of a seed ready to be drawn; release it when done."""
        return self._wardrobe.dress(seed)

    def render(self, dressed: DressedPerson, picture_seed: int) -> Crop:
        """One picture of a person; everything else about it comes from its own seed."""
        person = dressed.person
        streams = [stream(picture_seed, number) for number in range(STREAM_PICTURE, STREAM_FACE + 1)]
        pose_rng, light_rng, camera_rng, face_rng = streams
        camera = sample_camera(pose_rng)
        pose = sample_pose(pose_rng, camera)
        rig = LightRig.sample(light_rng, self.environments, pose.eyes_cam_mm)
        moment = sample_moment(face_rng, rig.lux)
        head = pose_head(self.renderer.mesh, self.renderer.normals_of, person, pose, moment)
        view = self._view(pose_rng, person, head)
        finish = SkinFinish.sample(face_rng)
        held = []
        if face_rng.random() < HELD_SHARE:
            held = sample_occluder(face_rng, person.vertices_mm, dressed.body_albedo)
        linear = self.renderer.render(dressed, head, moment.pupil_radius_mm, view, rig, finish, held)
        background = paint_background(light_rng, rig, self.draw_px)
        settings = SensorSettings.sample(camera_rng, rig.lux)
        image = expose(before(background, linear), settings, camera_rng, self.size_px)
        label = angles_from_vector(view.R_norm_cam @ head.gaze_cam)
        head_label = head_angles_from_rotation(view.R_norm_cam @ head.R_cam_head)
        attributes = {
            "pose": pose.kind,
            "scene": rig.scene,
            "distance_mm": round(float(np.linalg.norm(head.face_centre_cam_mm))),
            "eye_open": [round(value, 3) for value in head.eye_open],  # subject's right, left
            "grid_px": settings.grid_px,
            "held": held[0].name if held else "",
            **dressed.attributes,
        }
        return Crop(image, label, head_label, person.seed, int(picture_seed), attributes, head, view)

    def _view(self, rng: np.random.Generator, person: Person, head: PosedHead) -> View:
        """The exact normalised view for a quarter, else one that the live pipeline would take."""
        centre = head.face_centre_cam_mm
        if rng.random() < 0.25:
            return exact_view(head.R_cam_head, centre, self.draw_px)
        scale = sample_person_scale(stream(person.seed, STREAM_POSE_HABIT))
        return live_view(rng, head.R_cam_head, centre, self.draw_px, scale)
