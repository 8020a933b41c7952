"""Training crops: a person and a picture from integer seeds, with the exact gaze label."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import angles_from_vector, head_angles_from_rotation
from gaze.synthesis import streams
from gaze.synthesis.background import before, paint_background
from gaze.synthesis.dressed import DressedPerson
from gaze.synthesis.features import ALL_FEATURES, Features
from gaze.synthesis.head_landmarks import head_landmarks_cam_mm
from gaze.synthesis.light import LightRig
from gaze.synthesis.moment import blinking, sample_moment, with_late_lids
from gaze.synthesis.occluders import sample_occluder
from gaze.synthesis.people_renderer import PeopleRenderer
from gaze.synthesis.person import Person
from gaze.synthesis.pipeline_crop import LivePipeline, pipeline_crop
from gaze.synthesis.pose import sample_camera, sample_pose
from gaze.synthesis.posed_head import PosedHead, pose_head
from gaze.synthesis.sensor import SensorSettings, expose
from gaze.synthesis.skin_finish import SkinFinish
from gaze.synthesis.streams import stream
from gaze.synthesis.view import View, exact_view, live_view, sample_person_scale
from gaze.synthesis.webcam import Shot

# Share of pictures with a hand, a cup or a telephone before the face.
HELD_SHARE = 0.07
# Share of pictures within a blink, beside those with half-closed lids.
BLINK_SHARE = 0.015
# Share of pictures that are tried as crops by the live pipeline; six in seven of them succeed.
PIPELINE_SHARE = 0.09


@dataclass(frozen=True)
class Crop:
    """One picture with its truth. ``image`` (S, S, 3) uint8 BGR; angles in radians, normalised frame.

    ``landmarks_px`` (60, 2) in the order of gaze.learned_landmarks; ``view`` tells where in the image a point
    of the camera frame lies.
    """

    image: NDArray[np.uint8]
    pitch_yaw_rad: NDArray[np.float64]
    head_pitch_yaw_rad: NDArray[np.float64]
    landmarks_px: NDArray[np.float64]
    person_seed: int
    picture_seed: int
    attributes: dict[str, object]
    head: PosedHead
    view: View

    @property
    def attributes_json(self) -> str:
        """The attributes as compact JSON."""
        return json.dumps(self.attributes, separators=(",", ":"))


class CropRenderer(PeopleRenderer):
    """Renders crops of ``size_px``.

    It owns an OpenGL context, and the detector that finds faces for crops by the live pipeline: use it in a
    ``with``, or close it.
    """

    def __init__(
        self, assets_dir: str | os.PathLike[str], size_px: int = 224, features: Features = ALL_FEATURES
    ) -> None:
        """Raises DataError without the assets, RuntimeUnavailableError without EGL, ModelError without
        MediaPipe's models."""
        super().__init__(assets_dir, size_px, features)
        self.size_px = size_px
        with ExitStack() as opened:
            opened.callback(self.close)
            self.pipeline = self._opened.enter_context(closing(LivePipeline(size_px)))
            opened.pop_all()

    def render(self, dressed: DressedPerson, picture_seed: int) -> Crop:
        """One picture of a person; everything else about it comes from its own seed."""
        person = dressed.person
        pose_rng = stream(picture_seed, streams.CROP_POSE)
        light_rng = stream(picture_seed, streams.CROP_LIGHT)
        camera_rng = stream(picture_seed, streams.CROP_CAMERA)
        face_rng = stream(picture_seed, streams.CROP_FACE)
        camera = sample_camera(pose_rng)
        pose = sample_pose(pose_rng, camera)
        rig = LightRig.sample(light_rng, self.environments, pose.eyes_cam_mm)
        lid_rng = stream(picture_seed, streams.CROP_LIDS)
        moment = blinking(lid_rng, sample_moment(face_rng, rig.lux), BLINK_SHARE)
        moment = with_late_lids(lid_rng, moment, person.lid_habit.lag_s)
        head = pose_head(self.renderer.mesh, self.renderer.normals_of, person, pose, moment)
        finish = self.features.of_finish(SkinFinish.sample(face_rng))
        held = []
        if face_rng.random() < HELD_SHARE:
            held = sample_occluder(face_rng, person.vertices_mm, dressed.body_albedo)
        settings = SensorSettings.sample(camera_rng, rig.lux)
        kind, view = self._view(pose_rng, person, head)
        crop = None
        pipeline_rng = stream(picture_seed, streams.CROP_PIPELINE)
        if pipeline_rng.random() < PIPELINE_SHARE:
            shot = Shot(rig, finish, settings)
            crop = pipeline_crop(
                pipeline_rng, self.pipeline, self.renderer, dressed, head, shot, camera, held
            )
        if crop is not None:
            kind, view, image, sensor = "pipeline", crop.view, crop.image, crop
        else:
            linear = self.renderer.render(dressed, head, view, rig, finish, held)
            background = paint_background(light_rng, rig, self.size_px)
            image = expose(before(background, linear), settings, camera_rng)
            sensor = settings
        label = angles_from_vector(view.R_norm_cam @ head.gaze_cam)
        head_label = head_angles_from_rotation(view.R_norm_cam @ head.R_cam_head)
        landmarks_mm = head_landmarks_cam_mm(self.renderer.mesh, head, person.eyes.iris_radius_mm)
        attributes = {
            "crop": kind,
            "pose": pose.kind,
            "scene": rig.scene,
            "distance_mm": round(float(np.linalg.norm(head.face_centre_cam_mm))),
            "eye_open": [round(value, 3) for value in head.eye_open],  # subject's right, left
            "grid_px": sensor.grid_px,
            "defocus_px": round(sensor.defocus_px, 2),  # px of the crop, as the next
            "smear_px": round(sensor.smear_px, 2),
            "held": held[0].name if held else "",
            **dressed.attributes,
        }
        return Crop(
            image=image,
            pitch_yaw_rad=label,
            head_pitch_yaw_rad=head_label,
            landmarks_px=view.project(landmarks_mm),
            person_seed=person.seed,
            picture_seed=int(picture_seed),
            attributes=attributes,
            head=head,
            view=view,
        )

    def _view(self, rng: np.random.Generator, person: Person, head: PosedHead) -> tuple[str, View]:
        """The kind and the view: the exact one for a quarter, else one that the live pipeline would take."""
        centre = head.face_centre_cam_mm
        if rng.random() < 0.25:
            return "exact", exact_view(head.R_cam_head, centre, self.size_px)
        scale = sample_person_scale(stream(person.seed, streams.PERSON_POSE_HABIT))
        return "noisy", live_view(rng, head.R_cam_head, centre, self.size_px, scale)
