"""`gaze synthesize compare`: rendered faces beside real ones: light about the eyes, proportions."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.datasets.pictures import PICTURE_ENDINGS, read_picture
from gaze.datasets.shard_features import shows_plainly
from gaze.datasets.shards import Shard, ShardFolder
from gaze.errors import DataError
from gaze.geometry import FloatArray, angular_error_deg
from gaze.help_format import HelpFormatter
from gaze.landmarks import FaceDetector, create_detector
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.option_types import at_least_one
from gaze.picture_files import prepare_pictures, write_picture
from gaze.quiet_start import QuietDetector
from gaze.synthesis.eye_patches import CROP_PX, HEIGHT_PX, PLACES, WIDTH_PX, comparable, eye_patches, light_at
from gaze.synthesis.face_proportions import HEIGHTS, WIDTHS, face_proportions
from gaze.synthesis.irises import NAMES, iris_light, rim_widths_mm
from gaze.types import Frame

HEAD_DEG = 25.0
LEAST_GRID_PX, LEAST_OPEN = 180, 0.35
# What a crop of 140 mm is a picture of, at the size of eye_patches.comparable.
_CAMERA = Camera(DEFAULT_NORMALIZED_CAMERA.resized(2 * CROP_PX).K, [], 2 * CROP_PX, 2 * CROP_PX)
# The picture shows -3 to +2 stops, and differences of -1 to +1.
_SHOWN_STOPS, _SHOWN_DIFFERENCE, _ENLARGED = (-3.0, 2.0), 1.0, 5


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and write the picture.

    Raises:
        DataError: there are no faces to compare, or the picture cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="gaze synthesize compare",
        description="Lay the eyes of real face crops, and of rendered ones, over each other and compare how "
        "much darker than the cheek it is about them (medians, in stops: blue, green, red), how light the "
        "eyes themselves are (a tenth, a quarter, half, three quarters and nine tenths are below), how soft "
        "the irises' rims, and how the parts of the faces lie (medians, in mm of the head frame, downwards). "
        "Rendered crops are taken with "
        f"heads within {HEAD_DEG:g} degrees of the camera's direction, open eyes, nothing worn, enough light "
        "and detail.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--images", type=Path, required=True, help="folder of real normalised face crops")
    parser.add_argument("--shards", type=Path, required=True, help="folder of `gaze synthesize shards`")
    parser.add_argument(
        "--limit", type=at_least_one, default=600, metavar="N", help="how many rendered crops at most"
    )
    parser.add_argument("--out", type=Path, default=Path("compare.png"), help="real, rendered, difference")
    args = parser.parse_args(argv)
    prepare_pictures(args.out)
    with QuietDetector(lambda: create_detector("auto", static=True)) as detector:
        real = measured(real_crops(args.images), detector, args.images)
        rendered = measured(rendered_crops(args.shards, args.limit), detector, args.shards)
    print(f"{len(real.patches)} real eyes, {len(rendered.patches)} rendered ones; stops against the cheek")
    medians = np.median(real.patches, axis=0), np.median(rendered.patches, axis=0)
    for name, place in PLACES.items():
        columns = ["".join(f"{value:>7.2f}" for value in light_at(patch, place)) for patch in medians]
        print(f"  {name:<32}real{columns[0]}   rendered{columns[1]}")
    for column, name in enumerate(NAMES):
        one, other = (_spread(part.irises[:, column]) for part in (real, rendered))
        print(f"  {name:<32}real{one}   rendered{other}")
    one, other = (_spread(part.rims_mm) for part in (real, rendered))
    print(f"  {'rim of the iris, mm':<32}real{one}   rendered{other}")
    print(
        f"{len(real.proportions)} real faces, {len(rendered.proportions)} rendered ones; mm ± standard error"
    )
    for column, name in enumerate([*(f"{name}, height" for name in HEIGHTS), *WIDTHS]):
        one, other = (_with_error(part.proportions[:, column]) for part in (real, rendered))
        print(f"  {name:<32}real {one}   rendered {other}")
    write_picture(args.out, picture(*medians))
    print(args.out)
    return 0


@dataclass(frozen=True)
class Measured:
    """Of N faces: the eyes' ``patches`` (M, HEIGHT_PX, WIDTH_PX, 3), their ``irises`` (M, 3) as of
    iris_light, ``rims_mm`` (R,) and the faces' ``proportions`` (N, K) in mm."""

    patches: NDArray[np.float32]
    irises: FloatArray
    rims_mm: FloatArray
    proportions: FloatArray


def measured(crops: Iterable[NDArray[np.uint8]], detector: FaceDetector, named: Path) -> Measured:
    """Measure the faces that are found in normalised crops (S, S, 3).

    Raises:
        DataError: there is none; ``named`` is said to be without.
    """
    patches: list[NDArray[np.float32]] = []
    irises: list[FloatArray] = []
    rims_mm: list[float] = []
    proportions: list[FloatArray] = []
    for crop in crops:
        image = comparable(crop)
        for face in detector.detect(Frame(image))[:1]:
            found = face_proportions(face, _CAMERA)
            if found is not None:
                patches += eye_patches(image, face)
                irises += iris_light(image, face)
                rims_mm += rim_widths_mm(image, face)
                proportions.append(found)
    if not patches:
        raise DataError(f"{named}: no face in it to compare")
    return Measured(np.stack(patches), np.array(irises), np.array(rims_mm), np.array(proportions))


def _spread(values: FloatArray) -> str:
    if not len(values):
        return "  –"
    return "".join(f"{value:>7.2f}" for value in np.percentile(values, (10, 25, 50, 75, 90)))


def _with_error(values: FloatArray) -> str:
    return f"{np.median(values):>7.2f} ± {values.std() / np.sqrt(len(values)):.2f}"


def real_crops(folder: Path) -> Iterator[NDArray[np.uint8]]:
    """The square pictures of a folder (S, S, 3) BGR.

    Raises:
        DataError: it holds none, or one is not square.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURE_ENDINGS)
    if not paths:
        raise DataError(f"{folder}: holds no .png or .jpg; give a folder of normalised face crops")
    for path in paths:
        image, _ = read_picture(path)
        if image.shape[0] != image.shape[1]:
            raise DataError(f"{path}: must be a square crop, is {image.shape[1]}x{image.shape[0]}")
        yield image


def rendered_crops(folder: Path, limit: int) -> Iterator[NDArray[np.uint8]]:
    """The first ``limit`` rendered crops (S, S, 3) BGR that can be compared: see comparable_rows.

    Raises:
        DataError: the folder holds no shards, or such without the attributes that decide.
    """
    crops = _comparable_crops(ShardFolder([folder]).shards)
    return itertools.islice(crops, limit)


def _comparable_crops(shards: Iterable[Shard]) -> Iterator[NDArray[np.uint8]]:
    for shard in shards:
        try:
            rows = comparable_rows(shard.attributes(), shard.head_pitch_yaw_rad)
        except (KeyError, TypeError, ValueError) as error:
            raise shard.lacking(f"the attribute {error}") from error
        for row in rows:
            yield np.array(shard.faces[row])


def comparable_rows(
    attributes: Sequence[dict[str, object]], head_pitch_yaw_rad: NDArray[np.floating]
) -> NDArray[np.int64]:
    """Crops that show bare, open eyes of a head near the camera's direction, in enough light and detail."""
    head_deg = angular_error_deg(head_pitch_yaw_rad, np.zeros_like(head_pitch_yaw_rad))
    wanted = [
        head < HEAD_DEG and shows_plainly(crop, LEAST_GRID_PX, LEAST_OPEN)
        for head, crop in zip(head_deg, attributes, strict=True)
    ]
    return np.flatnonzero(wanted)


def picture(real: NDArray[np.float32], rendered: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The two medians and their difference side by side; blue where real eyes are darker."""
    low, high = _SHOWN_STOPS
    tiles = [np.clip((patch - low) / (high - low), 0, 1) for patch in (real, rendered)]
    tiles = [(255 * tile).astype(np.uint8) for tile in tiles]
    difference = np.clip((real - rendered).mean(axis=2) / (2 * _SHOWN_DIFFERENCE) + 0.5, 0, 1)
    tiles.append(cv2.applyColorMap((255 * difference).astype(np.uint8), cv2.COLORMAP_JET))
    size = (_ENLARGED * WIDTH_PX, _ENLARGED * HEIGHT_PX)
    return np.hstack([cv2.resize(tile, size, interpolation=cv2.INTER_CUBIC) for tile in tiles])
