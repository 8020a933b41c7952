"""`gaze analyze`: fixations, dwell times, heat map and scan path of a recording with points of gaze."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration.areas import area_report, load_areas, report_text
from calibration.events import METHODS
from calibration.pictures import heat_map, save_picture, scan_path
from calibration.recording import Recording, read_recording
from calibration.screen import load_screens
from gaze.errors import DataError, UsageError
from gaze.files import prepare_outputs, replacing, spare_inputs, write_json
from gaze.help_format import HelpFormatter
from gaze.option_types import above, size_argument
from gaze.picture_files import prepare_pictures, read_picture


def make_parser() -> argparse.ArgumentParser:
    """The flags of `gaze analyze`."""
    parser = argparse.ArgumentParser(
        prog="gaze analyze",
        description="Fixations, saccades, dwell times, heat map and scan path of a recording that was made "
        "with `gaze run --profile profile.json --jsonl FILE`.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("recording", metavar="JSONL", help="the recording")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--resolution", type=size_argument, metavar="WxH", help="of the screen, in px; or --screens"
    )
    size.add_argument("--screens", metavar="JSON", help="screens.json of `gaze calibrate screen`")
    parser.add_argument(
        "--screen",
        metavar="NAME",
        help="draw the gaze on this one of several (default: the one looked at most)",
    )
    parser.add_argument(
        "--event-method",
        choices=METHODS,
        default="ivt",
        help="how fixations and saccades are found: by speed or by dispersion",
    )
    parser.add_argument(
        "--face", type=int, metavar="ID", help="id of the person (default: the one seen most)"
    )
    parser.add_argument(
        "--events", metavar="FILE", help="write fixations and saccades, one JSON object a line"
    )
    parser.add_argument("--areas", metavar="JSON", help="areas of interest; their dwell times are printed")
    parser.add_argument("--dwell", metavar="JSON", help="write the dwell times of --areas")
    parser.add_argument("--heatmap", metavar="PNG", help="write where the gaze dwelt")
    parser.add_argument("--scanpath", metavar="PNG", help="write the fixations in order")
    parser.add_argument(
        "--blur-px", type=above(0), default=40.0, metavar="PX", help="deviation of the heat map's blur"
    )
    parser.add_argument("--background", metavar="PICTURE", help="screenshot to draw on")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Read a recording and write what was asked for. Returns 0.

    Raises:
        UsageError: a picture is asked for without the screen's resolution, or dwell times without areas.
        DataError: the recording or the areas cannot be used.
        CalibrationError: a picture cannot be drawn or written.
    """
    options = make_parser().parse_args(argv)
    if options.dwell and not options.areas:
        raise UsageError("--dwell writes the times of areas; give them with --areas areas.json")
    names = ("events", "dwell", "heatmap", "scanpath")
    spare_inputs(
        {f"--{name}": getattr(options, name) for name in names},
        {
            "JSONL": [options.recording],
            "--screens": [options.screens],
            "--areas": [options.areas],
            "--background": [options.background],
        },
    )
    prepare_outputs(options.events, options.dwell)
    prepare_pictures(options.heatmap, options.scanpath)
    areas = load_areas(options.areas) if options.areas else []
    recording = read_recording(options.recording, options.event_method, options.face)
    print(summary(recording))
    if options.events:
        with replacing(options.events) as temporary, temporary.open("w", encoding="utf-8") as file:
            for event in recording.events:
                file.write(json.dumps(event) + "\n")
    if areas:
        report = area_report(recording, areas)
        print(report_text(report))
        if options.dwell:
            write_json(options.dwell, report)
    if options.heatmap or options.scanpath:
        screen = recording.main_screen if options.screen is None else options.screen
        if options.screen is not None and screen not in recording.screen:
            raise UsageError(
                f"no gaze on a screen named {screen!r}; there are {', '.join(sorted(set(recording.screen)))}"
            )
        size_px = _size(options, screen)
        background = _picture(options.background) if options.background else None
        if options.heatmap:
            points, seconds = recording.points(screen)
            save_picture(heat_map(points, seconds, size_px, options.blur_px, background), options.heatmap)
        if options.scanpath:
            save_picture(scan_path(recording.fixations_on(screen), size_px, background), options.scanpath)
    return 0


def summary(recording: Recording) -> str:
    """One line on a recording."""
    _, seconds = recording.points()
    durations = [float(event["duration_s"]) for event in recording.fixations]
    amplitudes = [float(item["amplitude_deg"]) for item in recording.events if item["type"] == "saccade"]
    parts = [f"{len(recording)} points of gaze in {seconds.sum():.1f} s", f"{len(durations)} fixations"]
    if durations:
        parts.append(f"{1000 * float(np.median(durations)):.0f} ms in the median")
    if amplitudes:
        parts.append(f"{len(amplitudes)} saccades, {float(np.median(amplitudes)):.1f} deg in the median")
    return ", ".join(parts)


def _size(options: argparse.Namespace, name: str) -> tuple[int, int]:
    if options.screens:
        screens = load_screens(options.screens)
        found = [screen for screen in screens if screen.name == name or len(screens) == 1]
        if not found:
            names = ", ".join(screen.name for screen in screens)
            raise UsageError(f"{options.screens}: holds no screen {name!r}; there are {names}")
        return found[0].width_px, found[0].height_px
    if options.resolution is None:
        raise UsageError("a picture needs the screen's size: --resolution WxH or --screens screens.json")
    return options.resolution


def _picture(path: str) -> np.ndarray:
    if not Path(path).is_file():
        raise DataError(f"{path}: no such file; give a screenshot of what was looked at")
    return read_picture(path)
