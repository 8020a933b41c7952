"""`gaze calibrate show`: a dot on the whole screen where the person looks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from calibration.locate import View
from calibration.observation import Observation
from calibration.profile import Profile
from calibration.scene import Disc, Scene, Text, draw, target_discs
from calibration.targets import pursuit_path
from calibration.tracker import PointTracker
from deploy.calibrate.common import (
    STOP_KEYS,
    add_profile_options,
    display_for,
    make_parser,
    refuse_unless_fits,
)
from deploy.calibrate.feed import SimulatedFeed, open_feed
from deploy.display.ellipse import draw_ellipse
from deploy.display.fullscreen import FullScreen
from deploy.stopping import StopSignals
from gaze.option_types import at_least
from gaze.types import PointOfGaze

DOT = (60, 180, 255)
PURSUIT_S = 20.0


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = make_parser(
        "show",
        "A dot on the whole screen where you look, in the ellipse of two deviations. Escape ends it.",
    )
    add_profile_options(result, "camera index or device path, or a video file")
    result.add_argument(
        "--simulate", type=at_least(0), metavar="SEED", help="no camera: a simulated person follows a target"
    )
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Show the dot until a key is pressed or the source ends. Returns 0.

    Raises:
        GazeError: the profile does not fit what is at hand, or there is no display or camera.
    """
    options = parser().parse_args(argv)
    profile = Profile.load(options.profile)
    screen = profile.screen
    size_px = (screen.width_px, screen.height_px)
    tracker = PointTracker(profile)
    with ExitStack() as stack:
        feed = stack.enter_context(open_feed(options, lambda: profile.camera, screen, recorded=True))
        stop = stack.enter_context(StopSignals())
        window = stack.enter_context(FullScreen(display_for(screen, options.display), "gaze calibrate show"))
        checked = False
        while not (stop.requested or feed.ended):
            target = _target(feed, size_px)
            seen = feed.next_at(target) if isinstance(feed, SimulatedFeed) else feed.next(None)
            if seen is not None:
                if not checked:
                    refuse_unless_fits(profile, feed.setup)
                    checked = True
                point = None if seen.problem is not None else tracker(view_of(seen), seen.t_s)[1]
                window.show(picture(point, seen.problem, target, size_px, screen.mm_per_px))
            if window.poll(1) in STOP_KEYS:
                break
    return 0


def _target(feed: object, size_px: tuple[int, int]) -> tuple[float, float] | None:
    if not isinstance(feed, SimulatedFeed):
        return None
    x, y = pursuit_path(feed.t_s % PURSUIT_S, PURSUIT_S)
    return x * size_px[0], y * size_px[1]


def view_of(seen: Observation) -> View:
    """A usable observation as the estimates of one frame."""
    return View(
        np.array([seen.pitch_yaw_rad], dtype=np.float64),
        seen.R_norm_cam[None],
        seen.R_cam_head[None],
        seen.origin_cam_mm[None],
    )


def picture(
    point: PointOfGaze | None,
    problem: str | None,
    target: tuple[float, float] | None,
    size_px: tuple[int, int],
    mm_per_px: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """The screen (H, W, 3): the dot and its ellipse, and, where there is one, the target."""
    width, height = size_px
    texts: tuple[Text, ...] = (Text("Escape ends it", width / 2, height * 0.97, 0.7),)
    if problem is not None:
        texts = (*texts, Text(problem, width / 2, height * 0.5))
    elif point is None or not point.on_screen:
        texts = (*texts, Text("you look beside the screen", width / 2, height * 0.5))
    discs = () if target is None else target_discs(*target, size_px, 0.0, live=False)
    if point is not None and point.on_screen:
        discs = (*discs, Disc(*point.screen_px, height / 80.0, DOT))
    image = draw(Scene(size_px, discs, texts))
    if point is not None and point.on_screen and point.covariance_mm2 is not None:
        covariance_px2 = point.covariance_mm2 / np.outer(mm_per_px, mm_per_px)
        draw_ellipse(image, point.screen_px, covariance_px2, DOT, 2, most_px=4.0 * width)
    return image
