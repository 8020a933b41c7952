"""What happens to one frame: estimate, track, gate, smooth, complete. No window, file or thread."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from deploy.gates import BlinkGate, FrozenGate, GateConfig, sharpness
from deploy.hooks import EstimateHook
from deploy.smoothing import GazeSmoother, SmoothingConfig
from deploy.tracking import FaceTracker
from gaze.camera import Camera
from gaze.geometry import angles_from_vector
from gaze.normalization import normalize_direction
from gaze.types import Estimate, Frame, GazeAngles, GazeRay, Status


class Estimator(Protocol):
    """The part of gaze.estimator.GazeEstimator that the loop uses."""

    camera: Camera | None
    last_stage_ms: dict[str, float]

    def estimate(self, frame: Frame) -> list[Estimate]:
        """One estimate a face; a single one with status NO_FACE for a picture without."""


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One frame and everything found in it. ``estimates`` is empty when there is no face.

    ``unsmoothed`` are the same faces before smoothing; empty where nothing is smoothed.
    """

    frame: Frame
    status: Status
    estimates: tuple[Estimate, ...]
    camera: Camera | None
    stage_ms: Mapping[str, float]
    events: Sequence[Mapping[str, object]] = field(default=())
    unsmoothed: tuple[Estimate, ...] = ()

    @property
    def total_ms(self) -> float:
        """Milliseconds from frame to finished estimates, drawing excluded."""
        return sum(self.stage_ms.values())


class Pipeline:
    """The stages of the live loop in a row.

    ``smoothing`` None leaves directions as the network gives them. ``sequence`` False treats every frame
    as a picture of its own: nothing is tracked, smoothed or compared.
    """

    def __init__(
        self,
        estimator: Estimator,
        *,
        gates: GateConfig | None = None,
        smoothing: SmoothingConfig | None = None,
        hook: EstimateHook | None = None,
        sequence: bool = True,
    ) -> None:
        gates = gates or GateConfig()
        self._estimator = estimator
        self._sharpness_limit = gates.sharpness
        self._sigma_limit_rad = math.radians(gates.sigma_deg) if gates.sigma_deg > 0 else math.inf
        self._blink = BlinkGate(gates.eye_open)
        self._frozen = FrozenGate(gates.frozen_s if sequence else 0.0)
        self._tracker = FaceTracker()
        self._smoother = GazeSmoother(smoothing) if smoothing is not None and sequence else None
        self._sequence = sequence
        self.hook = hook

    def process(self, frame: Frame) -> FrameResult:
        """Everything known of one frame."""
        found = [estimate for estimate in self._estimator.estimate(frame) if estimate.face is not None]
        stage_ms = dict(self._estimator.last_stage_ms)
        start = time.perf_counter()
        frozen = self._frozen(frame.image, frame.t_s)
        estimates = [self._gated(estimate, frozen) for estimate in self._tracked(found, frame.t_s)]
        unsmoothed: tuple[Estimate, ...] = ()
        if self._smoother is not None:
            unsmoothed = tuple(estimates)
            estimates = [self._smoothed(estimate, self._smoother) for estimate in estimates]
        events: Sequence[Mapping[str, object]] = ()
        if self.hook is not None:
            estimates = [self.hook(estimate) for estimate in estimates]
            events = tuple(self.hook.events())
        stage_ms["filters"] = (time.perf_counter() - start) * 1000.0
        status = frame_status(estimates, frozen)
        camera = self._estimator.camera
        return FrameResult(
            frame=frame,
            status=status,
            estimates=tuple(estimates),
            camera=camera,
            stage_ms=stage_ms,
            events=events,
            unsmoothed=unsmoothed,
        )

    def _tracked(self, estimates: list[Estimate], t_s: float) -> list[Estimate]:
        if not self._sequence:
            self._tracker.reset()
        ids = self._tracker.update([estimate.face.box_px for estimate in estimates], t_s)
        self._blink.forget_all_but(set(ids))
        return [
            dataclasses.replace(estimate, face=dataclasses.replace(estimate.face, track_id=track_id))
            for estimate, track_id in zip(estimates, ids, strict=True)
        ]

    def _gated(self, estimate: Estimate, frozen: bool) -> Estimate:
        closed = self._blink(estimate.face.track_id, estimate.face.eye_open)
        if estimate.status is not Status.OK:
            return estimate
        if frozen:
            status = Status.FROZEN
        elif closed:
            status = Status.BLINK
        elif (
            self._sharpness_limit > 0
            and estimate.normalized is not None
            and sharpness(estimate.normalized.image, estimate.normalized.view_mm) < self._sharpness_limit
        ):
            status = Status.BLUR
        elif estimate.gaze is not None and (estimate.gaze.sigma_rad or 0.0) > self._sigma_limit_rad:
            status = Status.UNSURE
        else:
            return estimate
        return dataclasses.replace(estimate, status=status, gaze=None, ray=None)

    def _smoothed(self, estimate: Estimate, smoother: GazeSmoother) -> Estimate:
        if estimate.ray is None or estimate.normalized is None or estimate.gaze is None:
            return estimate
        direction = smoother(estimate.face.track_id, estimate.ray.direction_cam, estimate.t_s)
        pitch, yaw = angles_from_vector(normalize_direction(direction, estimate.normalized.R_norm_cam))
        return dataclasses.replace(
            estimate,
            gaze=GazeAngles(float(pitch), float(yaw), estimate.gaze.sigma_rad),
            ray=GazeRay(estimate.ray.origin_cam_mm, direction),
        )


def frame_status(estimates: Sequence[Estimate], frozen: bool) -> Status:
    """One status for the frame: frozen, no face, OK when any face is, else that of the first face."""
    if frozen:
        return Status.FROZEN
    if not estimates:
        return Status.NO_FACE
    if any(estimate.status is Status.OK for estimate in estimates):
        return Status.OK
    return estimates[0].status
