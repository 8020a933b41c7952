"""`gaze synthesize compare`: rendered faces beside real ones: light about the eyes, proportions, lids."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.errors import DataError
from gaze.geometry import FloatArray, head_angles_from_rotation
from gaze.head_pose import estimate_head_pose
from gaze.help_format import HelpFormatter
from gaze.landmarks import FaceDetector, create_detector
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.option_types import at_least_one
from gaze.picture_files import prepare_pictures, write_picture
from gaze.quiet_start import QuietDetector
from gaze.synthesis.compare_crops import HEAD_DEG, Crop, real_crops, rendered_crops
from gaze.synthesis.eye_patches import CROP_PX, HEIGHT_PX, PLACES, WIDTH_PX, comparable, eye_patches, light_at
from gaze.synthesis.face_proportions import HEIGHTS, WIDTHS, face_proportions
from gaze.synthesis.irises import NAMES, iris_light, rim_widths_mm
from gaze.synthesis.lid_movement import NAMES as NAMES_OF_LIDS
from gaze.synthesis.lid_movement import lid_heights_px, slope
from gaze.types import Frame

# What a crop of 140 mm is a picture of, at the size of eye_patches.comparable.
_CAMERA = Camera(DEFAULT_NORMALIZED_CAMERA.resized(2 * CROP_PX).K, [], 2 * CROP_PX, 2 * CROP_PX)
_CAMERA_MM_PER_PX = DEFAULT_NORMALIZED_CAMERA.view_mm / (2 * CROP_PX)
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
        "the irises' rims, how the parts of the faces lie (medians, in mm of the head frame, downwards), and "
        "how far lids go with the eyes (slopes, the head's pitch held). Rendered crops are taken with "
        f"heads within {HEAD_DEG:g} degrees of the camera's direction, open eyes, nothing worn, enough light "
        "and detail.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--images", type=Path, required=True, help="folder of real normalised face crops")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="of --images, as for `gaze evaluate faces`: also how far lids go for each degree of gaze",
    )
    parser.add_argument("--shards", type=Path, required=True, help="folder of `gaze synthesize shards`")
    parser.add_argument(
        "--limit", type=at_least_one, default=600, metavar="N", help="how many rendered crops at most"
    )
    parser.add_argument("--out", type=Path, default=Path("compare.png"), help="real, rendered, difference")
    args = parser.parse_args(argv)
    prepare_pictures(args.out)
    with QuietDetector(lambda: create_detector("auto", static=True)) as detector:
        real = measured(real_crops(args.images, args.labels), detector, args.images)
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
    print("lids, ± standard error, the head's pitch held")
    _print_lids((real, rendered))
    write_picture(args.out, picture(*medians))
    print(args.out)
    return 0


@dataclass(frozen=True)
class Measured:
    """Of N faces: the eyes' ``patches`` (M, HEIGHT_PX, WIDTH_PX, 3), their ``irises`` (M, 3) as of
    iris_light, ``rims_mm`` (R,), the faces' ``proportions`` (N, K) in mm, ``lids`` (N, 3) in mm as of
    lid_heights_px, and ``head_deg`` and ``gaze_deg`` (N,), pitches of which the latter may be NaN."""

    patches: NDArray[np.float32]
    irises: FloatArray
    rims_mm: FloatArray
    proportions: FloatArray
    lids: FloatArray
    head_deg: FloatArray
    gaze_deg: FloatArray


def measured(crops: Iterable[Crop], detector: FaceDetector, named: Path) -> Measured:
    """Measure the faces that are found in normalised crops.

    Raises:
        DataError: there is none; ``named`` is said to be without.
    """
    patches: list[NDArray[np.float32]] = []
    irises: list[FloatArray] = []
    rims_mm: list[float] = []
    proportions: list[FloatArray] = []
    lids: list[FloatArray] = []
    pitches_rad: list[tuple[float, float]] = []
    for crop in crops:
        image = comparable(crop.image)
        for face in detector.detect(Frame(image))[:1]:
            pose = estimate_head_pose(face, _CAMERA)
            if pose is not None:
                patches += eye_patches(image, face)
                irises += iris_light(image, face)
                rims_mm += rim_widths_mm(image, face)
                proportions.append(face_proportions(face, pose, _CAMERA))
                lids.append(lid_heights_px(face) * _CAMERA_MM_PER_PX)
                pitches_rad.append((head_angles_from_rotation(pose.R_cam_head)[0], crop.gaze_pitch_rad))
    if not patches:
        raise DataError(f"{named}: no face in it to compare")
    head_deg, gaze_deg = np.rad2deg(pitches_rad).T
    return Measured(
        np.stack(patches),
        np.array(irises),
        np.array(rims_mm),
        np.array(proportions),
        np.array(lids),
        head_deg,
        gaze_deg,
    )


def _print_lids(parts: Sequence[Measured]) -> None:
    """How far lids go for each mm of the iris and, where they have labels, for each degree of gaze."""
    iris = [part.lids[:, NAMES_OF_LIDS.index("iris")] for part in parts]
    rows = [("slit, mm for each mm of the iris", "slit", iris)]
    if np.isfinite(parts[0].gaze_deg).all():
        gaze = [part.gaze_deg for part in parts]
        rows += [(f"{name}, mm a degree of gaze", name, gaze) for name in ("slit", "upper lid")]
    for title, name, against in rows:
        slopes = [
            slope(part.lids[:, NAMES_OF_LIDS.index(name)], values, part.head_deg)
            for part, values in zip(parts, against, strict=True)
        ]
        one, other = (f"{value:>7.3f} ± {error:.3f}" for value, error in slopes)
        print(f"  {title:<34}real {one}   rendered {other}")


def _spread(values: FloatArray) -> str:
    if not len(values):
        return "  –"
    return "".join(f"{value:>7.2f}" for value in np.percentile(values, (10, 25, 50, 75, 90)))


def _with_error(values: FloatArray) -> str:
    return f"{np.median(values):>7.2f} ± {values.std() / np.sqrt(len(values)):.2f}"


def picture(real: NDArray[np.float32], rendered: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The two medians and their difference side by side; blue where real eyes are darker."""
    low, high = _SHOWN_STOPS
    tiles = [np.clip((patch - low) / (high - low), 0, 1) for patch in (real, rendered)]
    tiles = [(255 * tile).astype(np.uint8) for tile in tiles]
    difference = np.clip((real - rendered).mean(axis=2) / (2 * _SHOWN_DIFFERENCE) + 0.5, 0, 1)
    tiles.append(cv2.applyColorMap((255 * difference).astype(np.uint8), cv2.COLORMAP_JET))
    size = (_ENLARGED * WIDTH_PX, _ENLARGED * HEIGHT_PX)
    return np.hstack([cv2.resize(tile, size, interpolation=cv2.INTER_CUBIC) for tile in tiles])
