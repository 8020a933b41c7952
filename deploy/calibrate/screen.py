"""`gaze calibrate screen`: size and place of a screen, by preset, tape measure, mirror or from gazes."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration.camera_spread import CameraSpread
from calibration.mirror import MirrorView, solve_mirror
from calibration.mirror_capture import MirrorCapture, find_in_mirror, shown_board, with_words
from calibration.screen import Screen, load_screens, save_screens
from calibration.screen_pose import estimate_screen_pose
from calibration.screen_presets import placed_screen, preset
from calibration.session import Session, require_samples
from deploy.calibrate.common import (
    STOP_KEYS,
    add_source_options,
    display_for,
    make_parser,
)
from deploy.calibrate.screens import (
    PRESET,
    SCREEN_OPTIONS,
    add_screen,
    add_screen_options,
    check_name,
    display_and_size,
    stated,
)
from deploy.display.fullscreen import FullScreen
from deploy.sources import open_source
from deploy.stopping import StopSignals
from gaze.camera import Camera
from gaze.errors import CalibrationError, UsageError
from gaze.files import prepare_outputs, spare_inputs
from gaze.option_refusals import refuse_beside
from gaze.option_types import at_least_one, between
from gaze.picture_files import pictures_of_one_size

log = logging.getLogger("gaze")

MEASURED_SD_MM, MEASURED_SD_DEG = 5.0, 3.0
# What only the mirror method uses, on a camera and in pictures.
FILMING = ("source", "size", "mirror_views")
MEASURED = ("right_mm", "up_mm", "front_mm", "down_deg")

DISTANCE_MM = between(-3000.0, 3000.0, "mm")
TILT_DEG = between(-80.0, 80.0, "degrees")


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = make_parser(
        "screen",
        "Size and place of a screen. The size comes from the display, a bank card or --size-mm; the place "
        "from a preset, a tape measure (--right-mm and the like), a mirror (--mirror) or a calibration from "
        "several places of the head (--from-session).",
    )
    add_screen_options(result)
    result.add_argument("--name", help="of the screen (default: the display's)")
    place = result.add_argument_group("measured place of the camera, instead of the preset's")
    place.add_argument(
        "--right-mm", type=DISTANCE_MM, metavar="MM", help="right of the screen's middle, as you see it"
    )
    place.add_argument(
        "--up-mm",
        type=DISTANCE_MM,
        metavar="MM",
        help="above the top edge of the lit area; below it: negative",
    )
    place.add_argument("--front-mm", type=DISTANCE_MM, metavar="MM", help="in front of the screen's surface")
    place.add_argument(
        "--down-deg", type=TILT_DEG, metavar="DEG", help="how far the camera looks down from straight ahead"
    )
    exact = result.add_argument_group("exact place")
    exact.add_argument("--mirror", action="store_true", help="show a board and film it in a hand mirror")
    exact.add_argument("--mirror-images", metavar="DIR", help="pictures of that board in a mirror")
    exact.add_argument(
        "--mirror-views", type=at_least_one, default=6, metavar="N", help="mirror poses to take"
    )
    add_source_options(exact)
    exact.add_argument("--from-session", metavar="JSON", help="file kept by gaze calibrate person")
    result.add_argument("--out", default="screens.json", metavar="JSON", help="where the screens go")
    result.add_argument("--add", action="store_true", help="keep the other screens that are in --out")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Describe a screen. Returns 0.

    Raises:
        GazeError: as its message says; --out is then untouched.
    """
    flags = parser()
    options = flags.parse_args(argv)
    ways = [name for name in ("mirror", "mirror_images", "from_session") if getattr(options, name)]
    if len(ways) > 1:
        raise UsageError(
            f"--{ways[0].replace('_', '-')} and --{ways[1].replace('_', '-')} exclude each other"
        )
    if options.from_session:
        refuse_beside(options, "from_session", ("display", *SCREEN_OPTIONS), "the session has its screen")
        refuse_beside(options, "from_session", (*FILMING, "camera"), "the session has its camera", flags)
    elif options.mirror_images:
        refuse_beside(options, "mirror_images", FILMING, "no camera is opened", flags)
    elif not options.mirror:
        _refuse_without_a_mirror(options, flags)
    for way in ways:
        refuse_beside(options, way, ("preset", *MEASURED), "it finds the place by itself")
    spare_inputs(
        {"--out": options.out}, {"--from-session": [options.from_session], "--camera": [options.camera]}
    )
    prepare_outputs(options.out)
    if options.from_session:
        session = Session.load(options.from_session)
        estimate = estimate_screen_pose(require_samples(session), session.screen)
        print(estimate.text())
        screen = estimate.screen
    else:
        screen = _placed(options)
        if ways:
            screen = _by_mirror(options, screen)
    if options.name:
        screen = dataclasses.replace(screen, name=check_name(options.name))
    screens = load_screens(options.out) if options.add and Path(options.out).exists() else ()
    save_screens(add_screen(screens, screen), options.out)
    print(describe(screen))
    print(f"wrote {options.out}")
    return 0


def _refuse_without_a_mirror(options: argparse.Namespace, flags: argparse.ArgumentParser) -> None:
    for name in (*FILMING, "camera"):
        if getattr(options, name) != flags.get_default(name):
            raise UsageError(f"--{name.replace('_', '-')} is of the mirror method; give --mirror too")


def describe(screen: Screen) -> str:
    """One paragraph on a screen: what a person can check with a ruler."""
    R, t = screen.R_cam_screen, screen.t_cam_mm
    # 0.0 + and 0.0 - leave no -0.
    right, down, into = np.round(-R.T @ t - [screen.width_mm / 2, 0.0, 0.0])
    return (
        f"screen {screen.name}: {screen.width_px}x{screen.height_px} px, {screen.width_mm:.0f}x"
        f"{screen.height_mm:.0f} mm; the camera is {0.0 + right:+.0f} mm right of its middle, "
        f"{0.0 - down:+.0f} mm above its top edge and {0.0 - into:+.0f} mm in front of it "
        f"({screen.pose_source}; one standard deviation in all: {np.sqrt(3) * screen.position_sd_mm:.0f} mm, "
        f"{np.sqrt(3) * screen.rotation_sd_deg:.1f} degrees)"
    )


def _placed(options: argparse.Namespace) -> Screen:
    display, size_mm = display_and_size(options)
    size_px = (display.width_px, display.height_px)
    placement = preset(options.preset or PRESET, size_mm[1])
    given = {name: value for name in MEASURED if (value := getattr(options, name)) is not None}
    source = "preset"
    if given:
        source = "measured"
        # One measured number does not make the others known.
        whole = {"right_mm", "up_mm", "front_mm"} <= set(given)
        given["position_sd_mm"] = MEASURED_SD_MM if whole else placement.position_sd_mm
        tilt_known = "down_deg" in given
        given["rotation_sd_deg"] = MEASURED_SD_DEG if tilt_known else placement.rotation_sd_deg
        placement = dataclasses.replace(placement, **given)
    return stated(placed_screen(placement, size_px, size_mm, display.name, source), display)


def _by_mirror(options: argparse.Namespace, screen: Screen) -> Screen:
    if options.camera is None:
        raise UsageError(
            "the mirror method needs exact intrinsics: --camera camera.json (gaze calibrate camera)"
        )
    stated = Camera.load(options.camera).source
    if stated != "calibrated":
        raise CalibrationError(
            f"{options.camera}: its focal length is not measured ({stated}), and the mirror method can be no "
            "more exact than that; run `gaze calibrate camera` with a board"
        )
    intrinsics = CameraSpread.load(options.camera)
    # A board that is believed to be half a percent too high looks like one that is tilted by some degrees.
    screen = screen.with_square_pixels()
    if options.mirror_images:
        views, size = _mirror_pictures(options.mirror_images, screen)
    else:
        views, size = _mirror_live(options, screen, intrinsics.camera)
    middle_mm = [screen.width_mm / 2, screen.height_mm / 2]
    pose = solve_mirror(views, intrinsics.for_frame(*size), middle_mm)
    print(pose.text())
    if pose.rms_px > 1.0:
        log.warning("%.1f px is much: hold the mirror still, and use a flat one", pose.rms_px)
    return screen.moved(
        pose.R_cam_screen,
        pose.t_cam_mm,
        pose_source="mirror",
        rotation_sd_deg=pose.rotation_sd_deg,
        position_sd_mm=pose.position_sd_mm,
    )


def _mirror_pictures(folder: str, screen: Screen) -> tuple[list[MirrorView], tuple[int, int]]:
    """Views in the pictures of a folder, and the size of the pictures."""
    shown = shown_board((screen.width_px, screen.height_px))
    views: list[MirrorView] = []
    left_out: list[str] = []
    size = (0, 0)
    for name, image in pictures_of_one_size(folder, "the pictures of the mirror", left_out):
        size = (image.shape[1], image.shape[0])
        view = find_in_mirror(image, shown, screen)
        if view is None:
            left_out.append(f"{name}: the board is not seen in the mirror")
            continue
        views.append(view)
    for line in left_out:
        log.warning("left out: %s", line)
    return views, size


def _mirror_live(
    options: argparse.Namespace, screen: Screen, camera: Camera
) -> tuple[list[MirrorView], tuple[int, int]]:
    display = display_for(screen, options.display)
    shown = shown_board((screen.width_px, screen.height_px))
    capture = MirrorCapture(shown, screen, options.mirror_views)
    picture = shown.picture((screen.width_px, screen.height_px))
    size = options.size or (camera.width, camera.height)
    with (
        StopSignals() as stop,
        open_source(options.source, size=size) as source,
        FullScreen(display) as window,
    ):
        said = "Hold a hand mirror so that the camera sees this board in it."
        while not capture.done and not source.ended:
            frame = source.read(0.05)
            if frame is not None:
                size = (frame.image.shape[1], frame.image.shape[0])
                said = capture.feed(frame.image, frame.t_s)
            window.show(with_words(picture, said))
            if stop.requested or window.poll(1) in STOP_KEYS:
                raise CalibrationError("stopped; nothing is changed")
    return capture.views, size
