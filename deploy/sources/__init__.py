"""Sources of frames: cameras, files, folders, streams and pipes, all with one face."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

from deploy.sources.base import Source, without_credentials
from deploy.sources.cameras import find_cameras, why_no_camera
from deploy.sources.captures import PREFERRED_SIZE, open_camera, open_url
from deploy.sources.pictures import PictureSource, picture_files
from deploy.sources.pipes import GStreamerProcess, RawPipe
from deploy.sources.threaded import ThreadedSource
from deploy.sources.video import VideoSource
from gaze.camera import Camera
from gaze.errors import SourceError, UsageError
from gaze.picture_files import READABLE

__all__ = ["Source", "kind_of_source", "open_source", "size_for_lens"]

# Pictures of light without a scale, which no camera gives.
FLOATING = (".hdr", ".pic", ".pfm", ".exr")
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv"})


def kind_of_source(text: str) -> str:
    """What a --source means: stdin, camera, gstreamer, url, folder, picture or video.

    Raises:
        SourceError: it is none of these: no such file, and no camera, URL or pipeline either.
        UsageError: it is empty.
    """
    if not text.strip():
        raise UsageError("--source is empty; name a camera, file, folder or stream (`gaze run --help`)")
    if text == "-":
        return "stdin"
    if re.fullmatch(r"[0-9]{1,9}", text) or text.startswith("/dev/"):
        return "camera"
    if re.match(r"(?i)[a-z][a-z0-9+.-]*://", text):
        return "url"
    path = Path(text)
    is_pipeline = re.search(r"\s!\s", text) is not None
    try:
        if path.is_dir():
            return "folder"
        there = path.exists()
        is_file = path.is_file()
    except OSError as error:  # a name longer than any file's
        if is_pipeline:
            return "gstreamer"
        raise SourceError(
            f"--source {text[:60]}...: {error.strerror}; name a file, camera or stream"
        ) from error
    if not there:
        if is_pipeline:
            return "gstreamer"
        cameras = ", ".join(map(str, find_cameras())) or "none"
        raise SourceError(f"{text}: no such file or folder; cameras found: {cameras}")
    if not is_file:
        raise SourceError(
            f"{text}: is a pipe or device and no plain file; save what comes out of it as a file, or "
            "give raw frames on standard input with --source -"
        )
    if path.suffix.lower() in FLOATING:
        raise SourceError(f"{text}: its pixels are floating point numbers; save it as PNG or JPEG")
    return "picture" if path.suffix.lower() in READABLE else "video"


def size_for_lens(text: str, lens: Camera, recorded: bool = False) -> tuple[int, int] | None:
    """The size to ask of a webcam, whose intrinsics hold for pictures of one shape; None for other sources.

    ``recorded``: the lens was written down with pictures of its size, as in a profile. Else None, too, for a
    lens of which no more is known than a field of view at the preferred size: the webcam may then take
    whichever size it is fast at.

    Raises:
        SourceError, UsageError: as kind_of_source.
    """
    if kind_of_source(text) != "camera":
        return None
    size = (lens.width, lens.height)
    return size if recorded or lens.source == "calibrated" or size != PREFERRED_SIZE else None


def open_source(
    text: str,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    wait: bool = False,
    newest: bool = False,
    loop: bool = False,
) -> Source:
    """Open what --source names.

    Args:
        size: (width, height) asked of a camera; needed for raw frames on standard input.
        fps: asked of a camera; the rate of standard input, and of a folder that is a sequence.
        wait: keep trying when a camera or stream is not there yet.
        newest: hand over only the newest frame of standard input too, as of cameras.
        loop: play a video file for ever.

    Raises:
        SourceError: it cannot be opened or read.
        UsageError: the options do not fit the source.
    """
    kind = kind_of_source(text)
    if loop and kind != "video":
        raise UsageError(f"--loop plays video files again and again; {without_credentials(text)} is a {kind}")
    if kind == "stdin":
        if size is None:
            raise UsageError("raw frames on standard input need their size: --size WIDTHxHEIGHT")
        # Unbuffered: Python aborts where its end finds a thread that waits inside the buffered reader.
        opener = partial(RawPipe, sys.stdin.buffer.raw, size, fps)
        timed = None if newest else fps or 30.0
        return ThreadedSource("standard input", opener, newest=newest, reopen=False, timed_by_count_fps=timed)
    if kind == "camera":
        device = text if text.startswith("/dev/") else int(text)
        opener, why = partial(open_camera, device, size, fps), partial(why_no_camera, device)
        return ThreadedSource(f"camera {text}", opener, wait=wait, why=why)
    if kind == "gstreamer":
        return ThreadedSource("GStreamer pipeline", partial(GStreamerProcess, text), wait=wait)
    if kind == "url":
        # A file on a web server is read like a file: every frame, and its end is the end.
        scheme, _, rest = text.partition("://")
        text = f"{scheme.lower()}://{rest}"
        is_film = Path(rest.partition("?")[0]).suffix.lower() in VIDEO_SUFFIXES
        is_file = is_film and text.startswith(("http", "file:"))
        return ThreadedSource(
            without_credentials(text),
            partial(open_url, text),
            newest=not is_file,
            wait=wait,
            reopen=not is_file,
        )
    if kind == "folder":
        files, ignored = picture_files(Path(text))
        return PictureSource(text, files, fps, ignored)
    if kind == "picture":
        return PictureSource(text, [Path(text)])
    return VideoSource(Path(text), loop)
