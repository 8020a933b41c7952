"""`gaze evaluate faces`: the error of a model on a folder of normalised face crops."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from deploy.evaluate_options import add_model_options, open_predictor
from gaze.datasets.face_folder import read_face_folder
from gaze.files import write_json
from gaze.help_format import HelpFormatter
from gaze.training.evaluate_faces import evaluate_faces

SCHEMA = "gaze.evaluate-faces/1"


def print_figures(figures: dict[str, object]) -> None:
    """The figures as a short table."""
    f = figures
    print(f"{f['n']} faces")
    print(
        f"  offset-removed mean {f['mean_offset_removed_deg']:.2f}°   raw mean {f['mean_deg']:.2f}°   "
        f"median {f['median_deg']:.2f}°   90 % below {f['p90_deg']:.2f}°"
    )
    for name in ("pitch", "yaw"):
        print(
            f"  {name:<5} bias {f[f'bias_{name}_deg']:+.2f}°   correlation {f[f'corr_{name}']:.3f}   "
            f"slope {f[f'slope_{name}']:.2f}"
        )


def parser() -> argparse.ArgumentParser:
    """The options of `gaze evaluate faces`."""
    p = argparse.ArgumentParser(
        prog="gaze evaluate faces",
        description="Error of a model on normalised face crops with labels. The crops show the model's view "
        "(140 mm around the face centre) at any square size.",
        formatter_class=HelpFormatter,
    )
    p.add_argument("--images", type=Path, required=True, help="folder of square crops")
    p.add_argument("--labels", type=Path, required=True, help="CSV: file,pitch_rad,yaw_rad[,person]")
    add_model_options(p)
    p.add_argument("--mirror", action="store_true", help="average with the mirrored face")
    p.add_argument("--json", type=Path, help="write all figures and each image's here")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, write the JSON.

    Raises:
        UsageError, DataError, ModelError, RuntimeUnavailableError: the options, crops or model are unusable.
    """
    args = parser().parse_args(argv)
    folder = read_face_folder(args.images, args.labels)
    predictor = open_predictor(args)
    try:
        print(predictor.description)
        figures = evaluate_faces(folder, predictor, args.mirror)
        spec = predictor.spec
    finally:
        predictor.close()
    print_figures(figures)
    if args.json:
        about = {
            "schema": SCHEMA,
            "images": str(args.images),
            "model": str(args.checkpoint or args.model or "shipped"),
            "sha256": spec.sha256,
            "runtime": predictor.description,
            "mirror": args.mirror,
        }
        write_json(args.json, {**about, **figures})
    return 0
