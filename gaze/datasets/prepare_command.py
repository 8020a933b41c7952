"""`gaze prepare`: a data set as it was downloaded -> one normalised HDF5."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gaze.errors import UsageError
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least_one, between
from gaze.types import ROTATION_ONLY, SCALED

if TYPE_CHECKING:
    from gaze.datasets.prepare import BlockSource

SIZES = (112, 160, 224, 448)
FORMATS = ("raw", "released", "gazehub", "folder")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gaze prepare",
        description="Normalise a data set into one HDF5 file that `gaze train --data` reads. A killed run "
        "goes on where it stopped when the same command is given again.",
        formatter_class=HelpFormatter,
    )
    add = parser.add_argument
    add("root", type=Path, help="folder of the data set (raw: the one that holds p00, p01, …)")
    add(
        "--out",
        type=Path,
        required=True,
        metavar="FILE.h5",
        help="the HDF5 file to write; a report lies beside it as JSON",
    )
    add(
        "--format",
        choices=FORMATS,
        default="raw",
        help="raw MPIIFaceGaze, its released normalised .mat "
        "files, a GazeHub conversion, or a folder of face crops with --labels",
    )
    add("--size", type=int, choices=SIZES, default=224, help="side of the normalised faces, px")
    add("--persons", nargs="+", default=[], metavar="PXX", help="only these people (default: all)")
    add(
        "--subset",
        choices=("all", "evaluation"),
        default="all",
        help="raw: every picture once, or MPIIGaze's evaluation lists (3000 entries a person; those for a "
        "right eye mirrored, gaze and head with them)",
    )
    add(
        "--subset-lists",
        type=Path,
        help="folder of those lists, pXX.txt (MPIIGaze, `Evaluation Subset/sample list for eye image`)",
    )
    add(
        "--no-mirror",
        action="store_true",
        help="evaluation subset: show entries for a right eye as they are, not mirrored",
    )
    add(
        "--label-space",
        choices=(ROTATION_ONLY, SCALED),
        help="what the labels are (released, folder) or "
        "shall be (gazehub: scaled as stored, or with the scaling undone)",
    )
    add(
        "--check-against",
        type=Path,
        metavar="RAW",
        help="released: raw MPIIFaceGaze folder to check --label-space against",
    )
    add("--labels", type=Path, help="folder: the CSV file,pitch_rad,yaw_rad[,person]")
    add("--workers", type=at_least_one, default=2, metavar="N", help="processes side by side")
    add(
        "--max-skipped",
        type=between(0, 1),
        default=0.05,
        metavar="SHARE",
        help="of a person's faces, 0 to 1, that may be unusable",
    )
    add(
        "--no-consistency-check",
        action="store_true",
        help="raw: do not compare targets, face centres and landmarks with screen, head pose and camera",
    )
    add("--any-count", action="store_true", help="raw: accept another number of rows than was published")
    add("--overwrite", action="store_true", help="replace --out where it exists")
    add("--restart", action="store_true", help="throw away blocks of an earlier, unfinished run")
    return parser


def _source(args: argparse.Namespace) -> BlockSource:
    persons = tuple(args.persons)
    if args.format == "raw":
        from gaze.datasets.prepare_raw import SCREEN_TOLERANCE_MM, RawSource

        if (args.subset == "evaluation") != (args.subset_lists is not None):
            raise UsageError("--subset evaluation and --subset-lists DIR belong together")
        if args.no_mirror and args.subset == "all":
            raise UsageError("--no-mirror belongs to --subset evaluation; --subset all never mirrors")
        return RawSource(
            root=args.root,
            size_px=args.size,
            persons=persons,
            subset_lists=args.subset_lists,
            screen_tolerance_mm=None if args.no_consistency_check else SCREEN_TOLERANCE_MM,
            check_counts=not args.any_count,
            mirror_right=not args.no_mirror,
        )
    from gaze.datasets.prepare_converted import FolderSource, GazeHubSource, ReleasedSource

    if args.label_space is None:
        raise UsageError(
            f"--format {args.format} needs --label-space {ROTATION_ONLY} or {SCALED}; it is never guessed"
        )
    if args.format == "released":
        return ReleasedSource(args.root, args.size, args.label_space, persons, args.check_against)
    if args.format == "gazehub":
        return GazeHubSource(args.root, args.size, args.label_space, persons)
    if args.labels is None:
        raise UsageError("--format folder needs --labels CSV")
    return FolderSource(args.root, args.labels, args.size, args.label_space, persons)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `gaze prepare`; returns the exit code."""
    args = _parser().parse_args(argv)
    from gaze.datasets.prepare import prepare

    report = prepare(_source(args), args.out, args.workers, args.max_skipped, args.overwrite, args.restart)
    for warning in report["warnings"]:
        print(f"note: {warning}")
    for item in report["skipped"][:20]:
        print(f"skipped: {item['where']}: {item['reason']}")
    if len(report["skipped"]) > 20:
        print(f"skipped: … {len(report['skipped']) - 20} more in {args.out.with_suffix('.report.json')}")
    summary = {name: report[name] for name in ("faces", "size_px", "label_space", "seconds", "faces_per_s")}
    print(json.dumps({"out": str(args.out), **summary, "skipped": len(report["skipped"])}))
    return 0
