"""Shards of training crops: written whole or not at all, skipped when they are already there."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gaze.array_files import DAMAGED_ARRAYS, write_arrays
from gaze.errors import DataError
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.synthesis.folder_settings import keep_to_settings
from gaze.types import ROTATION_ONLY

if TYPE_CHECKING:  # so that --help needs no OpenGL
    from gaze.synthesis.crops import Crop, CropRenderer

SCHEMA = "gaze.shards/1"
# Counts up when the same seeds give other pictures; docs/experiments.md says what each draws.
RENDERER = 7
PICTURES_PER_PERSON = 16
PEOPLE_PER_SHARD = 30
# Of a crop. A shard is put together in memory: 380 MB, held twice, at the larger side.
SIDE_PX = (32, 512)
# A person's pictures have the seeds from this many times the person's on: those of two people never meet.
SEEDS_PER_PERSON = 1000


def shard_path(folder: str | os.PathLike[str], number: int) -> Path:
    """The file of a shard's number."""
    return Path(folder) / f"shard_{number:06d}.npz"


def shard_is_whole(path: Path) -> bool:
    """Whether a shard lies there complete: its archive is closed and holds what every reader needs."""
    if not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except DAMAGED_ARRAYS:
        return False
    return {"faces", "pitch_yaw_rad", "person", "attributes"} <= names


def prepare_folder(
    folder: str | os.PathLike[str], size_px: int, environments_sha256: str, without: Sequence[str] = ()
) -> None:
    """Make the folder and its shards.json; ``without``: features that are not drawn.

    Raises:
        DataError: the folder holds shards of other settings, panoramas or renderers, or cannot be
            written.
    """
    camera = DEFAULT_NORMALIZED_CAMERA.resized(size_px)
    content = {
        "schema": SCHEMA,
        "size": size_px,
        "normalized_camera": {
            "focal_px": camera.focal_px,
            "distance_mm": camera.distance_mm,
            "size_px": camera.size_px,
        },
        "label_space": ROTATION_ONLY,
        "pictures_per_person": PICTURES_PER_PERSON,
        "people_per_shard": PEOPLE_PER_SHARD,
        "renderer": RENDERER,
        "environments_sha256": environments_sha256,
    }
    if without:
        content["without"] = list(without)
    keep_to_settings(Path(folder) / "shards.json", content, "shards")


def render_shard(renderer: CropRenderer, folder: str | os.PathLike[str], number: int) -> int:
    """Render and write one shard; returns how many crops it made, 0 when the shard is already whole.

    Raises:
        DataError: it cannot be written; nothing of it is then there.
    """
    path = shard_path(folder, number)
    if shard_is_whole(path):
        return 0
    _remove_leftovers(path)
    rows: list[dict[str, object]] = []
    for k in range(PEOPLE_PER_SHARD):
        seed = number * PEOPLE_PER_SHARD + k
        with renderer.dress(seed) as dressed:
            for picture in range(PICTURES_PER_PERSON):
                rows.append(_row(renderer.render(dressed, seed * SEEDS_PER_PERSON + picture)))
    # Neighbours in a shard are different people: a reader may take pictures in order.
    rows = [rows[k] for k in np.random.default_rng(number).permutation(len(rows))]
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    count = len(rows)
    rows.clear()  # packing holds the arrays once more
    try:
        write_arrays(path, arrays)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written ({error.strerror or error}); free space and run again: "
            "shards that are whole are kept"
        ) from error
    return count


def _remove_leftovers(path: Path) -> None:
    """Remove what processes left of a shard that were killed while they wrote it."""
    # As gaze.files.replacing names it.
    leftover = re.compile(re.escape(path.stem) + r"\.\d+\.tmp\.npz")
    with suppress(OSError):  # it only takes room
        for other in path.parent.iterdir():
            if leftover.fullmatch(other.name):
                other.unlink(missing_ok=True)


def _row(crop: Crop) -> dict[str, object]:
    return {
        "faces": crop.image,
        "pitch_yaw_rad": crop.pitch_yaw_rad.astype(np.float32),
        "head_pitch_yaw_rad": crop.head_pitch_yaw_rad.astype(np.float32),
        "landmarks_px": crop.landmarks_px.astype(np.float32),
        "person": np.int32(crop.person_seed),
        "seed": np.int64(crop.picture_seed),
        "attributes": np.array(crop.attributes_json),
    }
