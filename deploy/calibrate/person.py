"""`gaze calibrate person`: look at targets; a profile comes out."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from calibration.advice import advice
from calibration.observation import Observation
from calibration.person import KINDS
from calibration.plan import Plan
from calibration.profile import camera_difference
from calibration.samples import Samples
from calibration.schedule import Showing, collect, load_schedule, scheduled_session
from calibration.screen import Screen, load_screens
from calibration.session import Session, explain_skipped, require_samples
from calibration.targets import COUNTS
from deploy.calibrate.common import (
    add_camera_options,
    camera_of,
    display_for,
    make_parser,
    now_text,
    partial_path,
    run_session,
    set_aside,
    why_stopped,
)
from deploy.calibrate.feed import Feed, Setup, open_feed
from deploy.calibrate.result import Fitted, fit_person, save_result
from deploy.calibrate.screens import SCREEN_OPTIONS, add_screen_options, screen_of
from deploy.display.fullscreen import FullScreen
from deploy.gate_options import add_max_sigma
from deploy.network_options import add_network_options
from deploy.sources import kind_of_source
from deploy.stopping import StopSignals
from gaze.camera import Camera
from gaze.errors import CalibrationError, GazeError, UsageError
from gaze.files import prepare_outputs, spare_inputs
from gaze.option_refusals import refuse_beside
from gaze.option_types import at_least
from gaze.picture_files import prepare_pictures
from gaze.user_folders import user_name

log = logging.getLogger("gaze")

# Four lines of instructions are read in this time, and the pointer is put away.
READ_S = 6.0
# Options of the stages, and their names in a plan.
STAGE_OPTIONS = {
    "points": "points",
    "pursuit": "pursuit_s",
    "head": "head_s",
    "positions": "positions",
    "validation": "validation",
    "confirm": "confirm",
    "seed": "seed",
}
# Sources of what has happened already.
RECORDED = ("video", "picture", "folder")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = make_parser(
        "person",
        "Full-screen targets to look at; what the network says of you meanwhile becomes a profile for "
        "`gaze run --profile`. Escape or closing the window keeps what was collected; --resume goes on.",
    )
    add_camera_options(result)
    add_network_options(result)
    add_max_sigma(result)
    group = result.add_argument_group("screen")
    group.add_argument("--screens", metavar="JSON", help="of gaze calibrate screen; the first is used")
    add_screen_options(group)
    group, plan = result.add_argument_group("stages"), Plan()
    group.add_argument(
        "--points", type=int, choices=COUNTS, help=f"targets to look at (default: {plan.points})"
    )
    group.add_argument(
        "--pursuit",
        type=float,
        metavar="S",
        help="follow a moving target for so many seconds, 8 to 600 (default: not at all)",
    )
    group.add_argument(
        "--head",
        type=float,
        metavar="S",
        help="look at one dot and move the head, 8 to 600 seconds (default: not at all)",
    )
    group.add_argument(
        "--positions",
        type=int,
        choices=range(5),
        help=f"further places to sit, 5 targets each (default: {plan.positions})",
    )
    group.add_argument(
        "--validation", type=int, metavar="N", help=f"targets that only measure (default: {plan.validation})"
    )
    group.add_argument("--confirm", action="store_true", help="space bar or click at every target")
    group.add_argument(
        "--seed", type=at_least(0), help=f"gives the order of the targets (default: {plan.seed})"
    )
    group.add_argument("--schedule", metavar="JSON", help="targets by the clock, shown by something else")
    group = result.add_argument_group("fit")
    group.add_argument(
        "--kind",
        choices=("auto", *KINDS),
        default="auto",
        help="correction; auto takes what does best on held-out targets",
    )
    group.add_argument(
        "--estimate-screen", action="store_true", help="estimate the screen's place from the gazes first"
    )
    group.add_argument("--resume", metavar="JSON", help="go on with a calibration that was stopped")
    group.add_argument("--refit", metavar="JSON", help="fit the samples of an earlier calibration again")
    group = result.add_argument_group("output")
    group.add_argument("--out", default="profile.json", metavar="JSON", help="where the profile goes")
    group.add_argument("--person", help="name in the profile (default: the user's)")
    group.add_argument("--picture", metavar="PNG", help="draw targets and hits")
    result.add_argument(
        "--simulate",
        type=at_least(0),
        metavar="SEED",
        help="no camera: a simulated person looks, to try it out",
    )
    result.add_argument(
        "--no-window", action="store_true", help="with --simulate: show nothing, go as fast as possible"
    )
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Calibrate a person. Returns 0.

    Raises:
        GazeError: as its message says; samples taken so far are kept.
    """
    options = parser().parse_args(argv)
    _check(options)
    read = ("camera", "screens", "schedule", "resume", "refit", "model", "landmark_model", "source")
    spare_inputs(
        {"--out": options.out, "--picture": options.picture},
        {f"--{name.replace('_', '-')}": [getattr(options, name)] for name in read},
    )
    prepare_outputs(options.out)
    prepare_pictures(options.picture)
    if options.refit:
        session = Session.load(options.refit)
        return _finish(
            options, session.samples, session.validation, _screens(options, session), _setup(session)
        )
    before, showings = None, []
    if options.resume:
        session = Session.load(options.resume, read_s=READ_S)
        before = _setup(session)
        log.info("%d of %d targets were taken before", *session.taken)
    else:
        screens = load_screens(options.screens) if options.screens else (screen_of(options),)
        if options.schedule:
            showings = load_schedule(options.schedule, screens[0])
            session = scheduled_session(showings, screens[0], screens[1:])
        else:
            session = Session(_plan(options), screens[0], other_screens=screens[1:], read_s=READ_S)

    stated = options.camera or options.hfov or options.webcam
    recorded = before is not None and not stated

    def camera() -> Camera:
        return before.camera if recorded else camera_of(options)

    real_time = not options.no_window
    with open_feed(options, camera, session.screen, real_time=real_time, recorded=recorded) as feed:
        return _with_feed(options, session, feed, before, showings)


def _plan(options: argparse.Namespace) -> Plan:
    given = {name: getattr(options, option) for option, name in STAGE_OPTIONS.items()}
    return Plan(**{name: value for name, value in given.items() if value is not None})


def _check(options: argparse.Namespace) -> None:
    ways = [name for name in ("resume", "refit", "schedule") if getattr(options, name) is not None]
    if len(ways) > 1:
        raise UsageError(f"--{ways[0]} and --{ways[1]} exclude each other")
    if options.schedule:
        refuse_beside(
            options,
            "schedule",
            ("simulate", *STAGE_OPTIONS),
            "the time table says what is shown, and in what order",
        )
    for way in ("resume", "refit"):
        if getattr(options, way) is not None:
            refuse_beside(options, way, STAGE_OPTIONS, "the session has its plan")
            refuse_beside(options, way, SCREEN_OPTIONS, "the session has its screen; give --screens")
    if options.screens:
        refuse_beside(
            options,
            "screens",
            SCREEN_OPTIONS,
            "the file says it; describe another screen with `gaze calibrate screen`",
        )
    if options.no_window and options.simulate is None:
        raise UsageError("--no-window needs --simulate; targets that something else shows go with --schedule")
    if options.no_window and options.card:
        raise UsageError("--card needs a window; give --size-mm WxH with --no-window")
    unseen = not (options.schedule or options.refit) and options.simulate is None
    if unseen and (kind := kind_of_source(options.source)) in RECORDED:
        raise UsageError(
            f"--source {options.source} is a {kind}: nobody in it sees the targets that are shown now. "
            "Give --schedule JSON, the times of the targets that were shown then; or a camera"
        )
    for name in ("pursuit", "head"):
        if getattr(options, name) not in (None, 0) and not 8 <= getattr(options, name) <= 600:
            raise UsageError(f"--{name} needs 8 to 600 seconds, got {getattr(options, name):g}")


def _setup(session: Session) -> Setup:
    try:
        return Setup.from_json(session.setup)
    except (KeyError, TypeError, GazeError) as error:
        raise CalibrationError(
            f"the session does not say what camera and network it was made with ({error!r}); calibrate again"
        ) from error


def _with_feed(
    options: argparse.Namespace, session: Session, feed: Feed, before: Setup | None, showings: list[Showing]
) -> int:
    path = partial_path(options.out)
    check = None if before is None else lambda now: _same_setup(before, now, options.resume)
    try:
        with ExitStack() as stack:
            stop = stack.enter_context(StopSignals())
            if showings:
                complete = _watch(session, showings, feed, stop)
            else:
                window = None
                if not options.no_window:
                    window = stack.enter_context(FullScreen(display_for(session.screen, options.display)))
                complete = run_session(session, feed, window, stop, check)
    finally:
        if session.taken[0]:
            set_aside(path, options.resume)
            session.save(path, (before or feed.setup).to_json())
    done, wanted = session.taken
    if not complete or session.gave_up:
        why = why_stopped(session, feed)
        mend = f"; {advice(why)}" if session.gave_up else ""
        kept = f"; they are kept: go on with `gaze calibrate person --resume {path}`" if done else ""
        raise CalibrationError(f"{done} of {wanted} targets were taken before the end ({why}){mend}{kept}")
    if skipped := explain_skipped(session):
        log.warning("%s", skipped)
    samples = require_samples(session)
    return _finish(options, samples, session.validation, _screens(options, session), before or feed.setup)


def _watch(session: Session, showings: list[Showing], feed: Feed, stop: StopSignals) -> bool:
    """Give a session what is seen while something else shows its targets. False: it was stopped."""
    frames: list[Observation] = []
    try:
        while not (feed.ended or stop.requested):
            observation = feed.next(None)
            if observation is None:
                continue
            frames.append(observation)
            if observation.t_s - frames[0].t_s > showings[-1].end_s:
                break
    finally:
        # Also where the source broke off: what was seen until then is kept.
        if frames:
            collect(frames, showings, session)
    if feed.ended and not frames:
        raise CalibrationError("the source gave no frame")
    return not stop.requested


def _same_setup(before: Setup, now: Setup, path: str) -> None:
    reasons = []
    if before.model_sha256 != now.model_sha256:
        reasons.append(f"the network differs: {before.model_name} then, {now.model_name} now")
    if before.camera_device and now.camera_device and before.camera_device != now.camera_device:
        reasons.append(f"the camera differs: {before.camera_device} then, {now.camera_device} now")
    if reason := camera_difference(before.camera, now.camera):
        reasons.append(reason)
    if reasons:
        raise CalibrationError(
            f"{path} cannot be gone on with: {'; '.join(reasons)}. Put that right, or start again"
        )


def _screens(options: argparse.Namespace, session: Session) -> tuple[Screen, ...]:
    """The screens of a session; from --screens, where they were measured anew since.

    Raises:
        CalibrationError: the targets were shown on another screen than the first of --screens.
    """
    if not options.screens:
        return (session.screen, *session.other_screens)
    screens = load_screens(options.screens)
    sizes = [f"{item.width_px}x{item.height_px}" for item in (screens[0], session.screen)]
    if sizes[0] != sizes[1]:
        raise CalibrationError(
            f"{options.screens}: its first screen has {sizes[0]} px, the targets were shown on {sizes[1]} px"
        )
    return screens


def _finish(
    options: argparse.Namespace,
    samples: Samples,
    validation: Samples,
    screens: tuple[Screen, ...],
    setup: Setup,
) -> int:
    fitted: Fitted = fit_person(samples, validation, screens[0], options.kind, options.estimate_screen)
    person = options.person or user_name()
    profile = save_result(
        fitted,
        setup,
        person,
        now_text(),
        screens[1:],
        Path(options.out),
        options.picture and Path(options.picture),
    )
    print(fitted.text())
    show, run = (f"`gaze {name} --profile {options.out}`" for name in ("calibrate show", "run"))
    print(f"wrote {options.out}: try {show} or {run}")
    log.info("profile of %s on %s", profile.person, profile.screen.name)
    return 0
