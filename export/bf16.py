"""Which layers an engine that calculates in bf16 must keep in fp32."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.runtimes import create_runtime
from deploy.runtimes.openvino_fp32_layers import NOTE
from export.layers import ENDS, SPATIAL_WEIGHTS, WEIGHTED, blocks
from export.parity import MAX_DEG, predict_batched
from gaze.geometry import angular_error_deg
from gaze.model_spec import save_spec, sidecar_path
from gaze.types import ModelSpec

# More at each try; each costs some hundredths of a millisecond a face. bf16 has 8 significant bits: a picture
# loses shades by it, early layers hand on to all others what rounding did to them, and angles of half a
# radian have steps of a fifth of a degree (those of files with weights in fp16 would come out so). Blocks 9
# and 10 round less than 11, the first one of 96 channels.
FALLBACKS: tuple[tuple[str, ...], ...] = (
    ENDS + blocks(*range(2)),
    ENDS + blocks(*range(4)),
    ENDS + blocks(*range(7)),
    ENDS + blocks(*range(9), 11),
    ENDS + blocks(*range(14)) + (*SPATIAL_WEIGHTS, WEIGHTED),
)
# The largest of some hundred differences; that of 480 other faces was up to half as large again.
TRY_DEG = 0.75 * MAX_DEG["bf16"]


def with_layers_in_fp32(
    path: Path,
    make: Callable[[tuple[str, ...]], ModelSpec],
    faces: NDArray[np.uint8],
    expected_rad: NDArray[np.float64],
    tries: Sequence[tuple[str, ...]],
) -> ModelSpec:
    """Make the model by the first of the tries that keeps the bound in bf16 on OpenVINO, else by the best.

    Args:
        path: where the model lies once it is made; its sidecar is written here.
        make: makes it for these groups in float; gives its sidecar's content.
        faces: (N, S, S, 3) uint8 BGR.
        expected_rad: (N, 2) angles of the float network for these faces.
        tries: groups that stay in float, the fewest first.

    Raises:
        GazeError: OpenVINO does not run the model.
        OSError: the files cannot be written.
    """

    def attempt(in_float: tuple[str, ...]) -> ModelSpec:
        spec = make(in_float)
        spec = dataclasses.replace(spec, notes=spec.notes | {NOTE: list(in_float)})
        save_spec(spec, sidecar_path(path))
        return spec

    tried: list[tuple[float, tuple[str, ...]]] = []
    for in_float in tries:
        spec = attempt(in_float)
        with create_runtime(path, "openvino", "CPU", "bf16") as runtime:
            off_deg = angular_error_deg(predict_batched(runtime, faces), expected_rad).max()
        if off_deg <= TRY_DEG:
            return spec
        tried.append((float(off_deg), in_float))
    return attempt(min(tried)[1])
