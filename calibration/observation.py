"""One camera frame as a calibration sees it: one person with open eyes, or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Samples
from gaze.geometry import FloatArray
from gaze.types import Estimate, Status

# Eyes less open than this on average (0 closed to 1 open) are in a blink, or hide so much of the iris that
# the estimate is a guess. This is where the live loop's gate ends a blink; it begins one only at 0.14
# (deploy.gates), and a gaze shown is to have no more gaps than it must. Calibration can spare the frames.
EYE_OPEN_MIN = 0.18


@dataclass(frozen=True, slots=True)
class Observation:
    """A usable frame has ``problem`` None and all of the rest; otherwise ``problem`` is a short phrase.

    ``pitch_yaw_rad`` (2,) in the normalised frame; ``R_norm_cam``, ``R_cam_head`` (3, 3);
    ``origin_cam_mm`` (3,).
    """

    t_s: float
    problem: str | None = None
    pitch_yaw_rad: FloatArray | tuple[float, float] | None = None
    R_norm_cam: FloatArray | None = None
    R_cam_head: FloatArray | None = None
    origin_cam_mm: FloatArray | None = None


PROBLEMS = {
    Status.NO_FACE: "no face in view",
    Status.POSE_FAILED: "the head is not clear to see",
    Status.BLINK: "eyes closed",
    Status.BLUR: "the picture is blurred",
    Status.FROZEN: "the camera stands still",
    Status.UNSURE: "the eyes are not clear to see",
}


def observe(estimates: Sequence[Estimate], t_s: float | None = None) -> Observation:
    """Judge the estimates of one frame.

    ``t_s`` overrides the time, for the case that there is no estimate at all.
    """
    faces = [estimate for estimate in estimates if estimate.face is not None]
    time_s = t_s if t_s is not None else (estimates[0].t_s if estimates else 0.0)
    if not faces:
        return Observation(time_s, PROBLEMS[Status.NO_FACE])
    if len(faces) > 1:
        return Observation(time_s, "two people in view" if len(faces) == 2 else "several people in view")
    estimate = faces[0]
    if estimate.status is not Status.OK:
        return Observation(time_s, PROBLEMS.get(estimate.status, estimate.status.value))
    if estimate.gaze is None or estimate.normalized is None or estimate.head_pose is None:
        return Observation(time_s, PROBLEMS[Status.POSE_FAILED])
    if float(estimate.face.eye_open.mean()) < EYE_OPEN_MIN:
        return Observation(time_s, PROBLEMS[Status.BLINK])
    return Observation(
        t_s=time_s,
        problem=None,
        pitch_yaw_rad=(estimate.gaze.pitch_rad, estimate.gaze.yaw_rad),
        R_norm_cam=estimate.normalized.R_norm_cam,
        R_cam_head=estimate.head_pose.R_cam_head,
        origin_cam_mm=estimate.normalized.centre_cam_mm,
    )


def samples_of(
    observations: Sequence[Observation],
    targets_px: Sequence[tuple[float, float]],
    look: int | Sequence[int],
    place: int | Sequence[int],
) -> Samples:
    """Rows for usable observations, each with its target on the screen."""
    n = len(observations)
    if n == 0:
        return Samples.empty()
    return Samples(
        t_s=np.array([item.t_s for item in observations]),
        pitch_yaw_rad=np.array([item.pitch_yaw_rad for item in observations], dtype=np.float64),
        R_norm_cam=np.array([item.R_norm_cam for item in observations]),
        R_cam_head=np.array([item.R_cam_head for item in observations]),
        origin_cam_mm=np.array([item.origin_cam_mm for item in observations]),
        target_px=np.array(targets_px, dtype=np.float64).reshape(n, 2),
        look=np.broadcast_to(np.asarray(look, dtype=np.int64), (n,)).copy(),
        place=np.broadcast_to(np.asarray(place, dtype=np.int64), (n,)).copy(),
    )
