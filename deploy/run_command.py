"""`gaze run`: the live loop with its window and files."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.native_logs import quieten

quieten()

from deploy.assemble import choose_camera, estimator_of  # noqa: E402
from deploy.closing import closed_at_the_end  # noqa: E402
from deploy.demo import with_demo_choices  # noqa: E402
from deploy.display.overlay import OverlayOptions  # noqa: E402
from deploy.display.window import DisplayError, Window, display_problem  # noqa: E402
from deploy.hooks import EstimateHook  # noqa: E402
from deploy.loop import DEFAULT_FPS, Loop, LoopSummary  # noqa: E402
from deploy.pipeline import FrameResult, Pipeline  # noqa: E402
from deploy.run_config import RunConfig, parse_run  # noqa: E402
from deploy.service import Health  # noqa: E402
from deploy.sinks import open_sinks  # noqa: E402
from deploy.sources import Source, open_source, size_for_lens  # noqa: E402
from deploy.sources.pictures import PictureSource  # noqa: E402
from deploy.stopping import StopSignals  # noqa: E402
from deploy.truth import TruthScore, load_truth  # noqa: E402
from gaze.standard_streams import settle_output  # noqa: E402

if TYPE_CHECKING:
    from calibration.profile import Profile
    from gaze.camera import Camera
    from gaze.estimator import GazeEstimator

log = logging.getLogger("gaze")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the loop. Returns 0, or 128 plus the signal when a file was left unfinished.

    Raises:
        GazeError: as its message says; recordings are closed and complete up to there.
    """
    config = parse_run(argv)
    logging.basicConfig(format="gaze run: %(message)s", stream=sys.stderr)
    log.setLevel(logging.INFO)  # ours alone: libraries log at INFO what nobody asked for
    with StopSignals() as stop:
        if config.demo:
            config = with_demo_choices(config)
        return run(config, stop)


def run(config: RunConfig, stop: StopSignals) -> int:
    """One run with settled settings; see main."""
    wants_window = _wants_window(config)
    with ExitStack() as stack:
        health = stack.enter_context(Health(config.status_file, config.watchdog))
        truth = load_truth(Path(config.truth)) if config.truth is not None else None
        profile = _load_profile(config)
        if profile is not None and config.camera is None and config.hfov is None and truth is None:
            camera = profile.camera
        else:
            camera = choose_camera(config, truth)
        source = stack.enter_context(_open(config, camera, profile))
        estimator = stack.enter_context(estimator_of(config, camera, source.sequence))
        hook = _open_hook(profile, config, estimator, source, stack)
        pipeline = Pipeline(
            estimator, gates=config.gates, smoothing=config.smoothing, hook=hook, sequence=source.sequence
        )
        score = TruthScore(truth) if truth is not None else None
        observers: list[Callable[[FrameResult], None]] = [score.add] if score is not None else []
        if config.progress and not wants_window and source.frame_count:
            observers.append(_progress_bar(source.frame_count, config.frames, stack))
        window = stack.enter_context(Window("gaze: press h for help")) if wants_window else None
        # Last, so that a run that cannot start makes no files.
        sinks = stack.enter_context(
            open_sinks(
                save=config.save,
                jsonl=config.jsonl,
                csv_path=config.csv,
                fps=lambda: source.fps or config.fps or DEFAULT_FPS,
                real_time=source.live,
            )
        )
        options = OverlayOptions(
            bool(config.mirror), config.show_landmarks, config.weight_map, config.timings
        )
        loop = Loop(
            source,
            pipeline,
            sinks=sinks,
            window=window,
            overlay=options,
            health=health,
            stop=stop,
            observers=observers,
            out_folder=Path(config.out),
            max_frames=config.frames,
        )
        summary = loop.run()
    _report(summary, source, config, score)
    if stop.requested and not source.live and not summary.complete:
        return 128 + (stop.number or signal.SIGINT)
    return 0


def _wants_window(config: RunConfig) -> bool:
    if config.window is False:
        return False
    problem = display_problem()
    if problem is None:
        return True
    writes = any((config.save, config.jsonl, config.csv, config.status_file, config.truth))
    if config.window or not writes:
        raise DisplayError(
            f"{problem}; use --no-window with --save out.mp4, --jsonl out.jsonl or --csv out.csv"
        )
    log.info("%s, running without a window", problem)
    return False


def _open(config: RunConfig, camera: Camera, profile: Profile | None) -> Source:
    lens = camera if profile is None else profile.camera
    source = open_source(
        config.source,
        size=config.size or size_for_lens(config.source, lens, recorded=profile is not None),
        fps=config.fps,
        wait=config.wait,
        newest=config.newest,
        loop=config.loop,
    )
    if isinstance(source, PictureSource) and source.ignored:
        log.info("%s: %d files are no pictures and are left out", config.source, source.ignored)
    return source


def _load_profile(config: RunConfig) -> Profile | None:
    if config.profile is None:
        return None
    from calibration.profile import Profile

    return Profile.load(config.profile)


def _open_hook(
    profile: Profile | None,
    config: RunConfig,
    estimator: GazeEstimator,
    source: Source,
    stack: ExitStack,
) -> EstimateHook | None:
    if profile is None:
        return None
    from deploy.point_of_gaze import hook_for_run

    hook = hook_for_run(profile, config, estimator, source)
    stack.enter_context(closed_at_the_end(hook.close))
    return hook


def _progress_bar(count: int, limit: int | None, stack: ExitStack) -> Callable[[FrameResult], None]:
    from tqdm import tqdm

    total = min(count, limit) if limit is not None else count
    bar = stack.enter_context(tqdm(total=total, unit="frame", file=sys.stderr, disable=None))
    return lambda result: bar.update() and None


def _report(summary: LoopSummary, source: Source, config: RunConfig, score: TruthScore | None) -> None:
    statuses = ", ".join(f"{count} {status}" for status, count in summary.statuses.most_common())
    parts = [f"{summary.frames} frames ({statuses})" if statuses else "no frame"]
    if summary.dropped:
        parts.append(f"{summary.dropped} dropped to stay live")
    log.info("%s", "; ".join(parts))
    if isinstance(source, PictureSource):
        for problem in source.skipped:
            log.warning("left out: %s", problem)
    written = [path for path in (config.save, config.jsonl, config.csv) if path and path != "-"]
    if written or summary.files:
        log.info("wrote %s", ", ".join([*written, *summary.files]))
    if score is not None:
        log.info("%s", score.summary())
    if config.jsonl == "-" or config.csv == "-":
        settle_output()  # so that a reader that has gone is no error
