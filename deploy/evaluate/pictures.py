"""`gaze evaluate pictures`: the whole pipeline on webcam pictures that have ground truth beside them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from deploy.evaluate.options import figure_text, model_files, prepare_figures, write_figures
from deploy.network_options import add_network_options, network_settings
from deploy.sources.pictures import picture_files
from deploy.truth import TruthFace, load_picture_truth, nearest_box
from gaze.camera import Camera
from gaze.errors import DataError
from gaze.estimator import GazeEstimator
from gaze.geometry import angles_from_vector, angular_error_rad
from gaze.help_format import HelpFormatter
from gaze.landmarks import FaceDetector, create_detector
from gaze.picture_files import read_picture
from gaze.quiet_start import QuietDetector
from gaze.training.metrics import summary
from gaze.types import Face, Frame, GazeRay

SCHEMA = "gaze.evaluate-pictures/1"


def parser() -> argparse.ArgumentParser:
    """The options of `gaze evaluate pictures`."""
    p = argparse.ArgumentParser(
        prog="gaze evaluate pictures",
        description="In how many webcam pictures the face is found, and how far its gaze is off: a line for "
        "each folder of `gaze synthesize pictures`. Each picture goes through the whole pipeline by itself, "
        "with its own camera. Closed eyes, which show no gaze, are left out.",
        formatter_class=HelpFormatter,
    )
    p.add_argument(
        "--pictures",
        type=Path,
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of `gaze synthesize pictures`",
    )
    add_network_options(p)
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures and each picture's here")
    return p


@dataclass(frozen=True, slots=True)
class Answer:
    """What is true of a picture with open eyes, and what was found in it.

    ``in_the_whole``: the face is also found where the picture is only searched whole.
    """

    name: str
    truth: TruthFace
    face: Face | None
    ray: GazeRay | None
    in_the_whole: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, write the JSON.

    Raises:
        UsageError, DataError, ModelError, RuntimeUnavailableError: options, pictures or model are unusable.
    """
    args = parser().parse_args(argv)
    listed = {folder: picture_files(folder)[0] for folder in args.pictures}
    pictures = [path for paths in listed.values() for path in paths]
    prepare_figures(
        args.json,
        model=model_files(args.model),
        landmark_model=args.landmark_model,
        pictures=[*pictures, *map(_truth_path, pictures)],
    )
    rows = {}
    with ExitStack() as opened:
        estimator = opened.enter_context(GazeEstimator.create(**network_settings(args), static=True))
        alone = QuietDetector(lambda: create_detector(args.landmarks, 1, args.landmark_model, static=True))
        opened.enter_context(alone)
        print(estimator.predictor.description)
        for folder, paths in listed.items():
            with tqdm(paths, desc=str(folder), unit="picture", leave=False) as shown:
                rows[folder] = figures_of(answers(shown, estimator, alone))
    _print_table(rows)
    if args.json:
        write_figures(
            args.json, {"schema": SCHEMA, "folders": {str(folder): row for folder, row in rows.items()}}
        )
    return 0


def answers(paths: Iterable[Path], estimator: GazeEstimator, alone: FaceDetector) -> Iterable[Answer]:
    """An Answer for each picture that shows open eyes; ``alone`` searches pictures whole.

    Raises:
        DataError: a picture or its truth is missing or damaged.
    """
    for path in paths:
        truth = load_picture_truth(_truth_path(path))
        ((true,),) = truth.frames.values()
        if not true.eyes_open:
            continue
        frame = Frame(read_picture(path))
        if frame.image.shape[:2] != (truth.camera.height, truth.camera.width):
            raise DataError(f"{path}: is not of the size that its truth names; render it again")
        estimator.camera = truth.camera
        found = [estimate for estimate in estimator.estimate(frame) if estimate.face is not None]
        row = _row_of(true, truth.camera, [estimate.face for estimate in found])
        yield Answer(
            path.name,
            true,
            None if row is None else found[row].face,
            None if row is None else found[row].ray,
            _row_of(true, truth.camera, alone.detect(frame)) is not None,
        )


def _truth_path(picture: Path) -> Path:
    return picture.with_suffix(".json")


def _row_of(true: TruthFace, camera: Camera, faces: Sequence[Face]) -> int | None:
    return nearest_box(true, camera, [face.box_px for face in faces])


def figures_of(found: Iterable[Answer]) -> dict[str, object]:
    """The figures of a folder: angles of the camera frame, distances of the face's centre, widths of its box.

    Those of metrics.summary are there where two faces or more have a gaze.
    """
    found = list(found)
    gazes = [answer for answer in found if answer.ray is not None]
    figures = {
        "pictures": len(found),
        "distance_mm": _median(np.linalg.norm(answer.truth.origin_cam_mm) for answer in found),
        "found": sum(answer.face is not None for answer in found),
        "found_in_the_whole": sum(answer.in_the_whole for answer in found),
        "face_px": _median(answer.face.width_px for answer in found if answer.face is not None),
    }
    if len(gazes) > 1:
        predicted = angles_from_vector([answer.ray.direction_cam for answer in gazes])
        figures |= summary(predicted, angles_from_vector([answer.truth.direction_cam for answer in gazes]))
    return {**figures, "per_picture": [_as_json(answer) for answer in found]}


def _median(values: Iterable[float]) -> float | None:
    values = list(values)
    return float(np.median(values)) if values else None


def _as_json(answer: Answer) -> dict[str, object]:
    error = (
        None
        if answer.ray is None
        else angular_error_rad(answer.ray.direction_cam, answer.truth.direction_cam)
    )
    return {
        "file": answer.name,
        "found": answer.face is not None,
        "found_in_the_whole": answer.in_the_whole,
        "error_deg": None if error is None else round(float(np.rad2deg(error)), 4),
    }


def _print_table(rows: dict[Path, dict[str, object]]) -> None:
    width = max(len("folder"), *(len(str(folder)) for folder in rows))
    columns = ("pictures", "distance", "in whole", "in parts", "face", "mean", "median", "90 % below")
    print(f"{'folder':<{width}}" + "".join(f"{name:>12}" for name in columns))
    for folder, row in rows.items():
        cells = [
            str(row["pictures"]),
            figure_text(row["distance_mm"], ".0f", " mm"),
            str(row["found_in_the_whole"]),
            str(row["found"]),
            figure_text(row["face_px"], ".0f", " px"),
            *(figure_text(row.get(name), ".2f", "°") for name in ("mean_deg", "median_deg", "p90_deg")),
        ]
        print(f"{folder!s:<{width}}" + "".join(f"{cell:>12}" for cell in cells))
