"""Training crops as the live pipeline cuts them: out of a webcam's picture, by landmarks and head pose.

The webcam has a lens with distortion; its user knows the lens, or has only an assumed field of view. Of the
picture a square about the face is rendered, at the resolution that the webcam has there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.estimator import GazeEstimator
from gaze.landmarks import MIN_SIDE_PX, create_detector
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA, normalizing_warp
from gaze.quiet_start import QuietDetector
from gaze.synthesis.accessory import Accessory
from gaze.synthesis.background import paint_background
from gaze.synthesis.dressed import DressedPerson
from gaze.synthesis.lens import Lens, with_lens
from gaze.synthesis.posed_head import PosedHead
from gaze.synthesis.renderer import HeadRenderer
from gaze.synthesis.sensor import GRID_PX
from gaze.synthesis.view import View
from gaze.synthesis.webcam import Shot, for_whole_picture, take_picture
from gaze.types import ModelSpec, NormalizedFace, Prediction, Status

# Side of the square about the face, and its finest resolution, that of crops of 224 px, for which blur is
# drawn too: finer webcams are used at a coarser one.
REGION_MM, FINEST_PX_MM = 260.0, 1.6
# A face that is found farther from the true one, seen from the camera, is another.
SAME_FACE_MM = 25.0
# Share of users who have calibrated their camera.
CALIBRATED_SHARE = 0.5
# The squares that are drawn have whole multiples of that side, so that few sizes are needed.
_STEP_PX = 64


@dataclass(frozen=True, slots=True)
class PipelineView(View):
    """A crop out of a picture: ``lens`` is the camera that took it, ``known`` what its user knows of it."""

    lens: Camera
    known: Camera

    def project(self, points_cam_mm) -> NDArray[np.float64]:
        """Crop px (N, 2) of camera-frame points (N, 3): through the lens, then as the user undoes it."""
        target = DEFAULT_NORMALIZED_CAMERA.resized(self.size_px)
        W = normalizing_warp(self.known.K, self.R_norm_cam, self.centre_cam_mm, target)
        px = self.known.undistort(self.lens.project(points_cam_mm))
        q = np.concatenate([px, np.ones((len(px), 1))], axis=1) @ W.T
        return q[:, :2] / q[:, 2:]


@dataclass(frozen=True, slots=True)
class PipelineCrop:
    """A crop (S, S, 3) uint8 BGR with its view, and the picture (H, W, 3) uint8 BGR that it is out of.

    ``grid_px`` of the sensor lie across it; the picture's defocus and smear (see SensorSettings) are in px of
    the crop.
    """

    image: NDArray[np.uint8]
    view: PipelineView
    picture: NDArray[np.uint8]
    grid_px: int
    defocus_px: float
    smear_px: float


class LivePipeline:
    """The stages of the live loop before the network, on pictures that have nothing to do with each other."""

    def __init__(self, size_px: int) -> None:
        """``size_px`` of the crops.

        Raises:
            GazeError: there are no landmark models.
        """
        detector = QuietDetector(lambda: create_detector(static=True))
        self._estimator = GazeEstimator(detector, _NoNetwork(size_px))

    def crop(self, picture: NDArray[np.uint8], known: Camera) -> NormalizedFace | None:
        """The normalised face of a picture (H, W, 3) uint8 BGR by the camera that its user knows, if any."""
        self._estimator.camera = known
        estimate = self._estimator.estimate(picture)[0]
        return estimate.normalized if estimate.status is Status.OK else None

    def close(self) -> None:
        """Close the detector, whose threads and memory would stay; closing twice is harmless."""
        self._estimator.close()


class _NoNetwork:
    """A predictor that looks at nothing: only the crops are wanted."""

    name = description = "none"
    precision, threads_used = "fp32", None

    def __init__(self, size_px: int) -> None:
        self.spec = ModelSpec("none", size_px, DEFAULT_NORMALIZED_CAMERA.resized(size_px))

    def predict(self, faces: NDArray[np.uint8]) -> Prediction:
        """Zeros."""
        return Prediction(np.zeros((len(faces), 2)))

    def close(self) -> None:
        """Nothing is held."""


def pipeline_crop(
    rng: np.random.Generator,
    pipeline: LivePipeline,
    renderer: HeadRenderer,
    dressed: DressedPerson,
    head: PosedHead,
    shot: Shot,
    camera: Camera,
    held: Sequence[Accessory] = (),
) -> PipelineCrop | None:
    """Photograph a posed head with the webcam ``camera`` and a lens of its own, and cut the crop from that.

    ``shot`` is that of an ordinary crop; its background is not used. None where the webcam is too coarse for
    that distance, or the pipeline finds no face, or another one.
    """
    true = with_lens(rng, camera)
    known = true if rng.random() < CALIBRATED_SHARE else Camera.guessed(camera.width, camera.height)
    centre_mm = head.face_centre_cam_mm
    px_mm = camera.K[0, 0] / centre_mm[2]
    if px_mm > FINEST_PX_MM:
        size = [round(side * FINEST_PX_MM / px_mm) for side in (camera.width, camera.height)]
        true, known, px_mm = true.resized(*size), known.resized(*size), FINEST_PX_MM
    region = _region(true, centre_mm, px_mm)
    true, known = true.cropped(*region), known.cropped(*region)
    side_px = max(true.width, true.height)
    settings = for_whole_picture(shot.settings, side_px)
    grid_px = round(DEFAULT_NORMALIZED_CAMERA.view_mm * px_mm * settings.grid_px / side_px)
    if grid_px < GRID_PX[0]:
        return None
    blur = px_mm / FINEST_PX_MM
    settings = dataclasses.replace(
        settings, defocus_px=blur * settings.defocus_px, motion_px=blur * settings.motion_px
    )
    lens = Lens(true, step_px=_STEP_PX)
    background = paint_background(rng, shot.rig, lens.size_px)
    shot = dataclasses.replace(shot, settings=settings, background=background)
    picture = take_picture(renderer, lens, dressed, head, shot, rng, held)
    face = pipeline.crop(picture, known)
    if face is None:
        return None
    apart_px = known.project(face.centre_cam_mm[None]) - true.project(centre_mm[None])
    if np.linalg.norm(apart_px) > SAME_FACE_MM * px_mm:
        return None
    size_px = face.image.shape[0]
    focal_px = size_px / face.view_mm * float(np.linalg.norm(face.centre_cam_mm))
    middle_px = (size_px / 2.0, size_px / 2.0)
    view = PipelineView(
        R_norm_cam=face.R_norm_cam,
        focal_px=focal_px,
        size_px=size_px,
        middle_px=middle_px,
        centre_cam_mm=face.centre_cam_mm,
        lens=true,
        known=known,
    )
    # Of the crop, across a px of the picture.
    finer = size_px / (DEFAULT_NORMALIZED_CAMERA.view_mm * px_mm)
    return PipelineCrop(
        face.image, view, picture, grid_px, finer * settings.defocus_px, finer * settings.smear_px
    )


def _region(camera: Camera, centre_cam_mm: NDArray[np.float64], px_mm: float) -> tuple[int, int, int, int]:
    """Left, top, width and height in px of the square about a face, as far as the picture reaches."""
    middle = camera.project(centre_cam_mm[None])[0]
    half = 0.5 * REGION_MM * px_mm
    size = (camera.width, camera.height)
    low = np.clip(np.round(middle - half), 0, np.subtract(size, MIN_SIDE_PX)).astype(int)
    high = np.clip(np.round(middle + half), low + MIN_SIDE_PX, size).astype(int)
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])
