"""Which layers an engine that calculates in bf16 must keep in fp32."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.runtimes import create_runtime
from deploy.runtimes.openvino_fp32_layers import NOTE
from export.layers import blocks
from export.parity import MAX_DEG, predict_batched
from gaze.geometry import angular_error_deg
from gaze.model_spec import save_spec, sidecar_path
from gaze.types import ModelSpec

# More at each try. bf16 has 8 significant bits, which early layers hand on to all others; each try costs some
# hundredths of a millisecond a face.
FALLBACKS: tuple[tuple[str, ...], ...] = ((), blocks(*range(7)), blocks(*range(11)), blocks(*range(14)))
# Other faces will be a little further off.
TRY_DEG = 0.9 * MAX_DEG["bf16"]


def layers_in_fp32(
    path: Path, spec: ModelSpec, faces: NDArray[np.uint8], expected_rad: NDArray[np.float64]
) -> list[str]:
    """The fewest groups with which the model, in bf16 on OpenVINO, keeps the bound; else the best.

    Args:
        path: the model; its sidecar is written anew at each try.
        faces: (N, S, S, 3) uint8 BGR.
        expected_rad: (N, 2) angles of the float network for these faces.

    Raises:
        GazeError: OpenVINO does not run the model.
        OSError: the sidecar cannot be written.
    """
    tried: list[tuple[float, list[str]]] = []
    for groups in map(list, FALLBACKS):
        save_spec(dataclasses.replace(spec, notes=spec.notes | {NOTE: groups}), sidecar_path(path))
        with create_runtime(path, "openvino", "CPU", "bf16") as runtime:
            off_deg = angular_error_deg(predict_batched(runtime, faces), expected_rad).max()
        if off_deg <= TRY_DEG:
            return groups
        tried.append((float(off_deg), groups))
    return min(tried)[1]
