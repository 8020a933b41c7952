"""What the stages of `gaze calibrate` share: flags, the camera, the screens, the loop over a session."""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from calibration.displays import Display, choose_display, connected, find_displays
from calibration.profile import Profile
from calibration.scene import draw
from calibration.screen import Screen
from calibration.session import Session
from calibration.webcams import webcam_hfov_deg
from deploy.calibrate.feed import Feed, Setup
from deploy.display.fullscreen import FullScreen
from deploy.gate_options import add_max_sigma
from deploy.network_options import add_network_options
from deploy.sources.captures import PREFERRED_SIZE
from deploy.stopping import StopSignals
from gaze.camera import ASSUMED_HFOV_DEG, Camera
from gaze.errors import CalibrationError, UsageError
from gaze.help_format import HelpFormatter
from gaze.option_types import hfov_argument, size_argument

log = logging.getLogger("gaze")

STOP_KEYS = ("escape", "q", "closed")


def make_parser(stage: str, description: str) -> argparse.ArgumentParser:
    """A parser that shows its defaults."""
    return argparse.ArgumentParser(
        prog=f"gaze calibrate {stage}", description=description, formatter_class=HelpFormatter
    )


def add_source_options(parser: argparse._ActionsContainer) -> None:
    """Which camera, and its intrinsics."""
    parser.add_argument("--source", default="0", help="camera index or device path, or a video file")
    width, height = PREFERRED_SIZE
    parser.add_argument(
        "--size",
        type=size_argument,
        metavar="WxH",
        help=f"size asked of the camera, in px (default: that of --camera, else {width}x{height} if it is "
        "fast at that)",
    )
    parser.add_argument("--camera", metavar="JSON", help="intrinsics (gaze calibrate camera)")


def add_camera_options(parser: argparse.ArgumentParser) -> None:
    """Which camera, and what is known of it."""
    add_source_options(parser)
    parser.add_argument(
        "--hfov",
        type=hfov_argument,
        metavar="DEG",
        help=f"horizontal field of view, where there is no --camera; {ASSUMED_HFOV_DEG:g} is assumed",
    )
    parser.add_argument("--webcam", metavar="NAME", help="field of view from a table, such as c920")


def add_display_options(parser: argparse._ActionsContainer) -> None:
    """Which display, and what it does not say of itself."""
    parser.add_argument(
        "--display", metavar="N", help="number or name of the display (default: the main one)"
    )
    parser.add_argument(
        "--resolution",
        type=size_argument,
        metavar="WxH",
        help="of the display, in px, where it cannot be read",
    )


def add_profile_options(parser: argparse.ArgumentParser, source_help: str) -> None:
    """A profile, and the camera, network and display that it is used with."""
    parser.add_argument("--profile", default="profile.json", metavar="JSON", help="the profile")
    parser.add_argument("--source", default="0", help=source_help)
    parser.add_argument(
        "--size",
        type=size_argument,
        metavar="WxH",
        help="size asked of the camera, in px (default: the profile's)",
    )
    parser.add_argument(
        "--display", metavar="N", help="number or name of the display (default: as the profile says)"
    )
    add_network_options(parser)
    add_max_sigma(parser)


def camera_of(options: argparse.Namespace) -> Camera:
    """The intrinsics that the flags describe; guessed, with a warning, where they say nothing.

    Raises:
        UsageError: they contradict each other.
        GazeError: the file is unusable.
    """
    given = [name for name in ("camera", "hfov", "webcam") if getattr(options, name) is not None]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} exclude each other")
    size = options.size or PREFERRED_SIZE
    if options.camera is not None:
        return Camera.load(options.camera)
    if options.webcam is not None:
        name, hfov = webcam_hfov_deg(options.webcam)
        log.info("%s: a horizontal field of view of %.0f degrees", name, hfov)
        return Camera.from_hfov(hfov, *size)
    if options.hfov is not None:
        return Camera.from_hfov(options.hfov, *size)
    log.warning(
        "camera unknown: a horizontal field of view of %.0f degrees is assumed. The personal calibration "
        "makes up for most of that where you sit now; for moving about give --webcam or --camera",
        ASSUMED_HFOV_DEG,
    )
    return Camera.guessed(*size)


def display_for(screen: Screen, wanted: str | None) -> Display:
    """The connected display that a screen was described for.

    Raises:
        CalibrationError: none has its resolution and size.
        UsageError: the display that was asked for does not exist, or several could be it.
    """
    displays = find_displays()
    if not displays:
        return Display("unknown", screen.width_px, screen.height_px)
    if wanted is not None:
        candidates = [choose_display(displays, wanted)]
    else:
        candidates = [item for item in displays if item.name == screen.name] or displays
    fitting = [display for display in candidates if not display.differs_from(screen)]
    if len(fitting) > 1:
        names = " or ".join(display.name for display in fitting)
        raise UsageError(f"several displays could be the screen {screen.name!r}; give --display {names}")
    if fitting:
        return fitting[0]
    have = ", ".join(item.text() for item in displays)
    raise CalibrationError(
        f"the screen {screen.text()} is not there, connected are {have}; "
        "run `gaze calibrate screen` for the display that you use"
    )


def refuse_unless_fits(profile: Profile, setup: Setup, shown: bool = True) -> None:
    """Compare a profile with what it is used with now; ``shown``: on a display.

    Raises:
        CalibrationError: something differs.
    """
    displays = connected() if shown else None
    profile.refuse_unless_fits(setup.camera, setup.model_sha256, setup.camera_device, displays)


def run_session(
    session: Session,
    feed: Feed,
    window: FullScreen | None,
    stop: StopSignals,
    check: Callable[[Setup], None] | None = None,
) -> bool:
    """Drive a session to its end. False: it was stopped (key, closed window, signal, end of the source).

    ``check`` is called once, before the session takes its first usable frame; what it raises ends the session
    before anybody has looked at targets for nothing.
    """
    key = None
    while not session.done:
        if stop.requested or feed.ended:
            return False
        observation = feed.next(session)
        if observation is not None:
            if check is not None and observation.problem is None:
                check(feed.setup)
                check = None
            scene = session.feed(observation, key in ("space", "enter", "click"))
            key = None
            if window is not None:
                window.show(draw(scene))
        if window is not None:
            pressed = window.poll(1)
            if pressed in STOP_KEYS:
                return False
            key = pressed or key
    return True


def why_stopped(session: Session, feed: Feed) -> str:
    """Why a session came to no end."""
    return session.gave_up or ("the source ended" if feed.ended else "it was stopped")


def partial_path(out: str | Path) -> Path:
    """Where the samples of a calibration are kept: beside the profile."""
    path = Path(out)
    return path.with_name(f"{path.stem}.session.json")


def set_aside(path: str | os.PathLike[str], unless: str | os.PathLike[str] | None = None) -> Path | None:
    """Give a file that is about to be written anew a free name, so that what it holds is not lost.

    Nothing is done, and None returned, where there is none, or where it is ``unless``: the one that goes on.
    """
    path = Path(path)
    if not path.exists() or (unless is not None and path.samefile(unless)):
        return None
    free = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in itertools.count(1))
    old = next(other for other in free if not other.exists())
    path.rename(old)
    log.warning("%s was there already: it is kept as %s", path, old)
    return old


def now_text() -> str:
    """The local date and time, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
