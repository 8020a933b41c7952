"""The hook that brings a calibrated profile into the loop: the point of gaze, its events, its pictures."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.areas import Area, area_report, load_areas, report_text
from calibration.displays import connected
from calibration.events import EventStream, GazeRow, event_stream
from calibration.locate import View
from calibration.pictures import heat_map, save_picture, scan_path
from calibration.profile import MIRROR_MARK, Profile
from calibration.recording import Recording
from calibration.tracker import PointTracker
from deploy.display.screen_map import draw_screen_map
from deploy.run_config import RunConfig
from deploy.sources import Source
from deploy.sources.cameras import find_cameras
from gaze.errors import CalibrationError
from gaze.estimator import GazeEstimator, Predictor
from gaze.files import prepare_outputs, write_json
from gaze.geometry import unit
from gaze.mirrored import MirroredPredictor
from gaze.picture_files import prepare_pictures
from gaze.types import Estimate, Status

log = logging.getLogger("gaze")

# The person of the profile keeps the role for so long after they were last seen.
FORGET_PERSON_S = 1.0


@dataclass(frozen=True, slots=True)
class GazeOutputs:
    """Files that are written when the run is over; None: not asked for."""

    heat_map: Path | None = None
    scan_path: Path | None = None
    areas: tuple[Area, ...] = ()
    dwell: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is."""
        return bool(self.heat_map or self.scan_path or self.areas)


class PointOfGazeHook:
    """Adds the corrected ray and the point of gaze to the estimates of one person (see deploy.hooks).

    With several faces the profile is that of the one seen first. ``smooth`` False leaves the points as
    they come. ``check`` is called with the first estimate and raises where the profile does not fit.
    ``recording`` holds every point until the run ends; it is None where no output is made of it, as of a
    service that never ends.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        smooth: bool = True,
        method: str = "ivt",
        outputs: GazeOutputs | None = None,
        check=None,
    ) -> None:
        self.profile = profile
        self._outputs = outputs or GazeOutputs()
        self.recording = Recording() if self._outputs.wanted else None
        self._check = check
        self._tracker = PointTracker(profile, smooth)
        self._stream: EventStream = event_stream(method)
        self._fresh: list[dict[str, object]] = []
        self._person: int | None = None
        self._seen_s = 0.0

    def __call__(self, estimate: Estimate) -> Estimate:
        """The estimate with its corrected ray and its point of gaze, if it is the person of the profile.

        Raises:
            CalibrationError: the profile does not fit camera, resolution, network or screen.
        """
        if self._check is not None:
            check, self._check = self._check, None
            check()
        if estimate.face is None or not self._is_person(estimate):
            return estimate
        if (
            estimate.status is not Status.OK
            or estimate.gaze is None
            or estimate.normalized is None
            or estimate.head_pose is None
        ):
            return estimate
        view = View(
            np.array([[estimate.gaze.pitch_rad, estimate.gaze.yaw_rad]]),
            estimate.normalized.R_norm_cam[None],
            estimate.head_pose.R_cam_head[None],
            estimate.normalized.centre_cam_mm[None],
        )
        ray, point = self._tracker(view, estimate.t_s)
        if point is None:
            return dataclasses.replace(estimate, ray=ray)
        screen = self._tracker.screen_of(point)
        direction = unit(screen.to_camera(point.screen_mm) - ray.origin_cam_mm)
        row = GazeRow(estimate.t_s, direction, point.screen_px, screen.name)
        self._fresh += self._stream.feed(row)
        if self.recording is not None:
            self.recording.add(row.t_s, row.screen_px, row.screen)
        point = dataclasses.replace(point, direction_cam=direction)
        return dataclasses.replace(estimate, ray=ray, point_of_gaze=point)

    def events(self) -> Sequence[Mapping[str, object]]:
        """Fixations and saccades completed since the last call."""
        fresh, self._fresh = self._fresh, []
        if self.recording is not None:
            self.recording.events += fresh
        return fresh

    def draw(self, picture: NDArray[np.uint8], estimates: Sequence[Estimate]) -> None:
        """A small map of the screen with the point and its uncertainty, in the lower left corner."""
        for estimate in estimates:
            if estimate.face is not None and estimate.face.track_id == self._person:
                draw_screen_map(picture, self.profile.screens, estimate.point_of_gaze)
                return
        draw_screen_map(picture, self.profile.screens, None)

    def close(self) -> None:
        """Write what was asked for.

        Raises:
            CalibrationError: as write_outputs.
        """
        if self.recording is None:
            return
        self.recording.events += self._fresh + self._stream.close()
        self._fresh = []
        write_outputs(self.recording, self._outputs, self.profile)

    def _is_person(self, estimate: Estimate) -> bool:
        track = estimate.face.track_id
        if self._person is None or (track != self._person and estimate.t_s - self._seen_s > FORGET_PERSON_S):
            self._person = track
        if track != self._person:
            return False
        self._seen_s = estimate.t_s
        return True


def write_outputs(recording: Recording, outputs: GazeOutputs, profile: Profile) -> None:
    """Heat map, scan path and dwell times of a recording, as far as they are asked for.

    One that cannot be written keeps none of the others back: what they show is kept nowhere else.

    Raises:
        CalibrationError: the first one that cannot be written; further ones are logged.
    """
    if len(recording) == 0:
        log.warning("no point of gaze was seen, so there is no heat map, scan path or dwell time")
        return
    failed: list[CalibrationError] = []
    for write in (_write_heat_map, _write_scan_path, _write_dwell_times):
        try:
            write(recording, outputs, profile)
        except CalibrationError as error:
            failed.append(error)
    for error in failed[1:]:
        log.error("%s", error)
    if failed:
        raise failed[0]


def _write_heat_map(recording: Recording, outputs: GazeOutputs, profile: Profile) -> None:
    if outputs.heat_map is None:
        return
    screen = profile.screen
    points, seconds = recording.points(screen.name)
    if screen.contains(screen.px_to_mm(points)).any():
        size_px = (screen.width_px, screen.height_px)
        save_picture(heat_map(points, seconds, size_px, spread_px(profile)), outputs.heat_map)
    else:
        log.warning("no point of gaze was on the screen, so there is no heat map")


def _write_scan_path(recording: Recording, outputs: GazeOutputs, profile: Profile) -> None:
    if outputs.scan_path is not None:
        screen = profile.screen
        size_px = (screen.width_px, screen.height_px)
        save_picture(scan_path(recording.fixations_on(screen.name), size_px), outputs.scan_path)


def _write_dwell_times(recording: Recording, outputs: GazeOutputs, profile: Profile) -> None:
    if not outputs.areas:
        return
    report = area_report(recording, list(outputs.areas))
    log.info("\n%s", report_text(report))
    if outputs.dwell is not None:
        try:
            write_json(outputs.dwell, report)
        except OSError as error:
            raise CalibrationError(
                f"{outputs.dwell}: cannot be written ({error.strerror}); make room or give another file"
            ) from error


def spread_px(profile: Profile, distance_mm: float = 600.0) -> float:
    """How far a point of gaze is likely off, in px: the blur of a heat map that does not promise too much."""
    off_rad = max(profile.correction.held_out_rad, np.deg2rad(0.5))
    return float(np.tan(off_rad) * distance_mm / profile.screen.mm_per_px[0])


def hook_for_run(
    profile: Profile, config: RunConfig, estimator: GazeEstimator, source: Source
) -> PointOfGazeHook:
    """The hook of a run.

    Raises:
        DataError: the areas cannot be read.
        UsageError: a file cannot be written where it is wanted; better said now than after the run.
    """
    prepare_pictures(config.heatmap, config.scanpath)
    prepare_outputs(config.dwell)

    def check() -> None:
        profile.refuse_unless_fits(
            estimator.camera,
            network_identity(estimator.predictor),
            device_of(config.source),
            connected() if source.live else None,
        )

    outputs = GazeOutputs(
        Path(config.heatmap) if config.heatmap else None,
        Path(config.scanpath) if config.scanpath else None,
        tuple(load_areas(config.areas)) if config.areas else (),
        Path(config.dwell) if config.dwell else None,
    )
    return PointOfGazeHook(
        profile, smooth=not config.smooth, method=config.event_method, outputs=outputs, check=check
    )


def network_identity(predictor: Predictor) -> str:
    """What a profile remembers of a network: its checksum, and whether its answers are mirror-averaged."""
    mark = MIRROR_MARK if isinstance(predictor, MirroredPredictor) else ""
    return predictor.spec.sha256 + mark


def device_of(source: str) -> str:
    """The name that the system gives the camera of a source, empty where it is none or not known.

    A link to the camera, as those below /dev/v4l/by-id, is the camera.
    """
    for camera in find_cameras():
        if source == str(camera.index) or os.path.realpath(source) == os.path.realpath(camera.path):
            return camera.name
    return ""
