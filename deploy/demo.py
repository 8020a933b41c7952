"""What the demo shows when nothing was chosen: the webcam if one delivers, else the clip in the package."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

from deploy.display.window import display_problem
from deploy.run_config import RunConfig
from deploy.sources.cameras import find_cameras
from deploy.sources.captures import first_picture, open_camera
from gaze.errors import SourceError

log = logging.getLogger("gaze")

ASSETS = Path(__file__).parent / "assets"
CLIP = ASSETS / "demo.mp4"
CLIP_TRUTH = ASSETS / "demo.truth.jsonl"


def camera_delivers(device: int) -> bool:
    """Whether the camera can be opened and gives a picture."""
    try:
        capture = open_camera(device)
    except SourceError:
        return False
    try:
        return first_picture(capture) is not None
    finally:
        capture.close()


def with_demo_choices(config: RunConfig, candidates: list[int] | None = None) -> RunConfig:
    """The settings with source, ground truth and outputs filled in for the demo.

    Raises:
        SourceError: no camera delivers and the package lacks its clip.
    """
    if candidates is None:
        candidates = [camera.index for camera in find_cameras()] or [0]
    index = next((index for index in candidates if camera_delivers(index)), None)
    if index is not None:
        log.info("demo: camera %d", index)
        config = dataclasses.replace(config, source=str(index), mirror=True)
    else:
        if not CLIP.is_file():
            raise SourceError(f"no camera delivers a picture, and the clip {CLIP} is missing; install again")
        log.info("demo: no camera delivers a picture, playing the clip %s", CLIP.name)
        truth = str(CLIP_TRUTH) if CLIP_TRUTH.is_file() else None
        config = dataclasses.replace(config, source=str(CLIP), truth=config.truth or truth)
    problem = display_problem() if config.window is not False else "window switched off"
    if problem is not None:
        folder = Path(config.out)
        config = dataclasses.replace(
            config,
            window=False,
            save=config.save or str(folder / "demo.mp4"),
            jsonl=config.jsonl or str(folder / "demo.jsonl"),
        )
        log.info("demo: %s, writing %s and %s", problem, config.save, config.jsonl)
    return config
