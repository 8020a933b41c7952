"""`gaze synthesize mpiifacegaze`: a stand-in for MPIIFaceGaze of rendered people."""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from gaze.help_format import HelpFormatter
from gaze.option_types import at_least, at_least_one, not_below, whole_between
from gaze.synthesis.assets import default_assets_dir
from gaze.synthesis.mpiifacegaze_standin import SUBSET_FOLDER, StandinOptions, write_standin
from gaze.types import ROTATION_ONLY, SCALED
from gaze.worker_processes import one_thread_each


def main(argv: Sequence[str] | None = None) -> int:
    """Write the stand-in; returns the exit code."""
    d = StandinOptions()
    parser = argparse.ArgumentParser(
        prog="gaze synthesize mpiifacegaze",
        description="Write rendered people in exactly the layout of raw MPIIFaceGaze. People that are there "
        "already are kept, so a killed call can be given again.",
        formatter_class=HelpFormatter,
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the data set")
    add("--persons", type=whole_between(1, 100), default=d.persons, metavar="N", help="how many people")
    add("--images", type=at_least_one, default=d.images, metavar="N", help="pictures a person")
    add("--seed", type=at_least(0), default=d.seed, help="the same seed gives the same data set")
    add(
        "--landmark-noise-px",
        type=not_below(0),
        default=d.landmark_noise_px,
        metavar="PX",
        help="standard deviation of the landmarks, each axis",
    )
    add(
        "--released",
        choices=(ROTATION_ONLY, SCALED, "no"),
        default="no",
        help="also write the released layout (pXX.mat, 448 px), its labels in this label space",
    )
    add(
        "--workers", type=at_least_one, default=os.cpu_count() or 1, metavar="N", help="processes that render"
    )
    add("--assets", type=Path, default=default_assets_dir(), help="folder of the packed assets")
    args = parser.parse_args(argv)
    one_thread_each()
    options = StandinOptions(args.persons, args.images, args.seed, args.landmark_noise_px)
    # Here, so that --help needs neither OpenGL nor the packages of training.
    from gaze.synthesis.webcam import PersonAtLaptop

    make_renderer = functools.partial(PersonAtLaptop, str(args.assets))
    manifest = write_standin(args.out, make_renderer, options, args.workers)
    noise = sum(manifest["label_noise_deg"].values()) / args.persons
    print(
        f"{args.out}: {args.persons} people with {args.images} pictures each; the estimated head pose moves "
        f"the gaze label by {noise:.2f} degrees on average; evaluation lists in {args.out / SUBSET_FOLDER}"
    )
    if args.released != "no":
        from gaze.synthesis.standin_released import write_released

        print(f"released layout: {write_released(args.out, args.released)}")
    return 0
