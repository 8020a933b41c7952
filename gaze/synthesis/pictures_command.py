"""`gaze synthesize pictures`: webcam frames or crops as PNG, each with its ground truth beside it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from gaze.errors import UsageError
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least, at_least_one, between, size_between, whole_between
from gaze.synthesis.asset_checks import environments_digest, read_head
from gaze.synthesis.assets import default_assets_dir


def main(argv: Sequence[str] | None = None) -> int:
    """Render and write the pictures.

    Raises:
        UsageError, DataError, ModelError, RuntimeUnavailableError: options, assets or folder are unusable.
    """
    parser = argparse.ArgumentParser(
        prog="gaze synthesize pictures",
        description="Pictures of rendered people, one person a seed. A JSON beside each holds gaze, head, "
        "eyes, 68 landmarks in 3-D and in px, the camera with its distortion, and what is in the picture. "
        "Pictures that are already whole are kept; a folder holds pictures of one setting alone.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for NNNNNNN.png and NNNNNNN.json")
    parser.add_argument("--first", type=at_least(0), default=0, help="the first seed")
    parser.add_argument("--count", type=at_least_one, default=10, help="how many pictures")
    parser.add_argument(
        "--size",
        type=size_between(64, 4096),
        default="640x480",
        metavar="WxH",
        help="of webcam frames, in px",
    )
    parser.add_argument(
        "--distance",
        type=between(300, 2000),
        metavar="MM",
        help="from the camera to the eyes, in webcam frames (default: as far as people sit)",
    )
    parser.add_argument(
        "--crops",
        type=whole_between(64, 1024),
        metavar="PX",
        help="square training crops of this side instead",
    )
    parser.add_argument(
        "--assets", type=Path, default=default_assets_dir(), help="folder of the packed assets"
    )
    args = parser.parse_args(argv)
    if args.crops is not None and args.distance is not None:
        raise UsageError("--distance is of webcam frames: leave it or --crops out")
    from gaze.synthesis.pictures import (
        crop_pictures,
        is_whole,
        prepare_folder,
        webcam_pictures,
        write_pictures,
    )

    # Before the folder is begun, which would then be of settings that no picture has.
    read_head(args.assets)
    prepare_folder(args.out, args.crops or args.size, args.distance, environments_digest(args.assets))
    wanted = range(args.first, args.first + args.count)
    missing = [seed for seed in wanted if not is_whole(args.out, seed)]
    seeds = tqdm(missing, unit="picture")
    if args.crops is not None:
        pictures = crop_pictures(args.assets, args.crops, seeds)
    else:
        pictures = webcam_pictures(args.assets, args.size, seeds, args.distance)
    count = write_pictures(args.out, pictures)
    print(f"{count} pictures in {args.out}, {len(wanted) - count} were there")
    return 0
