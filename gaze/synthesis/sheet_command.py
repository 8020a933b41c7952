"""`gaze synthesize sheet`: many rendered people on one picture, to be looked at beside real ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from gaze.errors import DataError
from gaze.geometry import vector_from_angles
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least, at_least_one, whole_between
from gaze.picture_files import prepare_pictures, write_picture
from gaze.synthesis.assets import default_assets_dir
from gaze.synthesis.shards import SEEDS_PER_PERSON


def main(argv: Sequence[str] | None = None) -> int:
    """Render a sheet and write it as PNG or JPEG."""
    parser = argparse.ArgumentParser(
        prog="gaze synthesize sheet",
        description="A contact sheet of rendered people.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("sheet.png"), help="picture to write")
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the first person")
    parser.add_argument("--rows", type=at_least_one, default=4, metavar="N", help="rows of people")
    parser.add_argument("--columns", type=at_least_one, default=7, metavar="N", help="people in a row")
    parser.add_argument(
        "--size", type=whole_between(64, 1024), default=224, metavar="PX", help="side of a crop"
    )
    parser.add_argument("--arrows", action="store_true", help="draw each label as an arrow")
    parser.add_argument(
        "--assets", type=Path, default=default_assets_dir(), help="folder of the packed assets"
    )
    args = parser.parse_args(argv)
    prepare_pictures(args.out)
    from gaze.synthesis.crops import CropRenderer

    rows = []
    with CropRenderer(args.assets, args.size) as renderer:
        for row in range(args.rows):
            crops = []
            for column in range(args.columns):
                seed = args.seed + row * args.columns + column
                with renderer.dress(seed) as dressed:
                    crop = renderer.render(dressed, seed * SEEDS_PER_PERSON)
                crops.append(_with_arrow(crop.image, crop.pitch_yaw_rad) if args.arrows else crop.image)
            rows.append(np.hstack(crops))
    try:
        write_picture(args.out, np.vstack(rows))
    except OSError as error:
        raise DataError(
            f"{args.out}: cannot be written ({error.strerror or error}); free some space, or choose another "
            "--out, and run again"
        ) from error
    print(f"{args.rows * args.columns} people: {args.out}")
    return 0


def _with_arrow(image: np.ndarray, pitch_yaw_rad: np.ndarray) -> np.ndarray:
    size = image.shape[0]
    direction = vector_from_angles(pitch_yaw_rad)
    start = np.array([size / 2, size / 2])
    end = start + direction[:2] * size * 0.45
    picture = np.ascontiguousarray(image)
    cv2.arrowedLine(
        picture, tuple(int(v) for v in start), tuple(int(v) for v in end), (60, 220, 60), 2, cv2.LINE_AA
    )
    return picture
