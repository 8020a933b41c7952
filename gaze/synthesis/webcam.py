"""Whole webcam pictures of rendered people, through a lens with distortion, and all that is known of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.geometry import angles_from_vector
from gaze.synthesis import streams
from gaze.synthesis.accessory import Accessory
from gaze.synthesis.background import before, paint_background
from gaze.synthesis.dressed import DressedPerson
from gaze.synthesis.lens import Lens
from gaze.synthesis.light import LightRig
from gaze.synthesis.moment import Moment, sample_moment
from gaze.synthesis.people_renderer import PeopleRenderer
from gaze.synthesis.pose import Pose, head_rotation, in_reach
from gaze.synthesis.posed_head import PosedHead, pose_head
from gaze.synthesis.renderer import HeadRenderer
from gaze.synthesis.sensor import GRID_PX, SensorSettings, expose
from gaze.synthesis.skin_finish import SkinFinish
from gaze.synthesis.streams import stream
from gaze.synthesis.torso import make_torso

_MARGIN_PX = 16


@dataclass(frozen=True)
class Shot:
    """What stays the same from frame to frame: light, finish of the skin, sensor, background (S, S, 3)."""

    rig: LightRig
    finish: SkinFinish
    settings: SensorSettings
    background: NDArray[np.float32] | None = None


class WebcamRenderer(PeopleRenderer):
    """Renders pictures of one camera's size. It owns an OpenGL context: use it in a ``with``, or close it."""

    def __init__(self, assets_dir: str | os.PathLike[str], camera: Camera) -> None:
        """Raises DataError without the assets, RuntimeUnavailableError without EGL."""
        self.camera = camera
        self._size_px = max(camera.width, camera.height) + 2 * _MARGIN_PX
        self.use_camera(camera)
        super().__init__(assets_dir, self._size_px)

    def use_camera(self, camera: Camera) -> None:
        """Change the lens; the picture's size stays.

        Raises:
            ValueError: the camera's picture has another size.
        """
        if (camera.width, camera.height) != (self.camera.width, self.camera.height):
            raise ValueError(
                f"this renderer draws {self.camera.width}x{self.camera.height} px, "
                f"the camera has {camera.width}x{camera.height}"
            )
        self.camera = camera
        self._lens = Lens(camera, self._size_px)

    def set_up(self, rng: np.random.Generator, head_cam_mm, clean: bool = False) -> Shot:
        """Draw a place, a background and a sensor; ``clean`` leaves out noise, blur and compression."""
        rig = LightRig.sample(rng, self.environments, head_cam_mm)
        size = max(self.camera.width, self.camera.height)
        settings = SensorSettings() if clean else for_whole_picture(SensorSettings.sample(rng, rig.lux), size)
        background = paint_background(rng, rig, self._size_px)
        return Shot(rig, SkinFinish.sample(rng), settings, background)

    def render(
        self,
        dressed: DressedPerson,
        pose: Pose,
        moment: Moment,
        shot: Shot,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.uint8], PosedHead]:
        """The picture (H, W, 3) uint8 BGR as the camera sees it, and the head in it."""
        head = pose_head(self.renderer.mesh, self.renderer.normals_of, dressed.person, pose, moment)
        picture = take_picture(self.renderer, self._lens, dressed, head, shot, rng)
        return picture, head


def take_picture(
    renderer: HeadRenderer,
    lens: Lens,
    dressed: DressedPerson,
    head: PosedHead,
    shot: Shot,
    rng: np.random.Generator,
    held: Sequence[Accessory] = (),
) -> NDArray[np.uint8]:
    """The picture (H, W, 3) uint8 BGR of a posed head through a lens; ``held`` is what is before the face."""
    camera = lens.camera
    torso = make_torso(head.R_cam_head, dressed.cloth_albedo)
    view = lens.view(head.face_centre_cam_mm)
    drawn = renderer.render(dressed, head, view, shot.rig, shot.finish, [torso, *held])
    picture = expose(_square(lens.bend(before(shot.background, drawn))), shot.settings, rng)
    return np.ascontiguousarray(picture[: camera.height, : camera.width])


def for_whole_picture(settings: SensorSettings, size_px: int) -> SensorSettings:
    """Settings that were drawn for a face crop, for a picture of ``size_px``.

    A crop covers 55 to 480 pixels of its sensor, a webcam's picture nearly all: 0.6 to 1 times its own size,
    since some webcams enlarge what their sensor gives.
    """
    least, most = GRID_PX
    place = np.log(np.clip(settings.grid_px, least, most) / least) / np.log(most / least)
    return dataclasses.replace(settings, grid_px=round(size_px * (0.6 + 0.4 * float(place))))


def _square(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pad a picture to a square at its lower right, mirrored at its edge (the sensor works on squares)."""
    height, width = picture.shape[:2]
    side = max(height, width)
    return cv2.copyMakeBorder(picture, 0, side - height, 0, side - width, cv2.BORDER_REFLECT)


class PersonAtLaptop:
    """Renders people looking at points of a screen, for the stand-in data set (its PersonRenderer).

    One renderer for each size of picture is kept, as a context is dear to make, and so is a lens; and of each
    the person who was drawn last, as painting a skin takes as long as drawing it.
    """

    def __init__(self, assets_dir: str) -> None:
        self._assets_dir = assets_dir
        self._renderers: dict[tuple[int, int], WebcamRenderer] = {}
        self._dressed: dict[WebcamRenderer, tuple[int, DressedPerson]] = {}

    def close(self) -> None:
        """Give the contexts back, and the people with them; closing twice is harmless."""
        while self._renderers:
            self._renderers.popitem()[1].close()
        self._dressed.clear()

    def render(
        self, person_seed: int, frame_seed: int, camera: Camera, target_cam_mm: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Picture, the six landmarks (6, 2) in px, and the six-point model's true R_cam_head and t_cam_mm."""
        renderer = self._renderer_for(camera)
        rng = stream(frame_seed, streams.LAPTOP + person_seed % streams.LAPTOP_COUNT)
        dressed = self._dressed_for(renderer, person_seed)
        pose = sample_laptop_pose(rng, target_cam_mm)
        shot = renderer.set_up(rng, pose.eyes_cam_mm)
        moment = sample_moment(rng, shot.rig.lux)
        picture, head = renderer.render(dressed, pose, moment, shot, rng)
        six = head.six_points_cam_mm
        return picture, camera.project(six), head.R_cam_head, six[:4].mean(axis=0)

    def _renderer_for(self, camera: Camera) -> WebcamRenderer:
        size = (camera.width, camera.height)
        if size not in self._renderers:
            self._renderers[size] = WebcamRenderer(self._assets_dir, camera)
        elif self._renderers[size].camera is not camera:
            self._renderers[size].use_camera(camera)
        return self._renderers[size]

    def _dressed_for(self, renderer: WebcamRenderer, seed: int) -> DressedPerson:
        last, dressed = self._dressed.pop(renderer, (None, None))
        if dressed is None or last != seed:
            if dressed is not None:
                dressed.release()
            dressed = dress_for_work(renderer, seed)
        self._dressed[renderer] = (seed, dressed)
        return dressed


def dress_for_work(renderer: WebcamRenderer, seed: int) -> DressedPerson:
    """The person of a seed, or the next who wears no sunglasses: nobody works at a laptop in them."""
    dressed = renderer.dress(seed)
    while dressed.worn.attributes["sunglasses"]:
        dressed.release()
        seed += 1
        dressed = renderer.dress(seed)
    return dressed


def sample_laptop_pose(rng: np.random.Generator, target_cam_mm: NDArray[np.float64]) -> Pose:
    """A head in front of a laptop, turned part of the way to the target, within reach of the eyes."""
    for _ in range(200):
        distance = float(np.clip(rng.normal(570, 90), 380, 850))
        eyes = np.array([rng.normal(0, 45), rng.normal(10, 35), distance])
        pitch, yaw = angles_from_vector(np.asarray(target_cam_mm) - eyes)
        follow = rng.uniform(0.0, 0.7)
        # Keywords, in the order in which chance is drawn.
        turned = head_rotation(
            yaw_rad=follow * yaw + np.deg2rad(rng.normal(0, 6)),
            pitch_rad=follow * pitch + np.deg2rad(rng.normal(0, 6)),
            roll_rad=np.deg2rad(rng.normal(0, 4)),
        )
        pose = Pose(turned, eyes, np.asarray(target_cam_mm, np.float64), "screen")
        if in_reach(pose):
            return pose
    return Pose(head_rotation(0.0, 0.0), np.array([0.0, 0.0, 600.0]), np.asarray(target_cam_mm), "screen")
