"""Panoramas from Radiance files and from modules of the built package."""

import base64
import os

import cv2
import numpy as np
import pytest

from gaze.errors import DataError
from gaze.synthesis.pack_environments import BRIGHTEST, pack_environment

# Powers of two and their halves survive Radiance's shared exponent exactly.
VALUES = np.float32([0.25, 0.5, 1.0, 2.0, 64.0])


def picture(height, seed=0):
    grey = np.random.default_rng(seed).choice(VALUES, (height, 2 * height))
    return np.stack([grey, 0.5 * grey, 0.25 * grey], -1).astype(np.float32)


def radiance(rgb):
    return cv2.imencode(".hdr", rgb[..., ::-1])[1].tobytes()


def test_radiance_files_are_averaged_down_by_two():
    rgb = picture(512)
    packed = pack_environment(radiance(rgb), "sky.hdr")
    assert packed.shape == (256, 512, 3) and packed.dtype == np.float16
    mean = rgb.reshape(256, 2, 512, 2, 3).mean(axis=(1, 3))
    np.testing.assert_array_equal(packed, mean.astype(np.float16))


def test_bright_suns_are_clipped_below_half_precisions_end():
    rgb = np.full((256, 512, 3), 1.0, np.float32)
    rgb[10, 20] = 2.0**17
    packed = pack_environment(radiance(rgb), "sky.hdr")
    assert packed.max() == np.float16(BRIGHTEST) and np.isfinite(packed).all()
    assert packed[10, 20, 0] == np.float16(BRIGHTEST) and packed[11, 20, 0] == 1.0


def test_modules_of_the_built_package_are_read(monkeypatch):
    monkeypatch.setitem(os.environ, "OPENCV_IO_ENABLE_OPENEXR", "1")
    rgb = picture(256)
    rgb[3, 4] = [-1.0, 2.0, 0.5]
    ok, exr = cv2.imencode(".exr", rgb[..., ::-1])
    if not ok:
        pytest.skip("this OpenCV writes no EXR")
    text = b"export default 'data:application/exr;base64," + base64.b64encode(exr) + b"'"
    packed = pack_environment(text, "sky.exr.js")
    np.testing.assert_array_equal(packed, np.maximum(rgb, 0).astype(np.float16))
    with pytest.raises(DataError, match=r"sky.exr.js"):
        pack_environment(text[:2000] + text[-1:], "sky.exr.js")


@pytest.mark.parametrize(
    "content",
    [b"", b"404: Not Found", cv2.imencode(".png", np.zeros((256, 512, 3), np.uint8))[1].tobytes(),
     radiance(picture(128)), radiance(picture(512)[:, :512])],
    ids=["empty", "page", "png", "small", "square"],
)  # fmt: skip
def test_other_files_are_refused(content):
    with pytest.raises(DataError, match=r"sky.hdr"):
        pack_environment(content, "sky.hdr")
