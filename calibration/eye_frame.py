"""The eye's frame: a constant offset there is what a person's visual axis does to every line of sight.

The eye turns by Listing's law: from looking straight out of the head, (0, 0, -1) in the head frame, to its
line of sight by the shortest rotation. An offset (pitch, yaw) in the turned frame is the angle between the
estimated and the true line of sight, with the signs of gaze angles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gaze.geometry import FloatArray, angles_from_vector, vector_from_angles


def eye_rotation(direction_norm: ArrayLike, R_norm_head: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) from the eye's frame to the normalised frame.

    ``direction_norm`` (..., 3) unit lines of sight, ``R_norm_head`` (..., 3, 3) head to normalised.
    Shortest rotation of f onto h: ``I + [v] + [v]^2 / (1 + f.h)``, v = f x h (Rodrigues).
    """
    R_norm_head = np.asarray(R_norm_head, dtype=np.float64)
    h = np.einsum("...ji,...j->...i", R_norm_head, np.asarray(direction_norm, dtype=np.float64))
    # f = (0, 0, -1): v = f x h = (h_y, -h_x, 0), f.h = -h_z. A gaze backwards has no shortest rotation.
    hx, hy, cosine = h[..., 0], h[..., 1], np.maximum(-h[..., 2], -0.99)
    scale = 1.0 / (1.0 + cosine)
    listing = np.empty((*h.shape[:-1], 3, 3))
    listing[..., 0, 0] = 1.0 - scale * hx * hx
    listing[..., 0, 1] = listing[..., 1, 0] = -scale * hx * hy
    listing[..., 1, 1] = 1.0 - scale * hy * hy
    listing[..., 0, 2], listing[..., 2, 0] = -hx, hx
    listing[..., 1, 2], listing[..., 2, 1] = -hy, hy
    listing[..., 2, 2] = cosine
    return R_norm_head @ listing


def apply_offset(direction_norm: ArrayLike, R_norm_head: ArrayLike, offset_rad: ArrayLike) -> FloatArray:
    """Lines of sight (..., 3) turned by offsets (..., 2), (pitch, yaw) in the eye's frame."""
    R = eye_rotation(direction_norm, R_norm_head)
    return np.einsum("...ij,...j->...i", R, vector_from_angles(offset_rad))


def offset_between(estimated_norm: ArrayLike, true_norm: ArrayLike, R_norm_head: ArrayLike) -> FloatArray:
    """The offsets (..., 2) that apply_offset needs to turn estimated lines of sight into true ones."""
    R = eye_rotation(estimated_norm, R_norm_head)
    return angles_from_vector(np.einsum("...ji,...j->...i", R, np.asarray(true_norm, dtype=np.float64)))
