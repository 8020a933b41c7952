"""From settings to the running parts: camera, estimator, pipeline."""

from __future__ import annotations

import logging

import numpy as np

from deploy.native_logs import without_start_noise
from deploy.run_config import RunConfig
from deploy.runtimes import create_runtime
from deploy.truth import Truth
from gaze.camera import ASSUMED_HFOV_DEG, Camera
from gaze.estimator import GazeEstimator
from gaze.landmarks import create_detector
from gaze.types import Frame

log = logging.getLogger("gaze")


def choose_camera(config: RunConfig, truth: Truth | None = None) -> Camera:
    """The intrinsics to start from; the estimator fits them to the size of the frames.

    Raises:
        GazeError: the file is unusable, or the field of view out of range.
    """
    if config.camera is not None:
        return Camera.load(config.camera)
    if config.hfov is not None:
        return Camera.from_hfov(config.hfov, 1280, 720)
    if truth is not None:
        return truth.camera
    log.warning(
        "camera unknown: a horizontal field of view of %.0f degrees is assumed. Distances are then off by "
        "the same factor as the focal length, and gaze away from the middle of the picture by some degrees; "
        "give --hfov DEG or --camera camera.json (`gaze calibrate camera`)",
        ASSUMED_HFOV_DEG,
    )
    return Camera.guessed(1280, 720)


def build_estimator(config: RunConfig, camera: Camera, sequence: bool) -> GazeEstimator:
    """Open the detector and the network; the runtime says what it is.

    Raises:
        GazeError: a model is missing or unusable, a runtime or device is not to be had.
    """
    predictor = create_runtime(config.model, config.runtime, config.device, config.precision, config.threads)
    log.info("runtime %s", predictor.description)
    try:
        with without_start_noise():
            detector = create_detector(
                config.landmarks, config.max_faces, config.landmark_model, static=not sequence
            )
            # The first picture makes MediaPipe load; better now than in the middle of the first frame.
            detector.detect(Frame(np.zeros((48, 64, 3), np.uint8), 0, -1.0))
    except BaseException:
        predictor.close()
        raise
    return GazeEstimator(detector, predictor, camera)
