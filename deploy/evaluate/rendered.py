"""`gaze evaluate rendered`: the error of a model on rendered people, whole and by group."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.evaluate.faces import print_figures
from deploy.evaluate.options import (
    add_model_options,
    model_files,
    open_predictor,
    prepare_figures,
    write_figures,
)
from deploy.gates import GateConfig
from gaze.closed_eyes import eyes_closed
from gaze.datasets.shards import ShardFolder
from gaze.errors import DataError
from gaze.geometry import angular_error_deg
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least_one, not_below
from gaze.training.face_errors import predict_faces
from gaze.training.groups import GroupError, errors_by_group, group_labels
from gaze.training.metrics import summary
from gaze.training.virtual_camera import show_face
from gaze.types import Prediction

SCHEMA = "gaze.evaluate-rendered/1"
# Share of a Laplace distribution, which the training's loss assumes, within one standard deviation.
LAPLACE_WITHIN_SIGMA = 1.0 - math.exp(-math.sqrt(2.0))


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
    p.add_argument(
        "--max-sigma",
        type=not_below(0),
        default=GateConfig().sigma_deg,
        metavar="DEG",
        help="predicted deviation up to which the live loop shows a gaze: figures of these crops alone stand "
        "beside those of all; 0: no such figures",
    )
    p.add_argument("--limit", type=at_least_one, metavar="N", help="use only the first N crops")
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    return p


@dataclass(frozen=True, slots=True)
class _Crops:
    """The crops whose eyes are not closed: truth, labels of their groups, and what the model says of them.

    ``target_rad`` (N, 2) is (pitch, yaw); ``closed`` counts the crops that are left out.
    """

    target_rad: NDArray[np.float64]
    labels: dict[str, list[str]]
    prediction: Prediction
    people: int
    closed: int


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, write the JSON.

    Raises:
        UsageError, DataError, ModelError, RuntimeUnavailableError: the options, shards or model are unusable.
    """
    args = parser().parse_args(argv)
    prepare_figures(args.json, model=model_files(args.model), checkpoint=args.checkpoint)
    crops = _read(args)
    everyone = np.ones(len(crops.target_rad), bool)
    figures, groups = _figures(crops, everyone)
    print_figures(figures)
    if crops.closed:
        print(f"  left out: {crops.closed} crops with closed eyes, which show no gaze")
    content = {
        "schema": SCHEMA,
        "people": crops.people,
        "closed_eyes_left_out": crops.closed,
        **figures,
        **_as_json(groups),
    }
    shown_groups: list[GroupError] = []
    sigma_rad = crops.prediction.sigma_of_both_rad
    if sigma_rad is not None and args.max_sigma > 0:
        shown = sigma_rad <= np.deg2rad(args.max_sigma)
        content["within_sigma"] = _share_within_sigma(crops)
        content["shown"] = {"max_sigma_deg": args.max_sigma, "share": float(shown.mean())}
        if shown.sum() >= 2:
            shown_figures, shown_groups = _figures(crops, shown)
            content["shown"] |= {**shown_figures, **_as_json(shown_groups)}
    _print_groups(groups, figures["mean_deg"], shown_groups)
    _print_worst("worst group", groups, figures["mean_deg"])
    if "within_sigma" in content:
        pitch, yaw = (content["within_sigma"][name] for name in ("pitch", "yaw"))
        print(
            f"within one predicted deviation: pitch of {pitch:.0%}, yaw of {yaw:.0%} of the crops "
            f"({LAPLACE_WITHIN_SIGMA:.0%} where deviations are as predicted)"
        )
    if "shown" in content:
        seen = content["shown"]
        print(
            f"shown by the live loop, predicted deviation up to {args.max_sigma:g}°: {seen['share']:.1%} of "
            "the crops"
            + (f", raw mean {seen['mean_deg']:.2f}°, median {seen['median_deg']:.2f}°" if "n" in seen else "")
        )
        if shown_groups:
            _print_worst("worst group of them", shown_groups, seen["mean_deg"])
    if args.json:
        write_figures(args.json, content)
    return 0


def _read(args: argparse.Namespace) -> _Crops:
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
        try:
            seeing = np.flatnonzero([not eyes_closed(crop["eye_open"]) for crop in attributes])
            attributes = [attributes[row] for row in seeing]
            labels = group_labels(attributes, target[seeing], head[seeing])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{args.shards}: its crops have no usable attribute {error}; render them again"
            ) from error
        if not len(seeing):
            raise DataError(f"{args.shards}: shows closed eyes alone; render more people")
        prediction = predict_faces(predictor, faces[seeing])
    finally:
        predictor.close()
    people = len({person[row] for row in seeing})
    return _Crops(target[seeing], labels, prediction, people, len(folder) - len(seeing))


def _figures(crops: _Crops, chosen: NDArray[np.bool_]) -> tuple[dict[str, float | int], list[GroupError]]:
    """The figures and the groups of the chosen (N,) crops."""
    predicted, target = crops.prediction.pitch_yaw_rad[chosen], crops.target_rad[chosen]
    rows = np.flatnonzero(chosen)
    labels = {name: [values[row] for row in rows] for name, values in crops.labels.items()}
    return summary(predicted, target), errors_by_group(angular_error_deg(predicted, target), labels)


def _share_within_sigma(crops: _Crops) -> dict[str, float]:
    """Share of the crops whose angle is off by no more than the deviation predicted for it."""
    inside = np.abs(crops.prediction.pitch_yaw_rad - crops.target_rad) <= crops.prediction.sigma_rad
    pitch, yaw = inside.mean(axis=0)
    return {"pitch": float(pitch), "yaw": float(yaw)}


def _worst(groups: list[GroupError]) -> GroupError | None:
    return max(groups, key=lambda group: group.mean_deg, default=None)


def _as_json(groups: list[GroupError]) -> dict[str, object]:
    worst = _worst(groups)
    return {
        "groups": [asdict(group) for group in groups],
        "worst": None if worst is None else asdict(worst),
    }


def _print_groups(groups: list[GroupError], mean_deg: float, shown: list[GroupError]) -> None:
    """The table; its last two columns are of the crops that the live loop shows."""
    if not groups:
        print("\ntoo few crops for groups")
        return
    of_shown = {(group.attribute, group.value): group for group in shown}
    more = f"{'shown':>8}{'mean':>9}" if shown else ""
    print(f"\n{'group':<28}{'value':<22}{'crops':>7}{'mean':>9}{'of all':>8}{more}")
    for group in groups:
        line = f"{group.attribute:<28}{group.value:<22}{group.count:>7}{group.mean_deg:>8.2f}°"
        line += f"{group.mean_deg / mean_deg:>8.2f}"
        if seen := of_shown.get((group.attribute, group.value)):
            line += f"{seen.count:>8}{seen.mean_deg:>8.2f}°"
        print(line)
    print()


def _print_worst(title: str, groups: list[GroupError], mean_deg: float) -> None:
    worst = _worst(groups)
    if worst is not None:
        print(
            f"{title}: {worst.attribute}, {worst.value}: {worst.mean_deg:.2f}° on {worst.count} crops, "
            f"{worst.mean_deg / mean_deg:.2f} times the mean"
        )
