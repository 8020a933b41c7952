"""`gaze calibrate rendered`: rendered people look at targets, through the real pipeline and network."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from calibration.error_file import GazeErrors
from calibration.person import KINDS
from calibration.rendered_person import Sitter, sitting
from calibration.rendered_trial import MOST_FRAMES, SCREEN, Trial, run_trial
from calibration.targets import COUNTS
from deploy.calibrate.common import make_parser
from deploy.gate_options import add_max_sigma
from deploy.gates import GateConfig
from deploy.network_options import add_network_options, network_settings
from deploy.pipeline import Pipeline
from gaze.camera import Camera
from gaze.errors import CalibrationError, UsageError
from gaze.estimator import GazeEstimator
from gaze.files import prepare_outputs
from gaze.option_types import at_least, at_least_one, size_argument
from gaze.picture_files import write_picture
from gaze.synthesis.assets import default_assets_dir

log = logging.getLogger("gaze")

HEADER = "| person | before | after | before, frame | after, frame | model |\n|---|---|---|---|---|---|"
HFOV_DEG = 70.0
# Of one person, on the clock of the frames.
SECONDS_PER_PERSON = 100.0


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = make_parser(
        "rendered",
        "Renders people who look at calibration targets on a virtual screen, sends the pictures through "
        "landmarks, head pose, network and gates, fits a profile and measures it on other targets. Exit code "
        "1 when the mean error is not at least halved.",
    )
    result.add_argument("--people", type=at_least_one, default=12, metavar="N", help="how many people")
    result.add_argument(
        "--seed", type=at_least(0), default=900_000, help="seed of the first person; training uses lower ones"
    )
    result.add_argument("--points", type=int, choices=COUNTS, default=9, help="targets to calibrate on")
    result.add_argument(
        "--frames", type=at_least_one, default=24, metavar="N", help="pictures at each target"
    )
    result.add_argument("--kind", choices=("auto", *KINDS), default="auto", help="correction")
    result.add_argument("--assets", type=Path, default=default_assets_dir(), help="folder of the assets")
    result.add_argument("--errors", metavar="JSON", help="write the network's errors, for simulate --errors")
    result.add_argument("--pictures", type=Path, metavar="DIR", help="write each person's first picture")
    result.add_argument(
        "--size", type=size_argument, default="1280x720", metavar="WxH", help="of the pictures, in px"
    )
    add_network_options(result)
    add_max_sigma(result)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run it. Returns 0 if the mean error is at least halved, else 1.

    Raises:
        UsageError: a number is out of range.
        GazeError: assets, renderer or network cannot be had, or nobody could be calibrated.
    """
    options = parser().parse_args(argv)
    if options.frames > MOST_FRAMES:
        raise UsageError(f"--frames must be 1 to {MOST_FRAMES}, got {options.frames}")
    prepare_outputs(options.errors)
    start = time.monotonic()
    trials = []
    for trial in _trials(options):
        if not trials:
            print(HEADER)
        trials.append(trial)
        print(_row(str(trial.seed), [trial], trial.kind), flush=True)
    if not trials:
        raise CalibrationError(
            "nobody could be calibrated, for the reasons above; give more --people, or another --seed"
        )
    print(_row(f"mean of {len(trials)}", trials, ""))
    failed = options.people - len(trials)
    log.info("%d people, %d failed, %.0f s", len(trials), failed, time.monotonic() - start)
    if options.errors:
        GazeErrors.join([trial.errors for trial in trials]).save(options.errors)
    before = float(np.mean([trial.before_deg for trial in trials]))
    after = float(np.mean([trial.after_deg for trial in trials]))
    halved = after <= 0.5 * before
    verdict = "at least halved" if halved else "NOT halved"
    print(f"the mean error of a look is {verdict}: {after / before:.2f} of what it was")
    return 0 if halved else 1


def _trials(options: argparse.Namespace) -> Iterator[Trial]:
    """So many people as are asked for, without sunglasses; those who could not be calibrated are told."""
    from gaze.synthesis.webcam import WebcamRenderer  # here, so that --help needs no OpenGL

    camera = Camera.from_hfov(HFOV_DEG, *options.size, source="calibrated")
    tried = 0
    with (
        WebcamRenderer(options.assets, camera) as renderer,
        GazeEstimator.create(camera, **network_settings(options)) as estimator,
    ):
        pipeline = Pipeline(estimator, gates=GateConfig(sigma_deg=options.max_sigma))
        for number in count():
            if tried == options.people:
                return
            seed = options.seed + number
            with sitting(renderer, seed) as sitter:
                if sitter.wears_sunglasses:
                    continue
                tried += 1
                if options.pictures:
                    _save_first(sitter, options.pictures, seed)
                start_s = number * SECONDS_PER_PERSON
                try:
                    trial = run_trial(
                        sitter,
                        lambda frame: pipeline.process(frame).estimates,
                        seed,
                        options.points,
                        options.frames,
                        options.kind,
                        start_s,
                    )
                except CalibrationError as error:
                    log.warning("person %d: %s", seed, error)
                else:
                    yield trial


def _row(name: str, trials: list[Trial], kind: str) -> str:
    figures = [
        float(np.mean([getattr(trial, column) for trial in trials]))
        for column in ("before_deg", "after_deg", "before_frame_deg", "after_frame_deg")
    ]
    return f"| {name} | " + " | ".join(f"{value:.2f}" for value in figures) + f" | {kind} |"


def _save_first(sitter: Sitter, folder: Path, seed: int) -> None:
    point = SCREEN.to_camera([SCREEN.width_mm / 2, SCREEN.height_mm / 2])
    frame, _ = sitter.frame(point, 0, 0.0)
    folder.mkdir(parents=True, exist_ok=True)
    write_picture(folder / f"{seed}.jpg", frame.image)
