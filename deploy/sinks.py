"""Where results go: JSON lines, CSV and video, all opened in one ``with``, each readable up to a fault."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.closing import closed_at_the_end
from deploy.pipeline import FrameResult
from deploy.records import CSV_COLUMNS, csv_rows, frame_record
from gaze.disk_space import SpaceWatch
from gaze.errors import GazeError, UsageError
from gaze.picture_files import opencv_path
from gaze.standard_streams import settle_output

# Matroska and AVI can be read without their index, so what a killed process leaves can be too; MP4 cannot.
VIDEO_CODECS = {".mp4": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
# A gap in a live recording is filled with the last picture up to this long.
LONGEST_FILL_S = 5.0


class SinkError(GazeError):
    """Something cannot be written. What was written before is complete."""


class ReaderGone(Exception):
    """Whoever reads our standard output has closed it: an ordinary end."""


class Sink(Protocol):
    """Takes every frame's result."""

    needs_picture: bool

    def write(self, result: FrameResult, picture: NDArray[np.uint8] | None) -> None:
        """Store one frame; ``picture`` is the drawn one where ``needs_picture`` is set."""

    def close(self) -> None:
        """Finish the file."""


def _failure(path: object, error: OSError) -> SinkError:
    mend = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "choose another path"
    return SinkError(f"{path}: cannot be written ({error.strerror}); {mend}. Frames before this one are kept")


def _open_file(path: str) -> BinaryIO:
    """Open for writing without emptying the file: a run that gives no frame must not cost an older one.

    While it is open no other run can open it here: two would write over each other's lines.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), "wb", buffering=0)
    except OSError as error:
        raise _failure(path, error) from error
    try:
        if fcntl is not None and _is_plain(file):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise SinkError(f"{path}: another run is writing it; give this one another name") from error
    except OSError:  # a network's disk that knows no locks
        pass
    return file


def _is_plain(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


class TextSink:
    """Lines of text, each written whole or not at all; ``-`` is standard output.

    An older file of that name is replaced when the first frame comes, not before. ``header`` stands above
    the frames.

    Raises:
        SinkError: the file cannot be opened or written.
        ReaderGone: (from write) standard output has been closed by its reader.
    """

    needs_picture = False
    header = ""

    def __init__(self, path: str) -> None:
        self.name = path
        self._file = None if path == "-" else _open_file(path)
        self._good_bytes = 0
        self._begun = False

    def _put(self, text: str) -> None:
        if not self._begun:
            self._begun = True
            if self._file is not None and _is_plain(self._file):
                self._file.truncate(0)
            text = self.header + text
        if self._file is None:
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except BrokenPipeError as error:
                raise ReaderGone from error
            except OSError as error:
                settle_output()
                raise _failure("standard output", error) from error
            return
        content = text.encode("utf-8")
        try:
            written = 0
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError as error:
            # Half a line would spoil the file for its readers; what is no plain file cannot be cut.
            with contextlib.suppress(OSError):
                self._file.truncate(self._good_bytes)
            raise _failure(self.name, error) from error
        self._good_bytes += len(content)

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._file is not None:
            self._file.close()


class JsonlSink(TextSink):
    """One JSON object a frame (see deploy.records)."""

    def write(self, result: FrameResult, picture: NDArray[np.uint8] | None = None) -> None:
        """Append the frame's object."""
        self._put(json.dumps(frame_record(result), separators=(",", ":")) + "\n")


class CsvSink(TextSink):
    """One row a face (see deploy.records)."""

    header = ",".join(CSV_COLUMNS) + "\n"

    def write(self, result: FrameResult, picture: NDArray[np.uint8] | None = None) -> None:
        """Append the frame's rows."""
        self._put("".join(",".join(map(str, row)) + "\n" for row in csv_rows(result)))


class VideoSink:
    """A video of the drawn pictures.

    Every picture becomes a frame, or, with ``real_time``, as many as keep the recording in step with
    ``t_s``. Pictures of another size than the first are fitted into it. ``fps`` is the rate in pictures a
    second, or gives it when the first picture comes: a stream tells its own no earlier.

    Raises:
        SinkError: the path cannot be written, there is no encoder, or the disk is nearly full or gone.
        UsageError: the ending of the name is not a known container.
    """

    needs_picture = True

    def __init__(self, path: str, fps: float | Callable[[], float], real_time: bool = False) -> None:
        suffix = Path(path).suffix.lower()
        if suffix not in VIDEO_CODECS:
            raise UsageError(f"{path}: a video is saved as {', '.join(VIDEO_CODECS)}")
        self.name = path
        self._codec = VIDEO_CODECS[suffix]
        self._ask_fps = fps if callable(fps) else lambda: fps
        self._fps = 0.0
        self._real_time = real_time
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._written = 0
        self._first_s: float | None = None
        self._space = SpaceWatch(path)
        self._opencv_path = opencv_path(path, SinkError)
        # Says now, not after a minute of work, that the path is no good; and keeps other runs off it.
        self._lock = _open_file(path)
        self._made = _is_plain(self._lock) and os.fstat(self._lock.fileno()).st_size == 0
        if not _is_plain(self._lock):
            self._lock.close()
            raise SinkError(f"{path}: is a device or a pipe, and a video goes back in its file; name a file")
        try:
            self._check_space()
        except SinkError:
            self.close()
            raise

    def write(self, result: FrameResult, picture: NDArray[np.uint8] | None) -> None:
        """Append the picture (H, W, 3) BGR."""
        if self._writer is None:
            self._open(picture)
        self._check_space()
        picture = fit_picture(picture, self._size)
        for _ in range(self._repeats(result.frame.t_s)):
            self._writer.write(picture)
            self._written += 1

    def _open(self, picture: NDArray[np.uint8]) -> None:
        self._fps = self._ask_fps()
        height, width = picture.shape[:2]
        # Encoders want even sides, and none takes a single pixel.
        self._size = (max(16, width + width % 2), max(16, height + height % 2))
        codec = cv2.VideoWriter_fourcc(*self._codec)
        self._writer = cv2.VideoWriter(self._opencv_path, codec, self._fps, self._size)
        if not self._writer.isOpened():
            self._writer = None
            raise SinkError(
                f"{self.name}: this OpenCV cannot encode {self._size[0]}x{self._size[1]} as {self._codec}; "
                "try smaller pictures or .avi"
            )

    def _repeats(self, t_s: float) -> int:
        if not self._real_time:
            return 1
        if self._first_s is None:
            self._first_s = t_s
        due = round((t_s - self._first_s) * self._fps) + 1
        missing = due - self._written
        longest = max(1, round(LONGEST_FILL_S * self._fps))  # the next one of a source slower than that
        if missing > longest:  # a long break is cut out
            self._first_s += (missing - longest) / self._fps
            missing = longest
        return max(0, missing)

    def _check_space(self) -> None:
        try:
            why = self._space.why_no_more()
        except OSError as error:  # a stick that was pulled out
            raise SinkError(
                f"{self.name}: its folder cannot be reached any more ({error.strerror}); "
                "bring it back, or choose another path"
            ) from error
        if why is not None:
            kept = ". The recording up to here is complete" if self._written else ""
            raise SinkError(f"{self.name}: {why}{kept}")

    def close(self) -> None:
        """Write the index; the file can then be played. Without a frame no file is left, an older one is.

        Raises:
            SinkError: the file cannot be played all the same.
        """
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.release()
        elif self._written == 0 and self._made:
            with contextlib.suppress(OSError):  # the folder has gone, and the file with it
                Path(self.name).unlink()
        self._lock.close()
        if writer is not None and self._written and not _can_be_played(self._opencv_path):
            raise SinkError(
                f"{self.name}: cannot be played, as not all of it could be written; see that the disk is "
                "whole and takes files so large, or save as .mkv, which can be read up to where it ends"
            )


def _can_be_played(opencv_name: str) -> bool:
    """Whether a video gives its first picture: OpenCV says nothing of what it could not write."""
    video = cv2.VideoCapture(opencv_name)
    good = video.isOpened() and video.grab()
    video.release()
    return good


def fit_picture(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture in a frame of ``size`` (width, height): as it is, padded, or shrunk in proportion."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    scale = min(size[0] / width, size[1] / height)
    if scale < 1.0 or min(size[0] - width, size[1] - height) > 16:
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    fitted[top : top + height, left : left + width] = picture
    return fitted


@contextmanager
def open_sinks(
    *,
    save: str | None,
    jsonl: str | None,
    csv_path: str | None,
    fps: float | Callable[[], float],
    real_time: bool,
) -> Iterator[list[Sink]]:
    """All sinks that were asked for, closed on every way out; ``fps`` and ``real_time`` are VideoSink's.

    Raises:
        SinkError: one cannot be opened, and those opened before it are closed; or one cannot be finished.
        UsageError: two of them would write to the same place.
    """
    places = [os.path.realpath(path) if path != "-" else "-" for path in (save, jsonl, csv_path) if path]
    if len(set(places)) < len(places):
        raise UsageError("--save, --jsonl and --csv need a file each, got the same one twice")
    with ExitStack() as stack:
        sinks: list[Sink] = []
        for path, make in (
            (jsonl, JsonlSink),
            (csv_path, CsvSink),
            (save, lambda p: VideoSink(p, fps, real_time)),
        ):
            if path:
                sinks.append(make(path))
                stack.enter_context(closed_at_the_end(sinks[-1].close))
        yield sinks


def any_needs_picture(sinks: Sequence[Sink]) -> bool:
    """Whether one of the sinks wants the drawn picture."""
    return any(sink.needs_picture for sink in sinks)
