"""`gaze calibrate rendered`: rendered people look at targets, through the real pipeline and network."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.error_model import SCHEMA as ERRORS_SCHEMA
from calibration.observation import observe, samples_of
from calibration.person import KINDS
from calibration.samples import Samples
from calibration.screen import Screen
from calibration.screen_presets import PRESETS, placed_screen
from calibration.targets import COUNTS, layout, to_px, validation_layout
from deploy.calibrate.common import add_network_options, make_parser
from deploy.calibrate.result import fit_person
from gaze.camera import Camera
from gaze.errors import CalibrationError, UsageError
from gaze.estimator import GazeEstimator
from gaze.files import prepare_outputs, write_json
from gaze.geometry import FloatArray, angles_from_vector, head_angles_from_rotation, unit
from gaze.option_types import at_least_one, size_argument
from gaze.synthesis.assets import default_assets_dir
from gaze.synthesis.lids import LidState
from gaze.synthesis.moment import Moment
from gaze.synthesis.pose import Pose, head_rotation
from gaze.types import Frame

if TYPE_CHECKING:
    from gaze.synthesis.webcam import WebcamRenderer

log = logging.getLogger("gaze")

HFOV_DEG = 70.0
SCREEN = placed_screen(PRESETS["laptop"], (1920, 1080), (344.0, 194.0), "virtual screen")
# A sitting head is never quite still: deviations from frame to frame.
SWAY_MM, SWAY_DEG = 4.0, 1.0
FOLLOW = 0.25
SECONDS_BETWEEN_TARGETS, FRAMES_PER_S = 2.0, 30.0


@dataclass(frozen=True, slots=True)
class RenderedResult:
    """One person: error in degrees of looks and of single frames at targets that were not used."""

    seed: int
    before_deg: float
    after_deg: float
    before_frame_deg: float
    after_frame_deg: float
    kind: str
    frames: int


class Sitter:
    """A rendered person in front of the screen."""

    def __init__(self, renderer: WebcamRenderer, seed: int) -> None:
        self._renderer = renderer
        self._rng = np.random.default_rng([seed, 71])
        self._dressed = renderer.dress(seed)
        rng = self._rng
        self._eyes = np.array([rng.normal(0, 30), rng.normal(15, 20), np.clip(rng.normal(560, 60), 450, 700)])
        self._lean = rng.normal(0, 4.0, 3)
        self._shot = renderer.set_up(rng, self._eyes)
        self._pupil_mm = float(rng.uniform(1.4, 2.4))

    def close(self) -> None:
        """Give the person's textures back."""
        self._dressed.release()

    @property
    def wears_sunglasses(self) -> bool:
        """Whether the eyes are hidden for good."""
        return bool(self._dressed.attributes["sunglasses"])

    def frame(self, target_cam_mm: FloatArray, index: int, t_s: float) -> tuple[Frame, FloatArray]:
        """A picture while the person looks at a point, and the true centre of the face (3,)."""
        rng = self._rng
        eyes = self._eyes + rng.normal(0, SWAY_MM, 3)
        pitch, yaw = angles_from_vector(unit(np.asarray(target_cam_mm) - eyes))
        turn = np.deg2rad(self._lean + rng.normal(0, SWAY_DEG, 3))
        R = head_rotation(FOLLOW * pitch + turn[1], FOLLOW * yaw + turn[0], turn[2])
        closing = float(max(0.0, rng.normal(0.0, 0.03)))
        moment = Moment({}, LidState(blink=(closing, closing)), self._pupil_mm)
        picture, head = self._renderer.render(
            self._dressed, Pose(R, eyes, np.asarray(target_cam_mm), "screen"), moment, self._shot, rng
        )
        return Frame(picture, index, t_s), head.face_centre_cam_mm


@contextmanager
def sitting(renderer: WebcamRenderer, seed: int) -> Iterator[Sitter]:
    """A person for a while."""
    sitter = Sitter(renderer, seed)
    try:
        yield sitter
    finally:
        sitter.close()


def look_at_targets(
    sitter: Sitter,
    estimator: GazeEstimator,
    screen: Screen,
    targets_px: FloatArray,
    frames: int,
    start_s: float,
    first_place: int,
) -> tuple[Samples, FloatArray]:
    """Samples of looks at targets (N, 2), and the true face centres (M, 3) of those samples."""
    parts, centres = [], []
    for number, target in enumerate(targets_px):
        point = screen.to_camera(screen.px_to_mm(target))
        kept = []
        for i in range(frames):
            t_s = start_s + number * SECONDS_BETWEEN_TARGETS + i / FRAMES_PER_S
            frame, centre = sitter.frame(point, first_place + number * frames + i, t_s)
            seen = observe(estimator.estimate(frame), t_s)
            if seen.problem is None:
                kept.append(seen)
                centres.append(centre)
        place = first_place + number
        parts.append(samples_of(kept, [tuple(target)] * len(kept), place, place))
    return Samples.join(parts), np.array(centres).reshape(-1, 3)


def run_person(
    sitter: Sitter, estimator: GazeEstimator, seed: int, points: int, frames: int, kind: str, start_s: float
) -> tuple[RenderedResult, dict[str, list]]:
    """Calibrate on a layout, measure on other targets.

    Raises:
        CalibrationError: the face was not found at enough targets.
    """
    size = (SCREEN.width_px, SCREEN.height_px)
    fit_px, rest_px = to_px(layout(points), size), to_px(validation_layout(), size)
    samples, centres = look_at_targets(sitter, estimator, SCREEN, fit_px, frames, start_s, 0)
    later_s = start_s + SECONDS_BETWEEN_TARGETS * (points + 1)
    validation, more = look_at_targets(sitter, estimator, SCREEN, rest_px, frames, later_s, 100)
    if len(np.unique(validation.place)) < 3:
        raise CalibrationError("the face was not found at enough targets")
    fitted = fit_person(samples, validation, SCREEN, kind, estimate_screen=False)
    result = RenderedResult(
        seed,
        fitted.before.accuracy_deg,
        fitted.after.accuracy_deg,
        fitted.before.frame_error_deg,
        fitted.after.frame_error_deg,
        fitted.correction.kind,
        len(samples) + len(validation),
    )
    return result, _errors(Samples.join([samples, validation]), np.concatenate([centres, more]), seed)


def _errors(samples: Samples, centres_cam_mm: FloatArray, seed: int) -> dict[str, list]:
    """Columns of a gaze.errors/1 file: what the network said, and the truth from the true face centre."""
    target = SCREEN.to_camera(SCREEN.px_to_mm(samples.target_px))
    true = np.einsum("nij,nj->ni", samples.R_norm_cam, unit(target - centres_cam_mm))
    return {
        "predicted_rad": np.round(samples.pitch_yaw_rad, 6).tolist(),
        "true_rad": np.round(angles_from_vector(true), 6).tolist(),
        "head_rad": np.round(head_angles_from_rotation(samples.R_norm_head), 6).tolist(),
        "person": [seed] * len(samples),
    }


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = make_parser(
        "rendered",
        "Renders people who look at calibration targets on a virtual screen, sends the pictures through "
        "landmarks, head pose and network, fits a profile and measures it on other targets. Exit code 1 when "
        "the mean error is not at least halved.",
    )
    result.add_argument("--people", type=at_least_one, default=12, help="how many")
    result.add_argument("--seed", type=int, default=900_000, help="of the first; training uses lower ones")
    result.add_argument("--points", type=int, choices=COUNTS, default=9, help="targets to calibrate on")
    result.add_argument("--frames", type=at_least_one, default=24, help="pictures at each target")
    result.add_argument("--kind", choices=("auto", *KINDS), default="auto", help="correction")
    result.add_argument("--assets", type=Path, default=default_assets_dir(), help="folder of the assets")
    result.add_argument("--errors", metavar="JSON", help="write the network's errors, for simulate --errors")
    result.add_argument("--pictures", type=Path, metavar="DIR", help="write each person's first picture")
    result.add_argument("--size", type=size_argument, default="1280x720", metavar="WxH", help="of pictures")
    add_network_options(result)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run it. Returns 0 if the mean error is at least halved, else 1.

    Raises:
        UsageError: a number is out of range.
        GazeError: assets, renderer or network cannot be had, or nobody could be calibrated.
    """
    options = parser().parse_args(argv)
    most = int(SECONDS_BETWEEN_TARGETS * FRAMES_PER_S)
    if options.frames > most:
        raise UsageError(f"--frames must be 1 to {most}, got {options.frames}")
    prepare_outputs(options.errors)
    camera = Camera.from_hfov(HFOV_DEG, *options.size, source="calibrated")
    from gaze.synthesis.webcam import WebcamRenderer  # here, so that --help needs no OpenGL

    renderer = WebcamRenderer(options.assets, camera)
    results: list[RenderedResult] = []
    columns: dict[str, list] = {"predicted_rad": [], "true_rad": [], "head_rad": [], "person": []}
    failed, seed, start, clock_s = 0, options.seed, time.monotonic(), 0.0
    with GazeEstimator.create(
        camera,
        model=options.model,
        runtime=options.runtime,
        landmarks=options.landmarks,
        landmark_model=options.landmark_model,
        average_mirror=options.average_mirror,
    ) as estimator:
        print("| person | before | after | before, frame | after, frame | model |\n|---|---|---|---|---|---|")
        while len(results) + failed < options.people:
            with sitting(renderer, seed) as sitter:
                if not sitter.wears_sunglasses:
                    if options.pictures:
                        _save_first(sitter, options.pictures, seed)
                    try:
                        result, errors = run_person(
                            sitter, estimator, seed, options.points, options.frames, options.kind, clock_s
                        )
                    except CalibrationError as error:
                        failed += 1
                        log.warning("person %d: %s", seed, error)
                    else:
                        results.append(result)
                        for name, values in errors.items():
                            columns[name] += values
                        print(_row(str(seed), [result], result.kind), flush=True)
            clock_s += 100.0
            seed += 1
    if not results:
        raise CalibrationError("nobody could be calibrated")
    print(_row(f"mean of {len(results)}", results, ""))
    log.info("%d people, %d failed, %.0f s", len(results), failed, time.monotonic() - start)
    if options.errors:
        write_json(options.errors, {"schema": ERRORS_SCHEMA, **columns})
    before = float(np.mean([result.before_deg for result in results]))
    after = float(np.mean([result.after_deg for result in results]))
    halved = after <= 0.5 * before
    verdict = "at least halved" if halved else "NOT halved"
    print(f"the mean error of a look is {verdict}: {after / before:.2f} of what it was")
    return 0 if halved else 1


def _row(name: str, results: list[RenderedResult], kind: str) -> str:
    figures = [
        float(np.mean([getattr(result, column) for result in results]))
        for column in ("before_deg", "after_deg", "before_frame_deg", "after_frame_deg")
    ]
    return f"| {name} | " + " | ".join(f"{value:.2f}" for value in figures) + f" | {kind} |"


def _save_first(sitter: Sitter, folder: Path, seed: int) -> None:
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    point = SCREEN.to_camera([SCREEN.width_mm / 2, SCREEN.height_mm / 2])
    frame, _ = sitter.frame(point, 0, 0.0)
    cv2.imwrite(str(folder / f"{seed}.jpg"), frame.image)
