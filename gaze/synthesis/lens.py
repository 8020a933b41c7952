"""A webcam's lens: what distortion it has, and how a picture through it comes from a drawing without any."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.synthesis.view import View

# Distortion is undone at nodes so many px apart; between them it is straight, to 0.05 px in the corners.
_NODE_PX = 4
# A lens whose distortion cannot be undone to this many px over the picture is drawn anew.
EXACT_PX = 0.05


def with_lens(rng: np.random.Generator, ideal: Camera) -> Camera:
    """The camera with a lens of usual distortion (k1, k2, p1, p2) that can be undone over all the picture."""
    width, height = ideal.width, ideal.height
    edge_px = np.array([[x, y] for x in (0, width / 2, width - 1) for y in (0, height / 2, height - 1)])
    while True:
        distortion = rng.normal([-0.05, 0.02, 0.0, 0.0], [0.07, 0.03, 0.001, 0.001])
        camera = Camera(ideal.K, distortion, width, height, "calibrated")
        if np.abs(camera.distort(camera.undistort(edge_px)) - edge_px).max() < EXACT_PX:
            return camera


class Lens:
    """Takes a camera's picture out of a square drawing that has its focal length and no distortion."""

    def __init__(self, camera: Camera, size_px: int | None = None, step_px: int = 1) -> None:
        """``size_px`` of a drawing with the picture in its middle; None: as small as it can be, in steps of
        ``step_px``."""
        self.camera = camera
        ratio = camera.K[0, 0] / camera.K[1, 1]
        middle_y = camera.K[1, 2]
        u, v = _undistorted(camera)
        v = (v - middle_y) * ratio + middle_y
        if size_px is None:
            (least_u, most_u), (least_v, most_v) = (cv2.minMaxLoc(each)[:2] for each in (u, v))
            first = np.floor([least_u, least_v])
            size_px = -int(-(max(np.ceil([most_u, most_v]) - first) + 1) // step_px) * step_px
            offset = -first
        else:
            offset = np.array([(size_px - camera.width) // 2, (size_px - camera.height) // 2])
        self.size_px = size_px
        self._offset = offset
        self._map = [(each + shift).astype(np.float32) for each, shift in zip((u, v), offset, strict=True)]

    def view(self, centre_cam_mm) -> View:
        """What is to be drawn, of a face at ``centre_cam_mm`` (3,)."""
        K, (left, top) = self.camera.K, self._offset
        middle = (float(K[0, 2] + left), float(K[1, 2] + top))
        return View(np.eye(3), float(K[0, 0]), self.size_px, middle, centre_cam_mm)

    def bend(self, drawing: NDArray[np.float32]) -> NDArray[np.float32]:
        """The picture (H, W, C) of a drawing (S, S, C)."""
        return cv2.remap(drawing, *self._map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _undistorted(camera: Camera) -> list[NDArray[np.float64]]:
    """Undistorted px, u (H, W) and v (H, W), of every pixel of a camera's picture."""
    size = (camera.width, camera.height)
    u, v = np.meshgrid(*(np.arange(0, side + _NODE_PX, _NODE_PX) for side in size))
    nodes = camera.undistort(np.stack([u, v], axis=-1).reshape(-1, 2)).reshape(*u.shape, 2)
    across, down = (np.float32(np.arange(side) / _NODE_PX) for side in size)
    places = np.tile(across, (len(down), 1)), np.repeat(down[:, None], len(across), axis=1)
    return [cv2.remap(each, *places, cv2.INTER_LINEAR) for each in cv2.split(nodes)]
