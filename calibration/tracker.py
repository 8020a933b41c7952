"""A person's point of gaze over time: correction, screen, and a filter that suits gaze."""

from __future__ import annotations

import dataclasses

import numpy as np

from calibration.gaze_filter import GazeFilter
from calibration.locate import View, locate
from calibration.profile import Profile
from calibration.screen import Screen
from gaze.geometry import FloatArray
from gaze.types import GazeRay, PointOfGaze

# What may be a saccade: at least so many degrees, and so many deviations of a frame.
SACCADE_DEG, SACCADE_DEVIATIONS = 2.0, 3.5


class PointTracker:
    """Feed it one person's estimates in the order of time; ``smooth`` False leaves points as they come."""

    def __init__(self, profile: Profile, smooth: bool = True) -> None:
        self.profile = profile
        self._screens = {screen.name: screen for screen in profile.screens}
        self._filter = GazeFilter(saccade=1.0) if smooth else None
        self._shown_screen = ""

    def screen_of(self, point: PointOfGaze) -> Screen:
        """The screen that a point lies on."""
        return self._screens[point.screen]

    def __call__(self, view: View, t_s: float) -> tuple[GazeRay, PointOfGaze | None]:
        """The corrected ray of one estimate (N = 1) and the smoothed point; None where it meets no screen."""
        ray, point = locate(view, self.profile.correction, self.profile.screens)
        if point is None or self._filter is None:
            return ray, point
        return ray, self._smoothed(point, t_s, ray.origin_cam_mm)

    def _smoothed(self, point: PointOfGaze, t_s: float, origin_cam_mm: FloatArray) -> PointOfGaze:
        screen = self.screen_of(point)
        if screen.name != self._shown_screen:
            self._filter.reset()
            self._shown_screen = screen.name
        noise_deg = np.rad2deg(self.profile.correction.frame_sd_rad)
        jump_rad = np.deg2rad(max(SACCADE_DEG, SACCADE_DEVIATIONS * noise_deg))
        distance_mm = float(np.linalg.norm(screen.to_camera(point.screen_mm) - origin_cam_mm))
        self._filter.saccade = jump_rad * distance_mm
        mm = self._filter(point.screen_mm, t_s)
        return dataclasses.replace(
            point, screen_mm=mm, screen_px=screen.mm_to_px(mm), on_screen=bool(screen.contains(mm))
        )
