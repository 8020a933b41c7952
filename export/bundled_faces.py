"""Rendered faces in the package: what an export is calibrated on and compared with where no others are given.

`python -m export.bundled_faces SHARDS` packs the file anew from rendered shards, one face a person in turn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from deploy.rendered_faces import FILE, read_rendered_faces
from export.faces import FaceSet
from gaze.array_files import write_arrays
from gaze.datasets.shards import ShardFolder
from gaze.errors import DataError
from gaze.evenly import evenly_spread
from gaze.types import NormalizedCamera

NAME = "rendered people in the package"
JPEG_QUALITY = 92


def bundled_faces(camera: NormalizedCamera, path: Path = FILE) -> FaceSet:
    """The packed faces with their true gaze, as the network with this camera sees them.

    Raises:
        DataError: the file is missing or damaged, or the faces show less than the camera.
    """
    try:
        return FaceSet(NAME, *read_rendered_faces(camera, path))
    except DataError as error:
        raise DataError(f"{error}, or give --faces and --calibration") from error


def pack(shards: Sequence[Path], count: int, path: Path = FILE) -> int:
    """Write ``count`` faces, evenly spread over the shards, with their labels; returns how many there are.

    Raises:
        DataError: the shards cannot be read.
    """
    folder = ShardFolder(shards)
    faces, angles_rad = folder.read(evenly_spread(len(folder), count))
    camera = folder.normalized_camera
    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    pictures = [cv2.imencode(".jpg", face, settings)[1] for face in faces]
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        "jpeg": np.concatenate(pictures),
        "ends": np.cumsum([len(picture) for picture in pictures]),
        "pitch_yaw_rad": angles_rad.astype(np.float32),
        "normalized_camera": np.array([camera.focal_px, camera.distance_mm, camera.size_px]),
    }
    write_arrays(path, arrays)
    return len(pictures)


def main(argv: Sequence[str] | None = None) -> int:
    """Pack the faces of some shards."""
    parser = argparse.ArgumentParser(prog="python -m export.bundled_faces", description=__doc__)
    parser.add_argument("shards", type=Path, nargs="+", help="folders of `gaze synthesize shards`")
    parser.add_argument("--count", type=int, default=320, help="how many faces")
    parser.add_argument("--out", type=Path, default=FILE, help="the file")
    options = parser.parse_args(argv)
    count = pack(options.shards, options.count, options.out)
    print(f"{options.out}: {count} faces, {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
