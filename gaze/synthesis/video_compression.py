"""What a video codec does to a picture between two whole ones: an older picture moved, and a coarse residual.

A predicted frame (P frame) takes blocks of the last decoded picture from where its motion search found them,
and adds the difference, transformed, quantised with one coarse step and mostly left out. Then the edges of
blocks are smoothed. What stays is what people know from video calls: smeared skin, blocks that lag behind.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# Sides in px of a block that is transformed and of one that moves as a whole.
_BLOCK, _MOVED = 8, 16
# Deviations in px of the motion between the pictures, and of the error where a search missed it.
MOTION_PX, MISS_PX = 2.0, 1.5
MISSED_SHARE = 0.1
# Of a step: what is rounded up to one, in a picture of its own and in a residual, as encoders do.
_ROUND_WHOLE, _ROUND_RESIDUAL = 1.0 / 3.0, 1.0 / 6.0


def _cosines() -> NDArray[np.float32]:
    k, n = np.mgrid[:_BLOCK, :_BLOCK]
    rows = np.cos(np.pi * (n + 0.5) * k / _BLOCK) * np.sqrt(np.where(k == 0, 1.0, 2.0) / _BLOCK)
    return rows.astype(np.float32)


_DCT = _cosines()


def predicted_frame(picture: NDArray[np.uint8], step: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture (H, W, 3) uint8 BGR as a predicted frame shows it, of the same size.

    ``step`` is the quantiser's, in grey values of an orthonormal transform: 8 is hardly seen, 40 is a poor
    connection. Colour is coded at half the resolution.
    """
    height, width = picture.shape[:2]
    # Whole blocks of colour too.
    below, beside = -height % _MOVED, -width % _MOVED
    whole = cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    now = cv2.cvtColor(whole, cv2.COLOR_BGR2YCrCb)
    moved_px = rng.normal(0.0, MOTION_PX, 2).astype(np.float32)
    older = _moved(now, np.broadcast_to(-moved_px, (*now.shape[:2], 2)))
    grey = np.full_like(older, 128)
    # A search finds motion to quarters of a px.
    found_px = _by_block(rng, now.shape[:2], np.round(4.0 * moved_px) / 4.0)
    predicted = _moved(_coded(grey, older, step, _ROUND_WHOLE), found_px)
    decoded = _coded(predicted, now, step, _ROUND_RESIDUAL)
    return np.ascontiguousarray(cv2.cvtColor(decoded, cv2.COLOR_YCrCb2BGR)[:height, :width])


def _moved(picture: NDArray[np.uint8], from_px: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Each pixel from ``from_px`` (H, W, 2) beside it."""
    v, u = np.indices(picture.shape[:2], np.float32)
    places = np.stack([u, v], axis=-1) + from_px
    return cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _by_block(rng: np.random.Generator, shape: tuple[int, int], found_px) -> NDArray[np.float32]:
    """The motion (H, W, 2) that was found for each block: mostly ``found_px``, here and there off it."""
    blocks = (shape[0] // _MOVED, shape[1] // _MOVED)
    missed = rng.random(blocks) < MISSED_SHARE
    errors = np.round(4.0 * rng.normal(0.0, MISS_PX, (*blocks, 2))) / 4.0
    motion = found_px + np.where(missed[..., None], errors, 0.0)
    return motion.repeat(_MOVED, axis=0).repeat(_MOVED, axis=1).astype(np.float32)


def _coded(
    predicted: NDArray[np.uint8], wanted: NDArray[np.uint8], step: float, rounding: float
) -> NDArray[np.uint8]:
    """The prediction with as much of the way to what is wanted as the quantiser leaves; (H, W, 3) YCrCb."""
    height, width = wanted.shape[:2]
    planes = []
    for k in range(3):
        # Colour changes slowly: it is averaged over two px and coded with half the step.
        size = (width, height) if k == 0 else (width // 2, height // 2)
        start, end = (
            cv2.resize(cv2.extractChannel(picture, k), size, interpolation=cv2.INTER_AREA).astype(np.float32)
            for picture in (predicted, wanted)
        )
        plane = _deblocked(start + _quantised(end - start, step if k == 0 else 0.5 * step, rounding), step)
        planes.append(plane if k == 0 else cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.clip(np.rint(cv2.merge(planes)), 0, 255).astype(np.uint8)


def _quantised(plane: NDArray[np.float32], step: float, rounding: float) -> NDArray[np.float32]:
    """What is left of a plane (H, W) after its blocks were transformed and quantised."""
    height, width = plane.shape
    blocks = plane.reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).swapaxes(1, 2)
    spectrum = _DCT @ blocks @ _DCT.T
    levels = np.floor(np.abs(spectrum) / np.float32(step) + np.float32(rounding))
    kept = _DCT.T @ (np.copysign(levels, spectrum) * np.float32(step)) @ _DCT
    return kept.swapaxes(1, 2).reshape(height, width)


def _deblocked(plane: NDArray[np.float32], step: float) -> NDArray[np.float32]:
    """The plane with edges of blocks smoothed where they are lower than real edges are, across and down."""
    for turned in (plane, plane.T):
        before, last = turned[_BLOCK - 2 : -_BLOCK : _BLOCK], turned[_BLOCK - 1 : -_BLOCK : _BLOCK]
        first, after = turned[_BLOCK::_BLOCK], turned[_BLOCK + 1 :: _BLOCK]
        flat = (np.abs(last - before) < 0.5 * step) & (np.abs(first - after) < 0.5 * step)
        weak = flat & (np.abs(first - last) < 1.5 * step)
        change = np.where(weak, (4.0 * (first - last) + before - after) / 8.0, 0.0)
        change = np.clip(change, -0.5 * step, 0.5 * step)
        last += change
        first -= change
    return plane
