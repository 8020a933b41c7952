"""The screen that the flags describe: from a file, or from the display and a preset."""

from __future__ import annotations

import argparse
import dataclasses
import logging

from calibration.card_check import CardCheck, agree
from calibration.displays import Display, choose_display, find_displays, size_problem
from calibration.scene import draw
from calibration.screen import Screen
from calibration.screen_presets import PRESETS, placed_screen, preset
from deploy.calibrate.board import display_of
from deploy.calibrate.common import STOP_KEYS, add_display_options
from deploy.display.fullscreen import FullScreen
from deploy.stopping import StopSignals
from gaze.errors import CalibrationError, UsageError
from gaze.option_types import size_mm_argument

log = logging.getLogger("gaze")

PRESET = "laptop"
# What describes a screen, and would do nothing beside a screen that is described already.
SCREEN_OPTIONS = ("resolution", "size_mm", "card", "preset")


def add_screen_options(parser: argparse._ActionsContainer) -> None:
    """Which display, how large, and where the camera sits."""
    add_display_options(parser)
    parser.add_argument(
        "--size-mm",
        type=size_mm_argument,
        metavar="WxH",
        help="of the lit area, in mm, where the display does not say it",
    )
    parser.add_argument("--card", action="store_true", help="find the size with a bank card on the screen")
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), help=f"where the camera sits at the screen (default: {PRESET})"
    )


def display_and_size(options: argparse.Namespace) -> tuple[Display, tuple[float, float]]:
    """The display of the flags and its size in mm, checked.

    Raises:
        CalibrationError: neither the display nor the flags tell the size, it cannot be right, or the bank
            card says otherwise.
        UsageError: there is no such display.
    """
    if options.card:
        display = display_of(options)
        return display, _checked_card(display, options.size_mm)
    displays = find_displays()
    if options.resolution is not None:
        named = [item for item in displays if (item.width_px, item.height_px) == options.resolution]
        display = named[0] if named else Display(options.display or "screen", *options.resolution)
    else:
        display = choose_display(displays, options.display)
    size_px = (display.width_px, display.height_px)
    size_mm = options.size_mm or (display.width_mm, display.height_mm)
    problem = size_problem(size_px, size_mm)
    if problem and options.size_mm is None:
        raise CalibrationError(
            f"the size of display {display.name} is not known: {problem}. Add --card and hold a bank "
            "card against it, or measure the lit area and add --size-mm WxH"
        )
    if problem:
        raise CalibrationError(f"--size-mm cannot be right: {problem}")
    return display, size_mm


def card_size(display: Display) -> tuple[float, float]:
    """The size of a display in mm, by a bank card held against it.

    Raises:
        CalibrationError: it was stopped.
    """
    check = CardCheck((display.width_px, display.height_px), display.width_mm)
    with StopSignals() as stop, FullScreen(display) as window:
        while not check.done:
            window.show(draw(check.scene()))
            key = window.poll(30)
            if stop.requested or key in STOP_KEYS:
                raise CalibrationError("the card check was stopped; nothing is changed")
            check.press(key)
    return check.size_mm


def _checked_card(display: Display, given_mm: tuple[float, float] | None) -> tuple[float, float]:
    size_mm = card_size(display)
    stated = (display.width_mm, display.height_mm)
    if given_mm or not display.size_problem():
        agree(size_mm, given_mm or stated)
    return size_mm


def screen_of(options: argparse.Namespace) -> Screen:
    """The screen of the flags, placed by its preset.

    Raises:
        CalibrationError, UsageError: as display_and_size.
    """
    display, size_mm = display_and_size(options)
    placement = preset(options.preset or PRESET, size_mm[1])
    screen = stated(
        placed_screen(placement, (display.width_px, display.height_px), size_mm, display.name), display
    )
    log.info(
        "screen %s: %dx%d px, %.0fx%.0f mm, camera as the preset %s has it",
        screen.name,
        screen.width_px,
        screen.height_px,
        screen.width_mm,
        screen.height_mm,
        options.preset or PRESET,
    )
    return screen


def stated(screen: Screen, display: Display) -> Screen:
    """The screen with what its display says of its own width, by which it is known again."""
    width_mm = 0.0 if display.size_problem() else display.width_mm
    return dataclasses.replace(screen, stated_width_mm=width_mm)


def add_screen(screens: tuple[Screen, ...], new: Screen) -> tuple[Screen, ...]:
    """The screens with one more; one of the same name is replaced."""
    return (*(screen for screen in screens if screen.name != new.name), new)


def check_name(name: str) -> str:
    """A name for a screen.

    Raises:
        UsageError: it is empty.
    """
    if not name.strip():
        raise UsageError("--name must not be empty")
    return name
