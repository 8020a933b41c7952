"""The flags of `gaze run`."""

from __future__ import annotations

import argparse
from pathlib import Path

from deploy.gate_options import add_max_sigma
from deploy.gates import GateConfig
from deploy.network_options import add_network_options
from deploy.smoothing import SmoothingConfig
from gaze.camera import ASSUMED_HFOV_DEG
from gaze.help_format import HelpFormatter
from gaze.option_types import above, at_least_one, between, hfov_argument, not_below, size_argument

ON_OFF = argparse.BooleanOptionalAction
DEFAULT_FILE = Path("gaze.toml")
TABLE = "run"


def make_parser() -> argparse.ArgumentParser:
    """The flags of `gaze run`."""
    parser = argparse.ArgumentParser(
        prog="gaze run",
        usage="gaze run [--source SOURCE] [OPTIONS]",
        description="Estimate gaze on a camera, video, stream, picture or folder. Settings can also stand "
        f"in the table [{TABLE}] of {DEFAULT_FILE}, by the names of the flags; a flag wins.",
        formatter_class=HelpFormatter,
        allow_abbrev=False,  # deploy.run_config looks for --config before, by this name alone
    )
    parser.add_argument(
        "--config", metavar="TOML", help=f"settings file (default: {DEFAULT_FILE} here, where there is one)"
    )
    _add_source(parser.add_argument_group("source"))
    _add_camera_and_network(parser.add_argument_group("camera and network"))
    _add_smoothing_and_gates(parser.add_argument_group("smoothing and gates"))
    _add_point_of_gaze(parser.add_argument_group("point of gaze"))
    _add_output(parser.add_argument_group("output"))
    _add_service(parser.add_argument_group("service"))
    return parser


def _add_source(group: argparse._ArgumentGroup) -> None:
    """Where the pictures come from."""
    group.add_argument(
        "--source",
        help="camera index or device path, video file, picture, folder of pictures, RTSP or HTTP URL, "
        "GStreamer pipeline string, or - for raw BGR frames on standard input (with --size) "
        "(default: camera 0)",
    )
    group.add_argument(
        "--size",
        type=size_argument,
        metavar="WxH",
        help="size asked of a camera (default: that of --profile or --camera, else 1280x720 if it is fast at "
        "that), or of the frames on standard input, in px",
    )
    group.add_argument(
        "--fps",
        type=between(0.01, 1000.0),  # what a video can state, and be told of one
        help="rate asked of a camera; of standard input; of a folder, which is then a sequence "
        "and not unrelated pictures",
    )
    group.add_argument(
        "--newest",
        action=ON_OFF,
        default=False,
        help="hand over only the newest frame of standard input too, as of cameras and streams",
    )
    group.add_argument(
        "--wait",
        action=ON_OFF,
        default=False,
        help="wait for a camera or stream that is not there yet, or has ended",
    )
    group.add_argument("--loop", action=ON_OFF, default=False, help="play a video file for ever")
    group.add_argument("--frames", type=at_least_one, metavar="N", help="end after N frames")
    group.add_argument(
        "--demo",
        action=ON_OFF,
        default=False,
        help="without --source: the first camera that delivers a picture, else the clip in the package; with "
        "no display: writes demo.mp4 and demo.jsonl",
    )


def _add_camera_and_network(group: argparse._ArgumentGroup) -> None:
    """Field of view, network, engine and landmarks."""
    group.add_argument("--camera", metavar="JSON", help="intrinsics (gaze calibrate camera)")
    group.add_argument(
        "--hfov",
        type=hfov_argument,
        metavar="DEG",
        help="horizontal field of view, where there is no --camera; "
        f"{ASSUMED_HFOV_DEG:g} is assumed, with a warning",
    )
    add_network_options(group)
    group.add_argument(
        "--max-faces", type=at_least_one, default=1, metavar="N", help="how many people are followed"
    )


def _add_smoothing_and_gates(group: argparse._ArgumentGroup) -> None:
    """What steadies a gaze and what withholds it."""
    group.add_argument(
        "--smooth", action=ON_OFF, default=False, help="steady the directions (One Euro filter)"
    )
    group.add_argument(
        "--smooth-min-cutoff",
        type=above(0),
        default=SmoothingConfig().min_cutoff_hz,
        metavar="HZ",
        help="lower is steadier and slower",
    )
    group.add_argument(
        "--smooth-beta",
        type=not_below(0),
        default=SmoothingConfig().beta,
        metavar="B",
        help="Hz of cut-off added per rad/s of gaze speed; higher follows jumps faster",
    )
    group.add_argument(
        "--min-eye-open",
        type=not_below(0),
        default=GateConfig().eye_open,
        metavar="X",
        help="eyes less open on average are a blink; 0 never",
    )
    group.add_argument(
        "--min-sharpness",
        type=not_below(0),
        default=GateConfig().sharpness,
        metavar="X",
        help="a face less sharp is blurred; 0 never",
    )
    group.add_argument(
        "--frozen-after",
        type=not_below(0),
        default=GateConfig().frozen_s,
        metavar="S",
        help="seconds of the very same picture after which the camera is frozen; 0 never",
    )
    add_max_sigma(group)


def _add_point_of_gaze(group: argparse._ArgumentGroup) -> None:
    """The point on the screen, and what is made of it."""
    group.add_argument(
        "--profile",
        metavar="JSON",
        help="calibrated profile (gaze calibrate person): adds the point on the screen",
    )
    group.add_argument(
        "--event-method",
        choices=("ivt", "idt"),  # calibration.events.METHODS, which the loop loads with a profile only
        default="ivt",
        help="how fixations and saccades are found: by speed or by dispersion",
    )
    group.add_argument("--heatmap", metavar="PNG", help="picture of where the gaze dwelt, at the end")
    group.add_argument("--scanpath", metavar="PNG", help="picture of the fixations in order, at the end")
    group.add_argument(
        "--areas", metavar="JSON", help="areas of interest: prints their dwell times at the end"
    )
    group.add_argument("--dwell", metavar="JSON", help="writes the dwell times of --areas")


def _add_output(group: argparse._ArgumentGroup) -> None:
    """What is shown and written."""
    group.add_argument(
        "--window", action=ON_OFF, default=None, help="show a window (default: where there is a display)"
    )
    group.add_argument(
        "--mirror",
        action=ON_OFF,
        help="show the window like a mirror (default: of the demo's camera only)",
    )
    group.add_argument("--show-landmarks", action=ON_OFF, default=False, help="draw the landmarks")
    group.add_argument(
        "--weight-map",
        action=ON_OFF,
        default=False,
        help="draw the heat map of the network's spatial weights",
    )
    group.add_argument("--timings", action=ON_OFF, default=True, help="draw rate and milliseconds per stage")
    group.add_argument("--save", metavar="MP4", help="video with everything drawn (.mp4, .mkv or .avi)")
    group.add_argument("--jsonl", metavar="FILE", help="one JSON object a frame; - is standard output")
    group.add_argument("--csv", metavar="FILE", help="one row a face; - is standard output")
    group.add_argument(
        "--out", default="out", metavar="DIR", help="where snapshots and recordings made by key go"
    )
    group.add_argument(
        "--truth",
        metavar="JSONL",
        help="ground truth of the clip: its camera is used, and the mean angular error printed at the end",
    )
    group.add_argument(
        "--progress", action=ON_OFF, default=True, help="progress bar for files, on a terminal"
    )


def _add_service(group: argparse._ArgumentGroup) -> None:
    """For runs that nobody watches."""
    group.add_argument("--status-file", metavar="JSON", help="health of the run, rewritten every second")
    group.add_argument(
        "--watchdog",
        choices=("auto", "on", "off"),
        default="auto",
        help="feed systemd's watchdog: where it asks, always (an error where it does not ask), never",
    )
