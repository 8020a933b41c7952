"""`gaze evaluate faces`: the error of a model on normalised faces, a folder of crops or a prepared file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deploy.evaluate.options import (
    add_model_options,
    figure_text,
    model_files,
    open_predictor,
    prepare_figures,
    write_figures,
)
from gaze.datasets.face_folder import FaceFolder, read_face_folder
from gaze.errors import UsageError
from gaze.estimator import GazeEstimator
from gaze.help_format import HelpFormatter
from gaze.landmarks import create_detector
from gaze.mirrored import MirroredPredictor
from gaze.option_types import at_least
from gaze.quiet_start import QuietDetector
from gaze.training.face_errors import CROP_CAMERA, crop_answers, evaluate_faces, live_answers
from gaze.training.turned_views import predict_views, views_summary

if TYPE_CHECKING:
    from gaze.datasets.normalized_hdf5 import NormalizedFile
    from gaze.estimator import Predictor

SCHEMA = "gaze.evaluate-faces/1"
EVALUATION_SUBSET = 45_000


def print_figures(figures: dict[str, object]) -> None:
    """The figures as a short table."""
    f = figures
    missed = f.get("not_found")
    print(f"{f['n']} faces" + (f"; none was found in {', '.join(missed)}" if missed else ""))
    print(
        f"  offset-removed mean {f['mean_offset_removed_deg']:.2f}°   raw mean {f['mean_deg']:.2f}°   "
        f"median {f['median_deg']:.2f}°   90 % below {f['p90_deg']:.2f}°"
    )
    for name in ("pitch", "yaw"):
        print(
            f"  {name:<5} bias {f[f'bias_{name}_deg']:+.2f}°   "
            f"correlation {figure_text(f[f'corr_{name}'], '.3f')}   "
            f"slope {figure_text(f[f'slope_{name}'], '.2f')}"
        )


def _print_views(f: dict[str, float | int]) -> None:
    print(
        f"{f['views']} turned views of each face\n"
        f"  offset-removed mean {f['mean_offset_removed_deg']:.2f}° (standard deviation between views "
        f"{f['between_views_deg']:.2f}°), of the mean of all views {f['averaged_offset_removed_deg']:.2f}°"
    )
    for name in ("pitch", "yaw"):
        print(
            f"  {name:<5} of one face varies by {f[f'spread_{name}_deg']:.2f}°   "
            f"correlation {figure_text(f[f'corr_{name}'], '.3f')}   "
            f"slope {figure_text(f[f'slope_{name}'], '.2f')}"
        )


def _open_prepared(path: Path) -> NormalizedFile:
    # Crop folders need no HDF5.
    from gaze.datasets.normalized_hdf5 import NormalizedFile

    return NormalizedFile(path)


def _evaluate_crops(args: argparse.Namespace, folder: FaceFolder, predictor: Predictor) -> dict[str, object]:
    with ExitStack() as stack:
        if args.live:
            quiet = QuietDetector(lambda: create_detector("auto", 1, None, static=True))
            detector = stack.enter_context(quiet)
            answers = live_answers(GazeEstimator(detector, predictor, CROP_CAMERA))
        else:
            answers = crop_answers(predictor)
        figures = evaluate_faces(folder, answers)
        if args.views:
            seen = predict_views(folder, answers, args.views)
            found = np.isfinite(seen).all(axis=2).sum(axis=0) > 1
            figures["turned_views"] = views_summary(seen[:, found], folder.pitch_yaw_rad[found])
    return figures


def _evaluate_prepared(file: NormalizedFile, predictor: Predictor) -> dict[str, object]:
    from gaze.training.prepared_errors import evaluate_prepared

    with file:
        return evaluate_prepared(file, predictor)


def _print_people(figures: dict[str, object]) -> None:
    low, high = figures["interval_95_deg"]
    print(f"\n{'person':<8}{'n':>7}{'mean':>8}{'median':>8}{'std':>8}{'bias p':>8}{'bias y':>8}   degrees")
    for name, row in figures["persons"].items():
        numbers = [
            row[key] for key in ("mean_deg", "median_deg", "std_deg", "bias_pitch_deg", "bias_yaw_deg")
        ]
        print(f"{name:<8}{row['n']:>7}" + "".join(f"{number:>8.2f}" for number in numbers))
    print(
        f"\nmean of {len(figures['persons'])} people {figures['mean_of_persons_deg']:.2f}° "
        f"(95 % interval over people {low:.2f} to {high:.2f}), {figures['label_space']} labels"
    )
    print(
        f"{figures['seconds']:.1f} s, of it reading {figures['reading_s']:.1f} s; "
        f"{figures['faces_per_s']:.0f} faces/s, so the {EVALUATION_SUBSET} faces of the evaluation subset "
        f"take {EVALUATION_SUBSET / figures['faces_per_s']:.0f} s"
    )


def parser() -> argparse.ArgumentParser:
    """The options of `gaze evaluate faces`."""
    p = argparse.ArgumentParser(
        prog="gaze evaluate faces",
        description="Error of a model on normalised face crops with labels. The crops show 140 mm around the "
        "face centre at any square size; a model that sees less is shown their middle. With --data the faces "
        "of a prepared data set, person by person, with the time it took.",
        formatter_class=HelpFormatter,
    )
    p.add_argument("--images", type=Path, metavar="DIR", help="folder of square crops")
    p.add_argument(
        "--labels", type=Path, metavar="CSV", help="of --images, CSV: file,pitch_rad,yaw_rad[,person]"
    )
    p.add_argument(
        "--data", type=Path, metavar="FILE.h5", help="a file of `gaze prepare`, instead of --images"
    )
    add_model_options(p)
    p.add_argument(
        "--live",
        action="store_true",
        help="of --images: give every crop to the live loop as a picture, so that its landmarks, head pose "
        "and normalisation come before the network",
    )
    p.add_argument(
        "--views",
        type=at_least(2),
        metavar="N",
        help="of --images: also N views of every face, turned by some tenths of a degree; the mean of their "
        "errors depends less on chance than that of one view",
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures and each image's here")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, write the JSON.

    Raises:
        UsageError, DataError, ModelError, RuntimeUnavailableError: the options, crops or model are unusable.
    """
    args = parser().parse_args(argv)
    prepare_figures(
        args.json,
        labels=args.labels,
        data=args.data,
        model=model_files(args.model),
        checkpoint=args.checkpoint,
    )
    if (args.data is None) == (args.images is None) or (args.images is None) != (args.labels is None):
        raise UsageError("give --images DIR with --labels CSV, or --data FILE.h5")
    if args.views is not None and args.images is None:
        raise UsageError("--views needs --images: a prepared file is measured as it is")
    if args.live and args.images is None:
        raise UsageError("--live needs --images: the faces of a prepared file are normalised already")
    # Before the model is opened: a wrong path is found at once.
    folder = None if args.images is None else read_face_folder(args.images, args.labels)
    file = None if args.data is None else _open_prepared(args.data)
    predictor = open_predictor(args)
    try:
        print(predictor.description)
        if file is None:
            figures = _evaluate_crops(args, folder, predictor)
        else:
            figures = _evaluate_prepared(file, predictor)
        spec = predictor.spec
    finally:
        predictor.close()
    print_figures(figures)
    if args.views:
        _print_views(figures["turned_views"])
    if file is not None:
        _print_people(figures)
    if args.json:
        about = {
            "schema": SCHEMA,
            "images": str(args.data or args.images),
            "model": str(args.checkpoint or args.model or "shipped"),
            "sha256": spec.sha256,
            "runtime": predictor.description,
            "average_mirror": isinstance(predictor, MirroredPredictor),
            "live": args.live,
        }
        write_figures(args.json, {**about, **figures})
    return 0
