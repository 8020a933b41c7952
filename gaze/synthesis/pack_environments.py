"""Panoramas of pmndrs/assets as half-precision linear RGB, (256, 512, 3)."""

from __future__ import annotations

import base64
import binascii
import os
import re

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError

SIZE = (512, 256)
# Half precision ends at 65504.
BRIGHTEST = 60000.0
_DATA_URL = re.compile(rb"data:application/exr;base64,([A-Za-z0-9+/=]+)")


def pack_environment(content: bytes, name: str) -> NDArray[np.float16]:
    """A panorama from a Radiance .hdr file, or from an .exr.js module of the built package.

    Pictures larger than (256, 512) are averaged down. The built ones were sharpened when they were made
    small: what fell below zero is set to zero.

    Raises:
        DataError: not a picture of an equirectangular panorama.
    """
    if found := _DATA_URL.search(content):
        try:
            content = base64.b64decode(found.group(1), validate=True)
        except binascii.Error as error:
            raise DataError(f"{name}: its base64 is damaged ({error}); fetch it again") from error
        # OpenCV reads EXR only when told so before its first EXR.
        os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise DataError(f"{name}: cannot be decoded ({error.err}); fetch it again") from error
    if picture is None or picture.dtype != np.float32 or picture.ndim != 3 or picture.shape[2] < 3:
        raise DataError(f"{name}: is no high-dynamic-range picture; fetch it again")
    height, width = picture.shape[:2]
    if width != 2 * height or width < SIZE[0]:
        raise DataError(f"{name}: is {width}x{height}, expected a panorama of at least {SIZE[0]}x{SIZE[1]}")
    if (width, height) != SIZE:
        picture = cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA)
    rgb = picture[..., 2::-1]
    if not np.all(np.isfinite(rgb)):
        raise DataError(f"{name}: holds values that are not finite; fetch it again")
    return np.ascontiguousarray(np.clip(rgb, 0.0, BRIGHTEST).astype(np.float16))
