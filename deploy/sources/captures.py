"""Cameras and streams that OpenCV opens."""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.sources.base import Capture, without_credentials
from deploy.sources.cameras import why_no_camera
from gaze.errors import SourceError

OPEN_TIMEOUT_MS = 8000
READ_TIMEOUT_MS = 5000
# OpenCV keeps the drivers' indices in steps of 100; larger numbers are no cameras, and some it cannot take.
LARGEST_INDEX = 9999
# Asked of cameras for which no size is given: with half as many pixels across a face single frames scatter
# more (docs/performance.md).
PREFERRED_SIZE = (1280, 720)
# Slower than this, uncompressed pictures of a large size are a worse bargain than small ones.
ENOUGH_FPS = 20.0


class OpenCvCapture:
    """A camera or stream URL opened by OpenCV."""

    finished = False

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0.0 < fps < 1000.0 else None
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.frame_count = count if count > 0 else None

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture as three-channel BGR, or None."""
        try:
            good, image = self._capture.read()
        except cv2.error:  # what OpenCV makes of a picture of no bytes
            return None
        if not good or image is None or image.size == 0:
            return None
        if image.ndim == 2:
            return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        return np.ascontiguousarray(image[:, :, :3])

    def interrupt(self) -> None:
        """OpenCV cannot be interrupted; its own time-outs end a read that hangs."""

    def close(self) -> None:
        """Release the device."""
        self._capture.release()


def open_camera(
    device: int | str, size: tuple[int, int] | None = None, fps: float | None = None
) -> OpenCvCapture:
    """Open a webcam by index or device path, asking for MJPEG, a size and a rate.

    Without ``size`` it is asked for 1280x720, and left as it is where it has no such size or is slow at it.

    Raises:
        SourceError: it cannot be opened; the message lists the cameras found and who uses this one.
    """
    if isinstance(device, int) and device > LARGEST_INDEX:
        raise SourceError(f"camera {device} cannot be opened; {why_no_camera(device)}")
    capture = _opened(device)
    _ask_for(capture, size or PREFERRED_SIZE, fps)
    if size is None and not _delivers(capture, PREFERRED_SIZE, min(fps or ENOUGH_FPS, ENOUGH_FPS)):
        capture.release()
        capture = _opened(device)
        if fps is not None:
            capture.set(cv2.CAP_PROP_FPS, fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return OpenCvCapture(capture)


def _opened(device: int | str) -> cv2.VideoCapture:
    backend = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}.get(
        sys.platform, cv2.CAP_ANY
    )
    capture = cv2.VideoCapture(device, backend)
    if not capture.isOpened():
        raise SourceError(f"camera {device} cannot be opened; {why_no_camera(device)}")
    return capture


def _ask_for(capture: cv2.VideoCapture, size: tuple[int, int], fps: float | None) -> None:
    # Uncompressed USB video is limited to a few frames a second at larger sizes.
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG"))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if fps is not None:
        capture.set(cv2.CAP_PROP_FPS, fps)


def _delivers(capture: cv2.VideoCapture, size: tuple[int, int], at_least_fps: float) -> bool:
    """Whether the camera says that it took the size, at such a rate; one of 0 says nothing."""
    sides = (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    fps = capture.get(cv2.CAP_PROP_FPS)
    return sides == size and not 0.0 < fps < at_least_fps


def first_picture(capture: Capture, within_s: float = 5.0) -> NDArray[np.uint8] | None:
    """The first picture within ``within_s`` seconds; the first tries of a webcam may give none."""
    start = time.monotonic()
    while time.monotonic() - start < within_s:
        if (image := capture.read()) is not None:
            return image
        time.sleep(0.05)
    return None


def open_url(url: str) -> OpenCvCapture:
    """Open an RTSP or HTTP stream, with time-outs.

    Raises:
        SourceError: nothing answers there, or it is no video.
    """
    capture = cv2.VideoCapture(
        url,
        cv2.CAP_FFMPEG,
        [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS],
    )
    if not capture.isOpened():
        raise SourceError(
            f"{without_credentials(url)}: cannot be opened as a video stream; "
            "check address, user and password, and that a player on this machine shows it"
        )
    return OpenCvCapture(capture)
