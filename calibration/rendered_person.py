"""A rendered person in front of a screen: pictures of somebody who looks where the target is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from gaze.geometry import FloatArray, angles_from_vector, unit
from gaze.synthesis.lids import LidState
from gaze.synthesis.moment import Moment
from gaze.synthesis.pose import Pose, head_rotation
from gaze.types import Frame

if TYPE_CHECKING:
    from gaze.synthesis.webcam import WebcamRenderer

# A sitting head is never quite still: deviations from frame to frame.
SWAY_MM, SWAY_DEG = 4.0, 1.0
# The head follows the eyes by this part.
FOLLOW = 0.25


class Sitter:
    """A rendered person in front of the screen."""

    def __init__(self, renderer: WebcamRenderer, seed: int) -> None:
        self._renderer = renderer
        self._rng = np.random.default_rng([seed, 71])
        self._dressed = renderer.dress(seed)
        rng = self._rng
        self._eyes = np.array([rng.normal(0, 30), rng.normal(15, 20), np.clip(rng.normal(560, 60), 450, 700)])
        self._lean = rng.normal(0, 4.0, 3)
        self._shot = renderer.set_up(rng, self._eyes)
        self._pupil_mm = float(rng.uniform(1.4, 2.4))

    def close(self) -> None:
        """Give the person's textures back."""
        self._dressed.release()

    @property
    def wears_sunglasses(self) -> bool:
        """Whether the eyes are hidden for good."""
        return bool(self._dressed.attributes["sunglasses"])

    def frame(self, target_cam_mm: FloatArray, index: int, t_s: float) -> tuple[Frame, FloatArray]:
        """A picture while the person looks at a point, and the true centre of the face (3,)."""
        rng = self._rng
        eyes = self._eyes + rng.normal(0, SWAY_MM, 3)
        pitch, yaw = angles_from_vector(unit(np.asarray(target_cam_mm) - eyes))
        turn = np.deg2rad(self._lean + rng.normal(0, SWAY_DEG, 3))
        R = head_rotation(FOLLOW * pitch + turn[1], FOLLOW * yaw + turn[0], turn[2])
        closing = float(max(0.0, rng.normal(0.0, 0.03)))
        moment = Moment({}, LidState(blink=(closing, closing)), self._pupil_mm)
        picture, head = self._renderer.render(
            self._dressed, Pose(R, eyes, np.asarray(target_cam_mm), "screen"), moment, self._shot, rng
        )
        return Frame(picture, index, t_s), head.face_centre_cam_mm


@contextmanager
def sitting(renderer: WebcamRenderer, seed: int) -> Iterator[Sitter]:
    """A person for a while."""
    sitter = Sitter(renderer, seed)
    try:
        yield sitter
    finally:
        sitter.close()
