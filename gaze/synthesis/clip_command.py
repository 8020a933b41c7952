"""`gaze synthesize clip`: a video of rendered people with ground truth beside it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tqdm import tqdm

from gaze.camera import Camera
from gaze.errors import UsageError
from gaze.files import prepare_outputs
from gaze.help_format import HelpFormatter
from gaze.option_types import above, at_least, hfov_argument, size_between, whole_between
from gaze.synthesis.assets import default_assets_dir

CONTAINERS = (".mp4", ".mkv", ".avi", ".mov")


def main(argv: Sequence[str] | None = None) -> int:
    """Render and write the clip."""
    parser = argparse.ArgumentParser(
        prog="gaze synthesize clip",
        description="A webcam clip of rendered people; <name>.truth.jsonl beside it holds the ground truth.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("clip.mp4"), help="video to write")
    parser.add_argument(
        "--people",
        type=at_least(0),
        nargs="+",
        default=[0],
        metavar="SEED",
        help="person seeds, one after the other",
    )
    parser.add_argument("--seconds", type=above(0), default=9.0, metavar="S", help="length of the clip")
    parser.add_argument("--fps", type=whole_between(1, 1000), default=20, metavar="N", help="frames a second")
    parser.add_argument(
        "--size", type=size_between(64, 4096), default="640x480", metavar="WxH", help="of the frames, in px"
    )
    parser.add_argument(
        "--hfov", type=hfov_argument, default=65.0, metavar="DEG", help="horizontal field of view"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of motion, light and camera")
    parser.add_argument("--clean", action="store_true", help="no noise, blur or compression by the sensor")
    parser.add_argument(
        "--assets", type=Path, default=default_assets_dir(), help="folder of the packed assets"
    )
    args = parser.parse_args(argv)
    if args.out.suffix.lower() not in CONTAINERS:
        raise UsageError(f"{args.out}: a clip is saved as {', '.join(CONTAINERS)}")
    prepare_outputs(args.out)
    # What FFmpeg says of a film that was cut off, our own message says better.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    from gaze.synthesis.clip import ClipOptions, render_clip, write_clip
    from gaze.synthesis.webcam import WebcamRenderer

    camera = Camera.from_hfov(args.hfov, *args.size, "calibrated")
    options = ClipOptions(tuple(args.people), args.seconds, args.fps, args.seed, args.clean)
    total = round(args.seconds * args.fps / len(args.people)) * len(args.people)
    with (
        WebcamRenderer(args.assets, camera) as renderer,
        closing(render_clip(renderer, options)) as frames,
    ):
        count = write_clip(args.out, camera, tqdm(frames, total=total, unit="frame"), args.fps)
    print(f"{count} frames: {args.out}")
    return 0
