"""Single pictures with all that is known of them: whole webcam frames, or the square crops of training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.errors import DataError
from gaze.files import read_json, write_json
from gaze.picture_files import write_picture
from gaze.synthesis import streams
from gaze.synthesis.crops import Crop, CropRenderer
from gaze.synthesis.folder_settings import keep_to_settings
from gaze.synthesis.ground_truth import head_truth, rounded
from gaze.synthesis.lens import with_lens
from gaze.synthesis.mesh import LANDMARKS_68
from gaze.synthesis.moment import blinking, sample_moment, with_late_lids
from gaze.synthesis.pose import sample_camera, sample_pose
from gaze.synthesis.posed_head import PosedHead
from gaze.synthesis.shards import RENDERER
from gaze.synthesis.streams import stream
from gaze.synthesis.webcam import WebcamRenderer

SCHEMA = "gaze.picture/1"
INDEX, INDEX_SCHEMA = "pictures.json", "gaze.pictures/1"
# Share of webcam pictures in which the person blinks.
BLINK_SHARE = 0.1

Picture = tuple[NDArray[np.uint8], dict[str, object]]


def sample_webcam(rng: np.random.Generator, width: int, height: int) -> Camera:
    """A webcam of 52 to 82 degrees with a lens of usual distortion (k1, k2, p1, p2), exactly invertible."""
    ideal = Camera.from_hfov(sample_camera(rng).hfov_deg, width, height, "calibrated")
    return with_lens(rng, ideal)


def webcam_pictures(
    assets_dir: str | os.PathLike[str],
    size: tuple[int, int],
    seeds: Iterator[int] | range,
    distance_mm: float | None = None,
) -> Iterator[tuple[int, Picture]]:
    """(seed, (picture (H, W, 3) uint8 BGR, its truth)) of a new person before a new camera for each seed.

    The eyes are ``distance_mm`` from the camera, or as far as chance has it.

    Raises:
        DataError: the assets are missing.
        RuntimeUnavailableError: there is no EGL.
    """
    with ExitStack() as opened:
        renderer = None
        for seed in seeds:
            rng = stream(seed, streams.WEBCAM)
            camera = sample_webcam(rng, *size)
            if renderer is None:
                renderer = opened.enter_context(WebcamRenderer(assets_dir, camera))
            renderer.use_camera(camera)
            yield seed, _webcam_picture(renderer, seed, rng, distance_mm)


def _webcam_picture(
    renderer: WebcamRenderer, seed: int, rng: np.random.Generator, distance_mm: float | None
) -> Picture:
    camera = renderer.camera
    pose = sample_pose(rng, camera)
    if distance_mm is not None:
        pose = pose.at_distance(distance_mm)
    shot = renderer.set_up(rng, pose.eyes_cam_mm)
    moment = blinking(rng, sample_moment(rng, shot.rig.lux), BLINK_SHARE)
    with renderer.dress(seed) as dressed:
        moment = with_late_lids(
            stream(seed, streams.WEBCAM_LATE_LIDS), moment, dressed.person.lid_habit.lag_s
        )
        picture, head = renderer.render(dressed, pose, moment, shot, rng)
        facts = {"pose": pose.kind, "scene": shot.rig.scene, **dressed.attributes}
    return picture, {**_truth(seed, head, camera.project, facts), "camera": camera.as_json()}


def crop_pictures(
    assets_dir: str | os.PathLike[str], size_px: int, seeds: Iterator[int] | range
) -> Iterator[tuple[int, Picture]]:
    """(seed, (crop (S, S, 3) uint8 BGR, its truth)): training crops as in the shards, a person for each seed.

    Raises:
        DataError: the assets are missing.
        RuntimeUnavailableError: there is no EGL.
        ModelError: MediaPipe's models are missing.
    """
    with CropRenderer(assets_dir, size_px) as renderer:
        for seed in seeds:
            with renderer.dress(seed) as dressed:
                crop = renderer.render(dressed, seed)
            yield seed, (crop.image, _crop_truth(crop))


def prepare_folder(
    folder: Path, size_px: tuple[int, int] | int, distance_mm: float | None, environments_sha256: str
) -> None:
    """Make the folder and its pictures.json, which says how all pictures in it are made.

    ``size_px``: (width, height) of webcam frames, or the side of crops. ``distance_mm`` is as in
    webcam_pictures, None for crops.

    Raises:
        DataError: the folder holds pictures of other settings, panoramas or renderers, or some whose settings
            are not known, as there is no pictures.json; or it cannot be written.
    """
    index = folder / INDEX
    if not index.is_file() and any(path.stem.isdigit() for path in folder.glob("*.json")):
        raise DataError(
            f"{folder}: holds pictures without {INDEX}, so nobody knows their settings; give another --out"
        )
    content = {
        "schema": INDEX_SCHEMA,
        "kind": "crops" if isinstance(size_px, int) else "webcam",
        "size": size_px if isinstance(size_px, int) else list(size_px),
        "distance_mm": distance_mm,
        "renderer": RENDERER,
        "environments_sha256": environments_sha256,
    }
    keep_to_settings(index, content, "pictures")


def write_pictures(folder: Path, pictures: Iterator[tuple[int, Picture]]) -> int:
    """Write ``NNNNNNN.png`` and ``NNNNNNN.json`` for each seed; returns how many.

    The JSON goes last: it makes a picture whole.

    Raises:
        DataError: the folder cannot be written, or the disk is full.
    """
    count = 0
    for seed, (picture, truth) in pictures:
        path = picture_path(folder, seed)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_picture(path, picture)
            write_json(path.with_suffix(".json"), truth)
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written ({error}); make room or choose another --out"
            ) from error
        count += 1
    return count


def picture_path(folder: Path, seed: int) -> Path:
    """Where the picture of a seed lies."""
    return folder / f"{seed:07d}.png"


def is_whole(folder: Path, seed: int) -> bool:
    """Whether picture and truth of a seed are there."""
    path = picture_path(folder, seed)
    try:
        return path.is_file() and read_json(path.with_suffix(".json"))["schema"] == SCHEMA
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _truth(seed: int, head: PosedHead, project, facts: dict[str, object]) -> dict[str, object]:
    landmarks_mm = head.vertices_cam_mm[LANDMARKS_68].astype(np.float64)
    # The mesh has the subject's left eye first; files have right before left, as in gaze.types.Face.
    centres_mm, axes = head.centres_cam_mm[::-1], head.axes_cam[::-1]
    return {
        "schema": SCHEMA,
        "seed": seed,
        "attributes": facts,
        **head_truth(head, mm_digits=3),
        "eyes": {
            "centres_cam_mm": rounded(centres_mm, 3),
            "centres_px": rounded(project(centres_mm), 3),
            "optical_axes_cam": rounded(axes, 6),
        },
        "landmarks_cam_mm": rounded(landmarks_mm, 3),
        "landmarks_px": rounded(project(landmarks_mm), 3),
    }


def _crop_truth(crop: Crop) -> dict[str, object]:
    truth = _truth(crop.picture_seed, crop.head, crop.view.project, crop.attributes)
    return {
        **truth,
        "pitch_yaw_rad": rounded(crop.pitch_yaw_rad, 6),
        "head_pitch_yaw_rad": rounded(crop.head_pitch_yaw_rad, 6),
        "R_norm_cam": rounded(crop.view.R_norm_cam, 6),
    }
