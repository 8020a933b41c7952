"""The landmarks that a network can learn to find in a normalised face, in one order.

First the subject's left eye, then the right one, EYE_COUNT landmarks each: the middle of the iris, eight
points of its rim, the upper lid from the inner corner to the outer one, the lower lid between them, and the
eye's centre of rotation, which no picture shows but lids and face tell. Then FACE_68 of the face.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Places within an eye's landmarks.
IRIS, RIM, UPPER_LID, LOWER_LID, ROTATION_CENTRE = 0, slice(1, 9), slice(9, 15), slice(15, 19), 19
INNER_CORNER, OUTER_CORNER = 9, 14
EYE_COUNT = 20
# By their numbers among the 68 of iBUG (Sagonas et al., 300 Faces in-the-Wild Challenge, 2013): jaw, brows,
# nose, mouth.
FACE_68 = (0, 4, 8, 12, 16, 17, 19, 21, 22, 24, 26, 27, 30, 31, 33, 35, 48, 51, 54, 57)
LEARNED_COUNT = 2 * EYE_COUNT + len(FACE_68)

_PAIRS_68 = ((0, 16), (4, 12), (17, 26), (19, 24), (21, 22), (31, 35), (48, 54))


def _mirror_order() -> NDArray[np.int64]:
    # The rim starts at the picture's right and goes round through the top; mirrored it starts at the left.
    rim = [RIM.start + (4 - k) % 8 for k in range(8)]
    eye = [IRIS, *rim, *range(UPPER_LID.start, EYE_COUNT)]
    partner = dict(_PAIRS_68) | {b: a for a, b in _PAIRS_68}
    face = [2 * EYE_COUNT + FACE_68.index(partner.get(number, number)) for number in FACE_68]
    return np.array([EYE_COUNT + k for k in eye] + eye + face)


# Landmark k of a mirrored face lies where landmark MIRROR_ORDER[k] of the face lies, mirrored.
MIRROR_ORDER = _mirror_order()


def mirror_landmarks(landmarks_px: ArrayLike, width_px: int) -> NDArray[np.float64]:
    """Landmarks (..., LEARNED_COUNT, 2) of a picture that is so wide, for its mirror image.

    Pixel centres are whole numbers.
    """
    mirrored = np.asarray(landmarks_px, dtype=np.float64)[..., MIRROR_ORDER, :].copy()
    mirrored[..., 0] = width_px - 1 - mirrored[..., 0]
    return mirrored
