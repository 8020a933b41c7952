"""The options that name network, engine and landmarks, for every command that runs the live stages."""

from __future__ import annotations

import argparse
from typing import Any

from deploy.runtimes.base import PRECISIONS
from gaze.landmarks import KINDS
from gaze.model_spec import DEFAULT_MODEL
from gaze.option_types import at_least_one

# Names of the options, which are also those of gaze.estimator.GazeEstimator.create.
SETTINGS = (
    "model",
    "runtime",
    "device",
    "precision",
    "threads",
    "average_mirror",
    "landmarks",
    "landmark_model",
)


def add_network_options(group: argparse._ActionsContainer) -> None:
    """Which network, on what engine, and what finds the face."""
    group.add_argument(
        "--model",
        help="network (.onnx, .xml, .pt, .engine), or the name of one in the package "
        f"(default: {DEFAULT_MODEL.stem})",
    )
    add_engine_options(group)
    group.add_argument(
        "--threads", type=at_least_one, metavar="N", help="CPU threads of the network (default: all cores)"
    )
    add_mirror_option(group)
    group.add_argument(
        "--landmarks",
        choices=KINDS,
        default="auto",
        help="which MediaPipe interface finds the face; auto takes mesh where it is there",
    )
    group.add_argument("--landmark-model", metavar="TASK", help="face_landmarker.task, for --landmarks tasks")


def add_engine_options(group: argparse._ActionsContainer) -> None:
    """What runs the network: --runtime, --device and --precision."""
    group.add_argument(
        "--runtime",
        default="auto",
        help="auto, onnxruntime, openvino, torch or tensorrt; auto says what it chose",
    )
    group.add_argument(
        "--device", default="CPU", help="as the runtime names it, such as CPU, GPU, NPU, CUDA, TENSORRT"
    )
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="what the runtime calculates in (default: the network's own; auto may take bf16)",
    )


def add_mirror_option(group: argparse._ActionsContainer) -> None:
    """Whether a face is read mirrored too: --average-mirror, None where it was not given."""
    group.add_argument(
        "--average-mirror",
        action=argparse.BooleanOptionalAction,
        help="mean with the mirrored face: more accurate, twice the work (default: as the network's "
        "sidecar says; of those in the package that of 160 px does, that of 112 px does not)",
    )


def network_settings(options: Any) -> dict[str, object]:
    """What these options say, as arguments of GazeEstimator.create; ``options`` has them as attributes."""
    return {name: getattr(options, name) for name in SETTINGS}
