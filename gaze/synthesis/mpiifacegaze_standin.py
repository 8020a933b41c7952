"""A stand-in for MPIIFaceGaze: rendered people in exactly the layout of the raw set.

For tests and for trying the whole chain without the data set: ``pXX/pXX.txt`` with 28 columns, pictures of
1280x720 through each person's own distorting camera, ``Calibration/*.mat``, MPIIGaze's evaluation lists, and
``dataset.json`` that says how many rows each person has. Gaze targets are pixels of the person's screen; the
landmarks carry noise, and head pose and face centre are estimated from them as the authors did (EPNP, then
iterative refinement, with the six-point model).
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gaze.camera import Camera
from gaze.datasets.mpiifacegaze_calibration import LaptopScreen
from gaze.datasets.mpiifacegaze_raw import MANIFEST, MANIFEST_SCHEMA
from gaze.errors import DataError
from gaze.face_model import FACE_CENTRE_HEAD_MM
from gaze.files import read_json, write_json
from gaze.geometry import FloatArray, angular_error_rad
from gaze.head_pose import face_centre_cam_mm, head_pose_from_six_points
from gaze.picture_files import write_picture
from gaze.synthesis.standin_calibration import invent_camera, invent_screen, write_calibration
from gaze.worker_processes import finished

SUBSET_FOLDER = "Evaluation Subset/sample list for eye image"
OFF_SCREEN_SHARE = 0.01


class PersonRenderer(Protocol):
    """Draws a person in front of a laptop."""

    def render(
        self, person_seed: int, frame_seed: int, camera: Camera, target_cam_mm: FloatArray
    ) -> tuple[NDArray[np.uint8], FloatArray, FloatArray, FloatArray]:
        """A whole webcam picture of that person looking at a point.

        Returns the picture (H, W, 3) uint8 BGR as the distorting camera sees it, the six landmarks (6, 2) on
        it in px, and the head pose R_cam_head (3, 3), t_cam_mm (3,).
        """

    def close(self) -> None:
        """Give back what it holds."""


@dataclass(frozen=True, slots=True)
class StandinOptions:
    """``persons`` people with ``images`` pictures each; ``landmark_noise_px`` is the deviation per axis."""

    persons: int = 15
    images: int = 200
    seed: int = 0
    landmark_noise_px: float = 1.0
    jpeg_quality: int = 90


def write_standin(
    out: Path,
    make_renderer: Callable[[], PersonRenderer],
    options: StandinOptions,
    workers: int = 1,
    progress: bool = True,
) -> dict[str, object]:
    """Write the stand-in and return its manifest. People that are there already are kept as they are.

    ``make_renderer`` is called once per process and must be picklable when ``workers`` is above 1; what it
    makes is closed here, or ends with its process.

    Raises:
        DataError: the folder holds a data set made with other options, or a process is killed; people that
            are whole are then kept for the next call.
    """
    out.mkdir(parents=True, exist_ok=True)
    _check_options(out, options)
    names = [f"p{index:02d}" for index in range(options.persons)]
    missing = [(index, name) for index, name in enumerate(names) if not (out / name).is_dir()]
    done = options.persons - len(missing)
    with tqdm(total=options.persons, initial=done, unit="person", disable=not progress) as bar:
        if workers <= 1:
            with contextlib.ExitStack() as opened:
                renderer = opened.enter_context(contextlib.closing(make_renderer())) if missing else None
                for person in missing:
                    _write_person(renderer, options, out, person)
                    bar.update()
        else:
            write = partial(_write_in_worker, make_renderer, options, out)
            try:
                for _ in finished(write, missing, workers):
                    bar.update()
            except BrokenProcessPool as error:
                raise DataError(
                    f"{out}: a process that renders was killed, perhaps for want of memory; run the same "
                    "command again, with fewer --workers: people that are whole are kept"
                ) from error
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "standin": True,
        "options": asdict(options),
        "counts": {name: options.images for name in names},
        "label_noise_deg": {name: float((out / name / "label_noise_deg").read_text()) for name in names},
    }
    write_json(out / MANIFEST, manifest)
    return manifest


def _check_options(out: Path, options: StandinOptions) -> None:
    path = out / "standin_options.json"
    if not path.is_file():
        write_json(path, asdict(options))
        return
    try:
        before = read_json(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); give another --out") from error
    now = asdict(options)
    if not isinstance(before, dict) or {**before, "persons": 0} != {**now, "persons": 0}:
        raise DataError(f"{out}: holds a stand-in made with {before}, not {now}; give another --out")


_renderer: PersonRenderer | None = None


def _write_in_worker(
    make_renderer: Callable[[], PersonRenderer], options: StandinOptions, out: Path, person: tuple[int, str]
) -> None:
    """One person, in a process of its own; the renderer is made for the first and kept to its end."""
    global _renderer
    if _renderer is None:
        _renderer = make_renderer()
    _write_person(_renderer, options, out, person)


def _write_person(
    renderer: PersonRenderer, options: StandinOptions, out: Path, person: tuple[int, str]
) -> None:
    """Write the person of a number and name."""
    index, name = person
    rng = np.random.default_rng([options.seed, index])
    camera, screen = invent_camera(rng), invent_screen(rng)
    folder = out / f"{name}.partial"
    shutil.rmtree(folder, ignore_errors=True)
    write_calibration(folder / "Calibration", camera, screen, rng)
    person_seed = int(rng.integers(2**31))
    lines, entries, noise = [], [], []
    for picture, screen_px, eye in _schedule(screen, options.images, rng):
        target = screen.to_camera(screen_px)[0]
        image, landmarks, R, t = renderer.render(person_seed, int(rng.integers(2**31)), camera, target)
        path = folder / picture
        path.parent.mkdir(exist_ok=True)
        write_picture(path, image, [cv2.IMWRITE_JPEG_QUALITY, options.jpeg_quality])
        seen = np.rint(landmarks + rng.normal(0.0, options.landmark_noise_px, (6, 2)))
        pose = head_pose_from_six_points(seen, camera)
        if pose is None:
            raise DataError(f"{path}: no head pose fits the landmarks {seen.tolist()}")
        centre = face_centre_cam_mm(pose)
        true_centre = np.asarray(R) @ FACE_CENTRE_HEAD_MM + np.asarray(t)
        noise.append(np.rad2deg(angular_error_rad(target - centre, target - true_centre)))
        whole = [*screen_px.astype(int), *seen.reshape(-1).astype(int)]
        exact = [*cv2.Rodrigues(pose.R_cam_head)[0].ravel(), *pose.t_cam_mm, *centre, *target]
        words = [picture, *map(str, whole), *(f"{value:.6f}" for value in exact), eye]
        lines.append(" ".join(words))
        entries.append(f"{picture} {eye}")
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "label_noise_deg").write_text(f"{np.mean(noise):.4f}", encoding="utf-8")
    subset = out / SUBSET_FOLDER
    subset.mkdir(parents=True, exist_ok=True)
    (subset / f"{name}.txt").write_text("\n".join(entries) + "\n", encoding="utf-8")
    folder.rename(out / name)


def _schedule(
    screen: LaptopScreen, images: int, rng: np.random.Generator
) -> list[tuple[str, FloatArray, str]]:
    """(picture path, screen px (2,), eye) of each picture, spread over days as recordings are."""
    days = np.sort(rng.integers(1, max(2, images // 25) + 1, images))
    size = np.array([screen.width_px, screen.height_px])
    schedule, within = [], 0
    for row, day in enumerate(days):
        within = within + 1 if row and days[row - 1] == day else 1
        margin = 0.1 if rng.random() < OFF_SCREEN_SHARE else 0.0
        px = np.rint(rng.uniform(-margin, 1.0 + margin, 2) * size)
        schedule.append((f"day{day:02d}/{within:04d}.jpg", px, "left" if rng.random() < 0.5 else "right"))
    return schedule
