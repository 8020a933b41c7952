"""What runs of exported models cost in degrees: from the sidecar, else measured on the package's faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.rendered_faces import kept_apart, read_rendered_faces
from deploy.runtimes import create_runtime
from deploy.runtimes.base import Runtime
from deploy.runtimes.engines import is_installed
from gaze.errors import ModelError
from gaze.geometry import angular_error_deg
from gaze.types import ROTATION_ONLY, ModelSpec, NormalizedCamera

BATCH = 8


@dataclass(frozen=True, slots=True)
class Degrees:
    """``parity`` is the difference from torch or, ``measured_here``, from the fp32 ONNX file on the CPU."""

    parity_mean_deg: float | None = None
    parity_max_deg: float | None = None
    error_deg: float | None = None
    measured_here: bool = False


class Judge:
    """Tells the degrees of runs; the faces of a camera and what a network says of them are taken once.

    Args:
        files: the models of the folder and their sidecars.
    """

    def __init__(self, files: Mapping[Path, ModelSpec]) -> None:
        self._files = files
        self._faces: dict[NormalizedCamera, tuple[NDArray[np.uint8], NDArray[np.float64]]] = {}
        self._expected: dict[Path, NDArray[np.float64]] = {}

    def degrees(self, spec: ModelSpec, runtime: Runtime) -> Degrees:
        """Of the run of a model: as its sidecar says, or else by 64 rendered faces.

        Raises:
            GazeError: the faces, the run, or the fp32 file that it is compared with cannot be used.
        """
        if stated := spec.parity_deg.get(runtime.name):
            return Degrees(stated.get("mean"), stated.get("max"), stated.get("error"))
        faces, true_rad = self._faces_of(spec.normalized_camera)
        given = _angles(runtime, faces)
        error = angular_error_deg(given, true_rad).mean() if spec.label_space == ROTATION_ONLY else None
        expected = self._expected_of(spec, faces)
        parity = None if expected is None else angular_error_deg(given, expected)
        return Degrees(
            None if parity is None else float(parity.mean()),
            None if parity is None else float(parity.max()),
            None if error is None else float(error),
            measured_here=True,
        )

    def _faces_of(self, camera: NormalizedCamera) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        if camera not in self._faces:
            faces, true_rad = read_rendered_faces(camera)
            judging = kept_apart(len(faces))
            self._faces[camera] = faces[judging], true_rad[judging]
        return self._faces[camera]

    def _expected_of(self, spec: ModelSpec, faces: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """What the fp32 ONNX file of the same checkpoint says, None where the folder has none."""
        path = next((path for path, other in self._files.items() if _is_plain(path, other, spec)), None)
        if path is None:
            return None
        if path not in self._expected:
            engine = "onnxruntime" if is_installed("onnxruntime") else "openvino"
            with create_runtime(path, engine, precision="fp32") as runtime:
                self._expected[path] = _angles(runtime, faces)
        return self._expected[path]


def _is_plain(path: Path, spec: ModelSpec, of: ModelSpec) -> bool:
    checkpoint = of.notes.get("sha256_checkpoint")
    return (
        path.suffix == ".onnx"
        and spec.precision == "fp32"
        and checkpoint is not None
        and spec.notes.get("sha256_checkpoint") == checkpoint
        and spec.normalized_camera == of.normalized_camera
    )


def _angles(runtime: Runtime, faces: NDArray[np.uint8]) -> NDArray[np.float64]:
    parts = [
        runtime.predict(faces[begin : begin + BATCH]).pitch_yaw_rad for begin in range(0, len(faces), BATCH)
    ]
    angles = np.concatenate(parts).astype(np.float64)
    if not np.isfinite(angles).all():
        raise ModelError(f"{runtime.name}: its angles are not finite")
    return angles
