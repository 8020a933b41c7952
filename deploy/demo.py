"""What the demo shows when nothing was chosen: the webcam if one delivers, else the clip in the package."""

from __future__ import annotations

import dataclasses
import logging
import sys
from pathlib import Path

from deploy.display.window import display_problem
from deploy.run_config import RunConfig, spare_inputs_of
from deploy.sources.cameras import find_cameras, why_no_camera
from deploy.sources.captures import first_picture, open_camera
from gaze.errors import SourceError

log = logging.getLogger("gaze")

ASSETS = Path(__file__).parent / "assets"
CLIP = ASSETS / "demo.mp4"
# Only Linux lists its cameras.
FIRST_WHERE_NONE_ARE_LISTED = [] if sys.platform.startswith("linux") else [0]
CLIP_TRUTH = ASSETS / "demo.truth.jsonl"


def camera_problem(device: int) -> str | None:
    """Why the camera gives no picture, None if it gives one."""
    try:
        capture = open_camera(device)
    except SourceError as error:
        return str(error)
    try:
        if first_picture(capture) is not None:
            return None
        return f"camera {device} was opened but delivers no picture; {why_no_camera(device)}"
    finally:
        capture.close()


def with_demo_choices(config: RunConfig, candidates: list[int] | None = None) -> RunConfig:
    """The settings with source, ground truth and outputs filled in for the demo where none were chosen.

    Raises:
        SourceError: no camera delivers and the package lacks its clip.
        UsageError: what the demo writes would overwrite what it reads.
    """
    if config.source is None:
        config = _with_source(config, candidates)
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
        spare_inputs_of(config)
    return config


def _with_source(config: RunConfig, candidates: list[int] | None) -> RunConfig:
    """The first camera that delivers, seen as in a mirror, else the clip with its ground truth."""
    if candidates is None:
        candidates = [camera.index for camera in find_cameras()] or FIRST_WHERE_NONE_ARE_LISTED
    for index in candidates:
        problem = camera_problem(index)
        if problem is None:
            log.info("demo: camera %d", index)
            return dataclasses.replace(
                config, source=str(index), mirror=True if config.mirror is None else config.mirror
            )
        log.info("demo: %s", problem)
    if not CLIP.is_file():
        raise SourceError(f"no camera delivers a picture, and the clip {CLIP} is missing; install again")
    log.info("demo: no camera delivers a picture, playing the clip %s", CLIP.name)
    truth = str(CLIP_TRUTH) if CLIP_TRUTH.is_file() else None
    return dataclasses.replace(config, source=str(CLIP), truth=config.truth or truth)
