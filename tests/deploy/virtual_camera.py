"""A webcam for programs that a test starts, on machines without one: see virtual_camera.c."""

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

SOURCE = Path(__file__).with_name("virtual_camera.c")
# Paths in /dev are cameras to the program; this folder there can be written.
PLACE = Path("/dev/shm")


def why_not():
    """What a machine lacks for a virtual camera, None if nothing."""
    if not sys.platform.startswith("linux") or not os.access(PLACE, os.W_OK):
        return "needs Linux with /dev/shm"
    if shutil.which("cc") is None or not Path("/usr/include/linux/videodev2.h").is_file():
        return "needs a C compiler and the kernel's headers: apt-get install gcc linux-libc-dev"
    return None


def build(folder):
    """Compile the library that programs are started with."""
    library = Path(folder) / "virtual_camera.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE, "-ldl"], check=True
    )
    return library


class VirtualCamera:
    """``device`` is its path, ``environment`` what a program needs to see it."""

    def __init__(self, folder, library):
        self._folder = Path(folder)
        self.device = str(self._folder / "video0")
        Path(self.device).touch()
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "VIRTUAL_CAMERA": str(folder)}

    def show(self, pictures, format="MJPG"):
        """These pictures (H, W, 3) BGR, again and again, in this format and their size."""
        height, width = pictures[0].shape[:2]
        encode = {"MJPG": jpeg, "YUYV": _yuyv}[format]
        self.show_encoded(map(encode, pictures), f"{format}_{width}x{height}")

    def show_encoded(self, pictures, mode):
        """The same with what a driver would give, in a mode such as "MJPG_640x480"."""
        content = b"".join(struct.pack("=I", len(data)) + data for data in pictures)
        new = self._folder / "new"
        new.write_bytes(content)
        new.rename(self._folder / mode)

    def unplug(self):
        """Take it away, as by pulling its plug."""
        (self._folder / "unplugged").touch()

    def plug_in(self):
        """Give it back."""
        (self._folder / "unplugged").unlink()


def jpeg(picture):
    """A picture (H, W, 3) BGR as a webcam compresses it."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def _yuyv(picture):
    """Two pixels in four bytes, by the formulas of BT.601 in limited range."""
    blue, green, red = (picture[..., channel].astype(float) for channel in range(3))
    y = 16 + 0.257 * red + 0.504 * green + 0.098 * blue
    u = 128 - 0.148 * red - 0.291 * green + 0.439 * blue
    v = 128 + 0.439 * red - 0.368 * green - 0.071 * blue
    both = np.empty((*picture.shape[:2], 2))
    both[..., 0] = y
    both[:, 0::2, 1] = (u[:, 0::2] + u[:, 1::2]) / 2
    both[:, 1::2, 1] = (v[:, 0::2] + v[:, 1::2]) / 2
    return both.round().astype(np.uint8).tobytes()
