"""From settings to the running parts: camera and estimator."""

from __future__ import annotations

import logging

from deploy.network_options import network_settings
from deploy.run_config import RunConfig
from deploy.sources.captures import PREFERRED_SIZE
from deploy.truth import Truth
from gaze.camera import ASSUMED_HFOV_DEG, Camera
from gaze.estimator import GazeEstimator

log = logging.getLogger("gaze")


def choose_camera(config: RunConfig, truth: Truth | None = None) -> Camera:
    """The intrinsics to start from; the estimator fits them to the size of the frames.

    Raises:
        GazeError: the file is unusable, or the field of view out of range.
    """
    if config.camera is not None:
        return Camera.load(config.camera)
    if config.hfov is not None:
        return Camera.from_hfov(config.hfov, *PREFERRED_SIZE)
    if truth is not None:
        return truth.camera
    log.warning(
        "camera unknown: a horizontal field of view of %.0f degrees is assumed. Distances are then off by "
        "the same factor as the focal length, and gaze away from the middle of the picture by some degrees; "
        "give --hfov DEG or --camera camera.json (`gaze calibrate camera`)",
        ASSUMED_HFOV_DEG,
    )
    return Camera.guessed(*PREFERRED_SIZE)


def estimator_of(config: RunConfig, camera: Camera, sequence: bool) -> GazeEstimator:
    """The estimator that a run's settings ask for; errors as of GazeEstimator.create."""
    return GazeEstimator.create(
        camera,
        **network_settings(config),
        max_faces=config.max_faces,
        static=not sequence,
    )
