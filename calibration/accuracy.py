"""Accuracy and precision as makers of eye trackers state them: per target, in degrees, cm and px.

Accuracy: the angle between the mean point of a look and its target. Precision: the RMS of the angles from
sample to sample, and the standard deviation about the mean (Holmqvist et al., Eye Tracking, 2011, ch. 2).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from calibration.locate import View, points_mm
from calibration.person import Correction
from calibration.samples import Samples
from calibration.screen import Screen
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray, angular_error_rad


@dataclass(frozen=True, slots=True)
class TargetAccuracy:
    """One look: target and mean hit in screen px; accuracy, precision and the mean error of one frame in
    degrees; accuracy in cm and px; frames used."""

    target_px: tuple[float, float]
    hit_px: tuple[float, float]
    accuracy_deg: float
    accuracy_cm: float
    accuracy_px: float
    rms_s2s_deg: float
    sd_deg: float
    frame_error_deg: float
    frames: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """All looks of a validation, and their means."""

    targets: tuple[TargetAccuracy, ...]
    accuracy_deg: float
    accuracy_cm: float
    accuracy_px: float
    rms_s2s_deg: float
    sd_deg: float
    frame_error_deg: float

    def to_json(self) -> dict[str, object]:
        """Plain numbers."""
        return asdict(self)

    def text(self, title: str) -> str:
        """A table for people."""
        lines = [
            title,
            "  target px        hit px        accuracy deg    cm     px   RMS-S2S deg   SD deg   frames",
        ]
        for row in self.targets:
            (x, y), (hit_x, hit_y) = row.target_px, row.hit_px
            lines.append(
                f"  {x:5.0f},{y:5.0f}   {hit_x:6.0f},{hit_y:6.0f}"
                f"   {row.accuracy_deg:12.2f} {row.accuracy_cm:5.1f} {row.accuracy_px:6.0f}"
                f"   {row.rms_s2s_deg:11.2f} {row.sd_deg:8.2f} {row.frames:8d}"
            )
        lines.append(
            f"  {'mean':<28} {self.accuracy_deg:12.2f} {self.accuracy_cm:5.1f} {self.accuracy_px:6.0f}"
            f"   {self.rms_s2s_deg:11.2f} {self.sd_deg:8.2f}"
        )
        return "\n".join(lines)


def view_of(samples: Samples) -> View:
    """The estimates of samples, without their targets."""
    return View(samples.pitch_yaw_rad, samples.R_norm_cam, samples.R_cam_head, samples.origin_cam_mm)


def measure(samples: Samples, correction: Correction, screen: Screen) -> Accuracy:
    """Accuracy and precision of a correction on looks.

    Raises:
        CalibrationError: there is no sample whose line of sight meets the screen's plane.
    """
    hits = points_mm(view_of(samples), correction, screen)
    usable = np.all(np.isfinite(hits), axis=1)
    if not usable.any():
        raise CalibrationError(
            "no line of sight meets the plane of the screen; check its place with `gaze calibrate screen`"
        )
    rows = [
        _one(samples.take(index), hits[index], screen)
        for look in np.unique(samples.look[usable])
        if len(index := np.flatnonzero((samples.look == look) & usable))
    ]

    def mean(name: str) -> float:
        return float(np.mean([getattr(row, name) for row in rows]))

    return Accuracy(
        targets=tuple(rows),
        accuracy_deg=mean("accuracy_deg"),
        accuracy_cm=mean("accuracy_cm"),
        accuracy_px=mean("accuracy_px"),
        rms_s2s_deg=mean("rms_s2s_deg"),
        sd_deg=mean("sd_deg"),
        frame_error_deg=mean("frame_error_deg"),
    )


def _one(samples: Samples, hits_mm: FloatArray, screen: Screen) -> TargetAccuracy:
    origin = samples.origin_cam_mm
    target_mm = screen.px_to_mm(samples.target_px)
    to_hits = screen.to_camera(hits_mm) - origin
    mean_hit = hits_mm.mean(axis=0)
    to_mean = screen.to_camera(mean_hit) - origin
    to_target = screen.to_camera(target_mm) - origin
    # Precision is of the hits, not of the head: all are seen from its mean place.
    steady = screen.to_camera(hits_mm) - origin.mean(axis=0)
    sample_to_sample = angular_error_rad(steady[1:], steady[:-1]) if len(samples) > 1 else np.zeros(1)
    error_mm = mean_hit - target_mm.mean(axis=0)
    about_mean = angular_error_rad(steady, screen.to_camera(mean_hit) - origin.mean(axis=0))
    return TargetAccuracy(
        target_px=tuple(samples.target_px.mean(axis=0).tolist()),
        hit_px=tuple(screen.mm_to_px(mean_hit).tolist()),
        accuracy_deg=float(np.rad2deg(angular_error_rad(to_mean, to_target).mean())),
        accuracy_cm=float(np.linalg.norm(error_mm) / 10.0),
        accuracy_px=float(np.linalg.norm(screen.mm_to_px(error_mm))),
        rms_s2s_deg=float(np.rad2deg(np.sqrt((sample_to_sample**2).mean()))),
        sd_deg=float(np.rad2deg(np.sqrt((about_mean**2).mean()))),
        frame_error_deg=float(np.rad2deg(angular_error_rad(to_hits, to_target).mean())),
        frames=len(samples),
    )
