"""The science: from a camera frame to a gaze ray.

The names of daily use can be had from here (`from gaze import GazeEstimator, Camera`); each is imported
when it is first asked for, so that `import gaze` alone loads nothing heavy.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

# From 1.29 on onnxruntime reports its use to its maker, and keeps a file for that in the user's cache, unless
# this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from gaze.camera import Camera
    from gaze.errors import GazeError
    from gaze.estimator import GazeEstimator
    from gaze.landmarks import create_detector
    from gaze.types import (
        Estimate,
        Face,
        Frame,
        GazeAngles,
        GazeRay,
        HeadPose,
        ModelSpec,
        NormalizedCamera,
        NormalizedFace,
        PointOfGaze,
        Prediction,
        Status,
    )

_MODULE_OF = {
    "Camera": "gaze.camera",
    "GazeError": "gaze.errors",
    "GazeEstimator": "gaze.estimator",
    "create_detector": "gaze.landmarks",
    **dict.fromkeys(
        (
            "Estimate",
            "Face",
            "Frame",
            "GazeAngles",
            "GazeRay",
            "HeadPose",
            "ModelSpec",
            "NormalizedCamera",
            "NormalizedFace",
            "PointOfGaze",
            "Prediction",
            "Status",
        ),
        "gaze.types",
    ),
}

__all__ = [
    "Camera",
    "Estimate",
    "Face",
    "Frame",
    "GazeAngles",
    "GazeError",
    "GazeEstimator",
    "GazeRay",
    "HeadPose",
    "ModelSpec",
    "NormalizedCamera",
    "NormalizedFace",
    "PointOfGaze",
    "Prediction",
    "Status",
    "create_detector",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'gaze' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
