"""How irises, pupils and whites look in face crops: their light against the cheek's, how soft the rim is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.geometry import FloatArray
from gaze.mesh_landmarks import EYES, EyeMarks
from gaze.synthesis.eye_patches import cheek_light, stops
from gaze.types import Face

NAMES = ("white of the eye", "iris", "pupil")
# Of a human iris (Atchison and Smith), by which a crop's pixels are told in mm.
_RADIUS_MM = 5.9
# Where they are looked for, in radii of the iris: beside it, within 20 degrees of the level.
_WHITE, _IRIS, _PUPIL = (1.25, 1.5), (0.55, 0.85), (0.0, 0.2)
_LEVEL_RAD = np.linspace(-0.35, 0.35, 9)
# A rim is only measured where white and iris are this far apart, in grey values.
_LEAST_CONTRAST = 35.0


def iris_light(image: NDArray[np.uint8], face: Face) -> list[FloatArray]:
    """Of each eye the light of NAMES (3,), in stops against the cheek; of the whites the lighter one.

    ``image`` (S, S, 3) uint8 BGR, ``face`` with 478 landmarks; an eye whose cheek is not in it is left out.
    """
    light = (image.astype(np.float32) / 255.0) ** 2.2
    light = cv2.cvtColor(light, cv2.COLOR_BGR2GRAY)
    measured = []
    for eye in EYES:
        against = cheek_light(light, face, eye.cheek)
        if against is None:
            continue
        circle = _circle(face, eye)
        white = max(_median(light, *circle, _WHITE, (sign,)) for sign in (-1, 1))
        iris, pupil = (_median(light, *circle, radii, (-1, 1)) for radii in (_IRIS, _PUPIL))
        measured.append(stops(np.array([white, iris, pupil]), against))
    return measured


def rim_widths_mm(image: NDArray[np.uint8], face: Face) -> list[float]:
    """How far it is beside each iris from a quarter to three quarters of the way to the white's light."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    from_middle_mm = np.linspace(0.3, 1.9, 161) * _RADIUS_MM
    widths = []
    for eye in EYES:
        centre, radius_px = _circle(face, eye)
        px_per_mm = radius_px / _RADIUS_MM
        down = np.linspace(-0.25, 0.25, 7)[:, None] * radius_px
        across = np.sqrt((from_middle_mm * px_per_mm) ** 2 - down**2)
        for sign in (-1, 1):
            profile = _sample(grey, centre[0] + sign * across, centre[1] + down + 0.0 * across).mean(axis=0)
            beside = np.where((from_middle_mm > 6.2) & (from_middle_mm < 9.5), profile, -np.inf)
            brightest = int(beside.argmax())
            dark = np.percentile(profile[(from_middle_mm > 3.5) & (from_middle_mm < 5.2)], 30)
            contrast = profile[brightest] - dark
            if contrast >= _LEAST_CONTRAST:
                share = (profile[: brightest + 1] - dark) / contrast
                low, high = (np.flatnonzero(share < part).max(initial=0) for part in (0.25, 0.75))
                widths.append(float(from_middle_mm[high] - from_middle_mm[low]))
    return widths


def _median(
    light: NDArray[np.float32],
    centre_px: FloatArray,
    radius_px: float,
    radii: tuple[float, float],
    signs: tuple[int, ...],
) -> float:
    """Of ``light`` (S, S) at ``radii`` of the iris from its centre, to the right (1), left (-1) or both."""
    rho = np.linspace(*radii, 7)[:, None] * radius_px
    across = np.concatenate([sign * rho * np.cos(_LEVEL_RAD) for sign in signs])
    down = np.concatenate([rho * np.sin(_LEVEL_RAD) for _ in signs])
    return float(np.median(_sample(light, centre_px[0] + across, centre_px[1] + down)))


def _circle(face: Face, eye: EyeMarks) -> tuple[FloatArray, float]:
    """Centre and radius of an iris, px."""
    centre = face.landmarks_px[eye.iris].astype(np.float64)
    return centre, float(np.linalg.norm(face.landmarks_px[list(eye.rim)] - centre, axis=1).mean())


def _sample(plane: NDArray[np.float32], x: FloatArray, y: FloatArray) -> NDArray[np.float32]:
    """Values between the pixels of ``plane`` at x, y of one shape."""
    return cv2.remap(plane, np.float32(x), np.float32(y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
