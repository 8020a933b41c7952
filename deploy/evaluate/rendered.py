"""`gaze evaluate rendered`: the error of a model on rendered people, whole and by group."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from deploy.evaluate.faces import print_figures
from deploy.evaluate.options import add_model_options, open_predictor, prepare_figures, write_figures
from gaze.datasets.shards import ShardFolder
from gaze.errors import DataError
from gaze.geometry import angular_error_deg
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least_one
from gaze.training.face_errors import predict_faces
from gaze.training.groups import errors_by_group, eyes_closed, group_labels
from gaze.training.metrics import summary
from gaze.training.virtual_camera import show_face

SCHEMA = "gaze.evaluate-rendered/1"


def parser() -> argparse.ArgumentParser:
    """The options of `gaze evaluate rendered`."""
    p = argparse.ArgumentParser(
        prog="gaze evaluate rendered",
        description="Error of a model on shards of rendered people that it was not trained on, by group; "
        "the worst group is named.",
        formatter_class=HelpFormatter,
    )
    p.add_argument(
        "--shards", type=Path, required=True, metavar="DIR", help="folder of `gaze synthesize shards`"
    )
    add_model_options(p)
    p.add_argument("--limit", type=at_least_one, metavar="N", help="use only the first N crops")
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    return p


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, write the JSON.

    Raises:
        UsageError, DataError, ModelError, RuntimeUnavailableError: the options, shards or model are unusable.
    """
    args = parser().parse_args(argv)
    prepare_figures(args.json, model=args.model, checkpoint=args.checkpoint)
    folder = ShardFolder([args.shards], args.limit)
    attributes = [crop for shard in folder.shards for crop in shard.attributes()][: len(folder)]
    predictor = open_predictor(args)
    try:
        print(predictor.description)
        camera = predictor.spec.normalized_camera
        faces = np.empty((len(folder), camera.size_px, camera.size_px, 3), np.uint8)
        target, head = np.empty((len(folder), 2)), np.empty((len(folder), 2))
        person = []
        for row, sample in enumerate(folder.samples()):
            faces[row] = show_face(sample.image, folder.normalized_camera, camera)
            target[row], head[row] = sample.gaze_pitch_yaw_rad, sample.head_pitch_yaw_rad
            person.append(sample.person)
        predicted = predict_faces(predictor, faces, args.average_mirror)
    finally:
        predictor.close()
    try:
        seeing = np.flatnonzero(~eyes_closed(attributes))
        attributes = [attributes[row] for row in seeing]
        predicted, target, head = predicted[seeing], target[seeing], head[seeing]
        labels = group_labels(attributes, target, head)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{args.shards}: its crops have no usable attribute {error}; render them again"
        ) from error
    if not len(seeing):
        raise DataError(f"{args.shards}: shows closed eyes alone; render more people")
    figures = summary(predicted, target)
    people = len({person[row] for row in seeing})
    closed = len(folder) - len(seeing)
    print_figures(figures)
    if closed:
        print(f"  left out: {closed} crops with closed eyes, which show no gaze")
    rows = errors_by_group(angular_error_deg(predicted, target), labels)
    print(f"\n{'group':<28}{'value':<22}{'crops':>7}{'mean':>9}{'of all':>8}")
    for row in rows:
        share = row.mean_deg / figures["mean_deg"]
        print(f"{row.attribute:<28}{row.value:<22}{row.count:>7}{row.mean_deg:>8.2f}°{share:>8.2f}")
    worst = max(rows, key=lambda row: row.mean_deg, default=None)
    if worst is None:
        print("\ntoo few crops for groups")
    else:
        print(
            f"\nworst group: {worst.attribute}, {worst.value}: {worst.mean_deg:.2f}° on {worst.count} crops"
        )
    if args.json:
        write_figures(
            args.json,
            {
                "schema": SCHEMA,
                "people": people,
                "closed_eyes_left_out": closed,
                **figures,
                "groups": [asdict(row) for row in rows],
                "worst": None if worst is None else asdict(worst),
            },
        )
    return 0
