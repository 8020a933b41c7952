"""Eyes cut out of face crops, laid over each other by their corners: how light lies about them.

A patch holds, for every pixel and colour, the light in stops (powers of two) against the cheek below the eye,
so that skins and exposures can be compared.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.mesh_landmarks import EYES, LEFT_EYE
from gaze.normalization import resize_face
from gaze.types import Face

# The patch, px, and where the outer and the inner corner of the eye come to lie in it.
WIDTH_PX, HEIGHT_PX = 120, 90
OUTER_PX, INNER_PX = np.array([30.0, 50.0]), np.array([84.0, 50.0])
# All crops are compared at one sharpness: that of this width, doubled for the cut.
CROP_PX = 224
# What a picture's black may hide, in linear light.
_BLACK = 0.005
# Names and (x, y) of places in a patch.
PLACES = {
    "hollow above the inner corner": (92, 36),
    "inner corner": (88, 46),
    "side of the nose": (104, 52),
    "upper lid": (57, 36),
    "below the eye": (57, 66),
    "below the inner corner": (84, 62),
    "outer corner": (24, 50),
    "caruncle": (82, 50),
}


def comparable(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A square crop (S, S, 3) at twice CROP_PX with the detail of CROP_PX."""
    return resize_face(resize_face(image, CROP_PX), 2 * CROP_PX)


def eye_patches(image: NDArray[np.uint8], face: Face) -> list[NDArray[np.float32]]:
    """Both eyes (HEIGHT_PX, WIDTH_PX, 3) BGR in stops against the cheek, the left one mirrored.

    ``image`` (S, S, 3) uint8 BGR, ``face`` with its landmarks; an eye whose cheek is not in it is left out.
    """
    light = (image.astype(np.float32) / 255.0) ** 2.2
    size = image.shape[0]
    patches = []
    for eye in EYES:
        against = cheek_light(light, face, eye.cheek)
        if against is None:
            continue
        corners = face.landmarks_px[[eye.outer, eye.inner]].astype(np.float64)
        whole = light
        if eye is LEFT_EYE:
            whole = np.ascontiguousarray(light[:, ::-1])
            corners[:, 0] = size - 1 - corners[:, 0]
        cut = cv2.warpAffine(whole, _similarity(*corners), (WIDTH_PX, HEIGHT_PX), flags=cv2.INTER_LINEAR)
        patches.append(stops(cut, against).astype(np.float32))
    return patches


def cheek_light(light: NDArray[np.float32], face: Face, cheek: int) -> NDArray[np.float32] | None:
    """The median of linear light (S, S, C) about a landmark, (C,), or None where that is not in the crop."""
    size = len(light)
    half = max(2, size // 56)
    x, y = np.rint(face.landmarks_px[cheek]).astype(int)
    if not (half <= x < size - half and half <= y < size - half):
        return None
    return np.median(light[y - half : y + half, x - half : x + half].reshape(4 * half * half, -1), axis=0)


def stops(light: NDArray[np.floating], against: NDArray[np.floating]) -> NDArray[np.floating]:
    """Linear light (...) in powers of two against other light, such as the cheek's."""
    return np.log2((light + _BLACK) / (against + _BLACK))


def _similarity(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3): the turn, scale and shift that put the corners where they belong in a patch."""
    eye, wanted = inner - outer, INNER_PX - OUTER_PX
    length = eye @ eye
    cosine, sine = eye @ wanted / length, (eye[0] * wanted[1] - eye[1] * wanted[0]) / length
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, OUTER_PX - turn @ outer])


def light_at(patch: NDArray[np.float32], place: tuple[int, int]) -> NDArray[np.float64]:
    """Mean stops (3,) BGR of five by five pixels about a place (x, y)."""
    x, y = place
    return patch[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0, dtype=np.float64)
