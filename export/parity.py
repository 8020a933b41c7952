"""What an exported model costs in degrees: every runtime against the torch network, face by face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.runtimes.base import Runtime
from export.faces import FaceSet
from gaze.errors import ModelError
from gaze.evenly import evenly_spread
from gaze.geometry import angular_error_deg
from gaze.training.face_errors import predict_faces

BATCH = 16
# Single calls cost one pass each; so many show a difference between batched and single as well as more.
SINGLES = 32
MAX_DEG = {"fp32": 0.01, "fp16": 0.3, "bf16": 0.3}
INT8_MEAN_DEG = 0.3
INT8_LOSS_DEG = 0.25


@dataclass(frozen=True, slots=True)
class Parity:
    """Angles in degrees between an artefact and the torch network over the same faces.

    ``single_max_deg`` is the largest difference between a face alone and the same face in a batch of the
    artefact itself. ``loss_deg`` is the artefact's mean error less that of the torch network, on faces whose
    labels are known.
    """

    name: str
    precision: str
    faces: int
    mean_deg: float
    p99_deg: float
    max_deg: float
    single_max_deg: float
    error_deg: float | None = None
    loss_deg: float | None = None

    def as_json(self) -> dict[str, float]:
        """The sidecar's entry."""
        entry = {
            "mean": self.mean_deg,
            "p99": self.p99_deg,
            "max": self.max_deg,
            "batched_against_single_max": self.single_max_deg,
            "faces": self.faces,
        }
        if self.loss_deg is not None and self.error_deg is not None:
            entry |= {"error": self.error_deg, "loss": self.loss_deg}
        return entry

    def broken_bounds(self) -> list[str]:
        """The bounds that this artefact does not keep, in words."""
        if not np.isfinite([self.mean_deg, self.single_max_deg]).all():
            return ["its angles are not finite"]
        if self.precision.startswith("int8"):
            broken = []
            if self.mean_deg > INT8_MEAN_DEG:
                broken.append(f"mean {self.mean_deg:.3f} degrees, at most {INT8_MEAN_DEG} allowed for int8")
            if self.loss_deg is not None and self.loss_deg > INT8_LOSS_DEG:
                broken.append(
                    f"{self.loss_deg:.3f} degrees of accuracy lost, at most {INT8_LOSS_DEG} allowed"
                )
            return broken
        bound = MAX_DEG[self.precision]
        return [
            f"{what} {value:.4f} degrees, at most {bound} allowed for {self.precision}"
            for what, value in (
                ("maximum", self.max_deg),
                ("batched against single", self.single_max_deg),
            )
            if value > bound
        ]


def predict_batched(predictor: Runtime, faces: NDArray[np.uint8], batch: int = BATCH) -> NDArray[np.float64]:
    """Angles (N, 2) in radians of faces (N, S, S, 3), so many at a time."""
    return predict_faces(predictor, faces, batch=batch).pitch_yaw_rad.astype(np.float64)


def compare(
    artefact: Runtime, precision: str, reference_rad: NDArray[np.float64], sets: Sequence[FaceSet]
) -> Parity:
    """Run the faces through the artefact, batched and one by one, and hold the angles against the reference.

    Args:
        precision: the bound that holds.
        reference_rad: (N, 2) angles that the torch network gives for the faces of all sets, in their order.

    Raises:
        ModelError: there is no face to compare with.
    """
    faces = np.concatenate([item.faces for item in sets]) if sets else np.empty(0)
    if len(faces) == 0:
        raise ModelError("parity: there is no face to compare with; give --faces")
    ours, theirs = predict_batched(artefact, faces), reference_rad
    shown = evenly_spread(len(faces), SINGLES)
    single = predict_batched(artefact, faces[shown], batch=1)
    differences = _degrees(ours, theirs)
    error_deg, loss_deg = _label_errors(ours, theirs, sets)
    return Parity(
        name=artefact.name,
        precision=precision,
        faces=len(faces),
        mean_deg=float(differences.mean()),
        p99_deg=float(np.percentile(differences, 99)),
        max_deg=float(differences.max()),
        single_max_deg=float(_degrees(single, ours[shown]).max()),
        error_deg=error_deg,
        loss_deg=loss_deg,
    )


def breaches(results: Sequence[Parity]) -> list[str]:
    """Each bound that one of the results breaks, with the name of the run."""
    return [f"{item.name}: {text}" for item in results for text in item.broken_bounds()]


def _degrees(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.isfinite(first).all(axis=-1) & np.isfinite(second).all(axis=-1)
    degrees = np.full(len(first), np.nan)
    degrees[whole] = angular_error_deg(first[whole], second[whole])
    return degrees


def _label_errors(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], sets: Sequence[FaceSet]
) -> tuple[float, float] | tuple[None, None]:
    at, mine, reference = 0, [], []
    for item in sets:
        rows = slice(at, at + len(item))
        at += len(item)
        if item.pitch_yaw_rad is not None:
            mine.append(_degrees(ours[rows], item.pitch_yaw_rad))
            reference.append(_degrees(theirs[rows], item.pitch_yaw_rad))
    if not mine:
        return None, None
    error = float(np.concatenate(mine).mean())
    return error, error - float(np.concatenate(reference).mean())
