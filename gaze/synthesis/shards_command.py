"""`gaze synthesize shards`: render training crops in parallel, resumably."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from tqdm import tqdm

from gaze.errors import GazeError
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least_one, whole_between
from gaze.synthesis.asset_checks import environments_digest, read_head
from gaze.synthesis.assets import default_assets_dir
from gaze.synthesis.features import Features, names_of_features
from gaze.synthesis.shards import (
    PEOPLE_PER_SHARD,
    PICTURES_PER_PERSON,
    SIDE_PX,
    prepare_folder,
    render_shard,
    shard_is_whole,
    shard_path,
)
from gaze.worker_processes import finished, one_thread_each

# A driver may come down within seconds of a start, and not the next time.
TRIES = 3
_renderer = None


def main(argv: Sequence[str] | None = None) -> int:
    """Render the shards that are not there yet; exit code 0 when all are whole."""
    parser = argparse.ArgumentParser(
        prog="gaze synthesize shards",
        description="Render training crops with exact gaze labels. Shards that are already whole are kept.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for shard_NNNNNN.npz")
    parser.add_argument(
        "--first",
        type=whole_between(0, 10**9),
        default=0,
        metavar="N",
        help="number of the first shard; it is the seed",
    )
    parser.add_argument(
        "--count",
        type=at_least_one,
        default=10,
        metavar="N",
        help=f"how many shards, of {PEOPLE_PER_SHARD * PICTURES_PER_PERSON} crops each",
    )
    parser.add_argument(
        "--size",
        type=whole_between(*SIDE_PX),
        default=224,
        metavar="PX",
        help=f"side of a crop, {SIDE_PX[0]} to {SIDE_PX[1]}",
    )
    parser.add_argument(
        "--workers", type=at_least_one, default=os.cpu_count() or 1, metavar="N", help="processes that render"
    )
    parser.add_argument(
        "--assets", type=Path, default=default_assets_dir(), help="folder of the packed assets"
    )
    parser.add_argument(
        "--without",
        nargs="+",
        default=(),
        choices=names_of_features(),
        metavar="FEATURE",
        help=f"draw people without some of {', '.join(names_of_features())}, to learn what they are worth",
    )
    args = parser.parse_args(argv)
    features = Features.without(args.without)
    # Before the folder is begun and processes are started, each of which would find it out for itself.
    read_head(args.assets)
    prepare_folder(args.out, args.size, environments_digest(args.assets), features.left_out)
    wanted = range(args.first, args.first + args.count)
    missing = [number for number in wanted if not shard_is_whole(shard_path(args.out, number))]
    if len(missing) < len(wanted):
        print(f"{len(wanted) - len(missing)} shards are already whole and are kept")
    if not missing:
        return 0
    one_thread_each()
    started = time.monotonic()
    total = len(missing) * PEOPLE_PER_SHARD * PICTURES_PER_PERSON
    with tqdm(total=total, unit="crop", smoothing=0.05) as bar:
        made = render_all(
            partial(_render_one, str(args.assets), args.size, features, args.out), missing, args.workers, bar
        )
    seconds = time.monotonic() - started
    print(f"{made} crops in {seconds:.0f} s: {made / max(seconds, 1e-9):.1f} a second")
    return 0


def render_all(render_one: Callable[[int], int], numbers: Sequence[int], workers: int, bar: tqdm) -> int:
    """Call ``render_one``, which can be pickled, for every number, in processes; the crops made together.

    A graphics driver can bring its process down after hours of work: what it had begun is begun again in a
    new one, unless nothing at all is finished in TRIES turns.

    Raises:
        GazeError: processes end without finishing anything.
    """
    left, made, fruitless = set(numbers), 0, 0
    while left:
        before = len(left)
        broken: BrokenProcessPool | None = None
        try:
            for number, count in finished(render_one, sorted(left), min(workers, before)):
                left.remove(number)
                made += count
                bar.update(count)
        except BrokenProcessPool as error:
            broken = error
        fruitless = fruitless + 1 if len(left) == before else 0
        if broken is not None and fruitless == TRIES:
            raise GazeError(
                "processes that render end before their first shard is whole, perhaps for want of memory; "
                "run again with fewer --workers: shards that are whole are kept"
            ) from broken
        if broken is not None:
            bar.write("a process that renders came down; its shard is begun again", file=sys.stderr)
    return made


def _render_one(assets_dir: str, size_px: int, features: Features, folder: Path, number: int) -> int:
    """One shard, in a process of its own; the renderer is made for the first and kept to its end."""
    global _renderer
    if _renderer is None:
        import cv2

        from gaze.synthesis.crops import CropRenderer

        cv2.setNumThreads(1)
        _renderer = CropRenderer(assets_dir, size_px, features)
    return render_shard(_renderer, folder, number)
