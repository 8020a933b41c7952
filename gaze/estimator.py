"""Frame -> Estimate: the stages in a row. Landmarks and network are given; nothing here is tied to either."""

from __future__ import annotations

import logging
import os
import time
import warnings
from contextlib import ExitStack
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.closer_look import CloserLook
from gaze.errors import GazeError, ModelError
from gaze.geometry import vector_from_angles
from gaze.head_pose import estimate_head_pose, face_centre_cam_mm
from gaze.landmarks import FaceDetector, create_detector
from gaze.mirrored import mirrored_if
from gaze.normalization import gaze_ray, normalize_face
from gaze.quiet_start import QuietDetector
from gaze.types import (
    ROTATION_ONLY,
    Estimate,
    Face,
    Frame,
    GazeAngles,
    HeadPose,
    ModelSpec,
    NormalizedFace,
    Prediction,
    Status,
)
from gaze.upright import is_upside_down

log = logging.getLogger("gaze")

STAGES = ("landmarks", "head_pose", "normalize", "network")


class Predictor(Protocol):
    """A loaded network: normalised faces in, gaze angles out.

    ``name`` tells the ways to run a network apart, ``description`` is a line on this one; ``precision`` is
    what it calculates in, ``threads_used`` its CPU threads, or None where it cannot tell.
    """

    spec: ModelSpec
    name: str
    description: str
    precision: str
    threads_used: int | None

    def predict(self, faces: NDArray[np.uint8]) -> Prediction:
        """Angles of a batch of faces (N, S, S, 3) BGR, N at least 1."""

    def close(self) -> None:
        """Free the model."""


class GazeEstimator:
    """Finds every face of a frame and where it looks. Keeps no state but the detector's tracking.

    ``camera``: intrinsics of the frames; they follow a change of resolution. Without it an ordinary
    webcam's field of view is assumed, with a warning. ``last_stage_ms`` holds the latest frame's time in
    milliseconds for each of STAGES. The estimator owns detector and predictor: closing it closes both.
    """

    def __init__(self, detector: FaceDetector, predictor: Predictor, camera: Camera | None = None) -> None:
        """Put the stages together.

        Raises:
            ModelError: the predictor's model wants faces that this estimator does not make.
        """
        spec = predictor.spec
        if spec.label_space != ROTATION_ONLY:
            raise ModelError(
                f"{spec.name}: label space is {spec.label_space!r}, the estimator needs {ROTATION_ONLY!r}; "
                "train on rotation-only labels (see gaze.normalization.unscale_direction)"
            )
        self.detector = detector
        self.predictor = predictor
        self.camera = camera
        self.normalized_camera = spec.normalized_camera
        self.last_stage_ms: dict[str, float] = dict.fromkeys(STAGES, 0.0)
        self._closed = False

    @classmethod
    def create(
        cls,
        camera: Camera | None = None,
        model: str | os.PathLike[str] | None = None,
        runtime: str = "auto",
        max_faces: int = 1,
        landmarks: str = "auto",
        landmark_model: str | os.PathLike[str] | None = None,
        static: bool = False,
        average_mirror: bool | None = None,
        device: str = "CPU",
        precision: str | None = None,
        threads: int | None = None,
    ) -> GazeEstimator:
        """Open detector and network, both warmed up; see create_detector and deploy.runtimes.create_runtime.

        ``average_mirror``: the mean with the mirrored face (gaze.mirrored), for twice the network's work;
        None: as the model's sidecar says.

        Raises:
            GazeError: a model file is unusable or a runtime cannot be had.
        """
        import importlib

        # By name and only here: gaze does not depend on deploy, which stands above it.
        runtimes = importlib.import_module("deploy.runtimes")
        with ExitStack() as opened:
            network = runtimes.create_runtime(model, runtime, device, precision, threads)
            predictor = mirrored_if(opened.enter_context(network), average_mirror)
            log.info("runtime %s", predictor.description)
            runtimes.warn_if_unmeasured(network, precision)
            find = QuietDetector(lambda: create_detector(landmarks, max_faces, landmark_model, static))
            detector = opened.enter_context(CloserLook(find, max_faces, static))
            estimator = cls(detector, predictor, camera)
            opened.pop_all()
        return estimator

    def estimate(self, frame: Frame | NDArray[np.uint8]) -> list[Estimate]:
        """One Estimate a face; a frame without a face gives a single one of status NO_FACE.

        Raises:
            ValueError: the picture is not uint8 BGR (H, W, 3).
            GazeError: the camera does not fit the frame's shape, the network fails, or the estimator is
                closed.
        """
        if self._closed:
            raise GazeError("the estimator is closed; estimate inside its `with`, or create another")
        if not isinstance(frame, Frame):
            frame = Frame(frame)
        camera = self._camera_of(frame)
        start = time.perf_counter()
        faces = self.detector.detect(frame)
        detected = time.perf_counter()
        poses = [estimate_head_pose(face, camera) for face in faces]
        posed = time.perf_counter()
        normalized = [
            None
            if pose is None
            else normalize_face(frame, camera, pose, face_centre_cam_mm(pose), self.normalized_camera)
            for pose in poses
        ]
        for row, view in enumerate(normalized):
            if view is None:
                continue
            R_norm_head = view.R_norm_cam @ poses[row].R_cam_head
            if is_upside_down(view.image, R_norm_head, view.view_mm):
                poses[row] = normalized[row] = None  # upright landmarks were laid over it
        seen = [face for face in normalized if face is not None]
        batch = _batch_of([face.image for face in seen])
        warped = time.perf_counter()
        prediction = None if batch is None else self._predict(batch)
        end = time.perf_counter()
        self.last_stage_ms = {
            "landmarks": (detected - start) * 1e3,
            "head_pose": (posed - detected) * 1e3,
            "normalize": (warped - posed) * 1e3,
            "network": (end - warped) * 1e3,
        }
        if not faces:
            return [Estimate(frame.index, frame.t_s, Status.NO_FACE)]
        return _gather(frame, faces, poses, normalized, prediction)

    def close(self) -> None:
        """Close the detector and the network; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            self.detector.close()
        finally:
            self.predictor.close()

    def __enter__(self) -> GazeEstimator:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _camera_of(self, frame: Frame) -> Camera:
        height, width = frame.image.shape[:2]
        if self.camera is None:
            warnings.warn(
                "no camera intrinsics: an ordinary webcam's field of view is assumed, so distances and "
                "angles are approximate; give a Camera (Camera.load, Camera.from_hfov)",
                stacklevel=3,
            )
            self.camera = Camera.guessed(width, height)
        elif (width, height) != (self.camera.width, self.camera.height):
            self.camera = self.camera.for_frame(width, height)
        return self.camera

    def _predict(self, batch: NDArray[np.uint8]) -> Prediction:
        prediction = self.predictor.predict(batch)
        angles = prediction.pitch_yaw_rad
        if angles.shape != (len(batch), 2) or not np.isfinite(angles).all():
            raise ModelError(
                f"{self.predictor.name}: gave {angles.shape} angles for {len(batch)} faces, or values that "
                "are not finite; the model file is damaged or not a gaze network"
            )
        return prediction


def _batch_of(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8] | None:
    """(N, S, S, 3) of the pictures; a single one is not copied."""
    if len(images) == 1:
        return images[0][None]
    return np.stack(images) if images else None


def _gather(
    frame: Frame,
    faces: list[Face],
    poses: list[HeadPose | None],
    normalized: list[NormalizedFace | None],
    prediction: Prediction | None,
) -> list[Estimate]:
    """Put the batch's answers back to the faces they belong to."""
    estimates = []
    row = 0
    sigma_rad = None if prediction is None else prediction.sigma_of_both_rad
    for face, pose, view in zip(faces, poses, normalized, strict=True):
        if view is None or prediction is None:
            estimates.append(Estimate(frame.index, frame.t_s, Status.POSE_FAILED, face, pose))
            continue
        pitch_rad, yaw_rad = (float(angle) for angle in prediction.pitch_yaw_rad[row])
        ray = gaze_ray(vector_from_angles((pitch_rad, yaw_rad)), view)
        weight_map = None if prediction.weight_map is None else prediction.weight_map[row]
        estimates.append(
            Estimate(
                frame_index=frame.index,
                t_s=frame.t_s,
                status=Status.OK,
                face=face,
                head_pose=pose,
                normalized=view,
                gaze=GazeAngles(pitch_rad, yaw_rad, None if sigma_rad is None else float(sigma_rad[row])),
                ray=ray,
                weight_map=weight_map,
            )
        )
        row += 1
    return estimates
