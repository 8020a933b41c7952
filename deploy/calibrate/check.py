"""`gaze calibrate check`: three targets say whether a profile still holds."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from contextlib import ExitStack

from calibration.advice import advice
from calibration.check import check_profile
from calibration.plan import Plan
from calibration.profile import Profile
from calibration.session import Session, explain_skipped
from deploy.calibrate.common import (
    add_profile_options,
    display_for,
    make_parser,
    refuse_unless_fits,
    run_session,
    why_stopped,
)
from deploy.calibrate.feed import open_feed
from deploy.display.fullscreen import FullScreen
from deploy.stopping import StopSignals
from gaze.errors import CalibrationError, UsageError
from gaze.files import prepare_outputs
from gaze.option_types import at_least

log = logging.getLogger("gaze")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = make_parser(
        "check",
        "Three targets: does the profile still hold? Exit code 1 if not. --correct takes a drift out.",
    )
    add_profile_options(result, "camera index or device path")
    result.add_argument("--correct", action="store_true", help="write the profile with the drift taken out")
    result.add_argument(
        "--out", metavar="JSON", help="where the corrected profile goes (default: over the old one)"
    )
    result.add_argument("--confirm", action="store_true", help="space bar or click at every target")
    result.add_argument(
        "--simulate", type=at_least(0), metavar="SEED", help="no camera: a simulated person looks"
    )
    result.add_argument("--no-window", action="store_true", help="with --simulate: show nothing")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Check a profile. Returns 0 if it holds or was corrected, else 1.

    Raises:
        GazeError: the profile does not fit what is at hand, or too little was seen.
    """
    options = parser().parse_args(argv)
    if options.no_window and options.simulate is None:
        raise UsageError("--no-window needs --simulate")
    if not options.correct and options.out is not None:
        raise UsageError("--out needs --correct: without it nothing is written")
    profile = Profile.load(options.profile)
    if options.correct:
        prepare_outputs(options.out or options.profile)
    session = Session(Plan(points=0, validation=0, attempts=2, confirm=options.confirm), profile.screen)
    with ExitStack() as stack:
        feed = stack.enter_context(
            open_feed(
                options,
                lambda: profile.camera,
                profile.screen,
                real_time=not options.no_window,
                recorded=True,
            )
        )
        stop = stack.enter_context(StopSignals())
        window = None
        if not options.no_window:
            window = stack.enter_context(FullScreen(display_for(profile.screen, options.display)))
        complete = run_session(
            session, feed, window, stop, lambda setup: refuse_unless_fits(profile, setup, window is not None)
        )
    if not complete or session.gave_up:
        why = why_stopped(session, feed)
        mend = f"; {advice(why)}" if session.gave_up else ""
        raise CalibrationError(f"the check was not finished ({why}){mend}")
    if skipped := explain_skipped(session):
        log.warning("%s", skipped)
    result = check_profile(profile, session.samples)
    print(result.text())
    if options.correct and not result.holds and result.mended_deg > result.limit_deg:
        return 1
    if options.correct:
        out = options.out or options.profile
        profile.drifted(result.drift_rad).save(out)
        print(f"wrote {out} with the offset taken out")
        return 0
    return 0 if result.holds else 1
