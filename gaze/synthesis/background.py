"""What stands behind the person: plain walls and cloths, furnished rooms, blurred surroundings.

Linear RGB on the rig's scale (a white matt surface facing the camera at the head shines with about 1).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.geometry import cross, unit
from gaze.synthesis.environment import lookup
from gaze.synthesis.light import LightRig

KINDS = ("wall", "room", "surroundings")


def paint_background(
    rng: np.random.Generator, rig: LightRig, size_px: int, kind: str | None = None
) -> NDArray[np.float32]:
    """Background (S, S, 3) float32 linear RGB behind a head; ``kind`` is one of KINDS or drawn."""
    if kind is None:
        outside = rig.scene in ("surroundings", "sun")
        kind = str(rng.choice(KINDS, p=(0.1, 0.05, 0.85) if outside else (0.36, 0.4, 0.24)))
    # Out of focus by anything from nothing to a portrait lens; what is blurred is painted small.
    sigma = size_px * float(np.exp(rng.uniform(np.log(0.002), np.log(0.05))))
    step = int(np.clip(sigma / 1.2, 1, 6))
    size = max(size_px // step, 16)
    if kind == "surroundings":
        picture = _surroundings(rng, rig, size)
    else:
        fall = float(np.exp(rng.normal(-0.5, 0.5)))
        picture = (_wall(rng, size) if kind == "wall" else _room(rng, size)) * np.float32(fall)
    picture = np.ascontiguousarray(picture, dtype=np.float32)
    if sigma / step > 0.6:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma / step, borderType=cv2.BORDER_REFLECT_101)
    if size != size_px:
        picture = cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return picture


def before(background: NDArray[np.float32], drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture (S, S, 4), linear RGB and coverage, as it looks before a background (S, S, 3)."""
    free = np.float32(1.0) - drawn[..., 3]
    return cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB) + background * cv2.merge([free] * 3)


def matt_colour(rng: np.random.Generator, saturation: float = 0.35) -> NDArray[np.float32]:
    """A paint's or cloth's linear albedo (3,): mostly muted, now and then strong."""
    grey = min(max(float(np.exp(rng.normal(-1.3, 0.8))), 0.02), 0.85)
    hue = rng.normal(0.6, 0.7) if rng.random() < 0.6 else rng.uniform(0.0, 2.0 * np.pi)
    strength = min(saturation * float(rng.exponential(0.6)), 1.2)
    wheel = np.cos(hue - np.array([0.0, 2.094, 4.189]))
    return np.clip(grey * np.exp(strength * wheel), 0.01, 0.9).astype(np.float32)


def _wall(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """One surface with a gradient of light, a shadow and some texture; sometimes a chair's back."""
    colour = matt_colour(rng, 0.3 if rng.random() < 0.86 else 1.5)
    shade = _gradient(rng, size, 0.35)
    rough = rng.normal(0.0, 1.0, (24, 24)).astype(np.float32)
    rough = cv2.resize(rough, (size, size), interpolation=cv2.INTER_CUBIC)
    shade *= 1.0 + rng.uniform(0.0, 0.06) * rough
    picture = cv2.merge([shade * channel for channel in colour])
    if rng.random() < 0.3:
        _chair(rng, picture)
    return picture


def _gradient(rng: np.random.Generator, size: int, amount: float) -> NDArray[np.float32]:
    axis = np.arange(size, dtype=np.float32) / np.float32(size) - np.float32(0.5)
    across, along, both = rng.normal(0.0, amount, 3).astype(np.float32)
    bend = np.float32(2.0) * both * axis * axis
    return np.exp(along * axis + bend)[:, None] * np.exp(across * axis + bend)


def _chair(rng: np.random.Generator, picture: NDArray[np.float32]) -> None:
    """A chair's back or head rest showing beside the neck."""
    size = picture.shape[0]
    colour = matt_colour(rng, 0.9) * float(rng.uniform(0.4, 1.2))
    half_width, top = rng.uniform(0.35, 0.75), rng.uniform(0.5, 0.95)
    middle = rng.normal(0.5, 0.12)
    corner = int(size * rng.uniform(0.03, 0.12))
    x0, x1, y0 = int(size * (middle - half_width)), int(size * (middle + half_width)), int(size * top)
    mask = np.zeros((size, size), np.float32)
    cv2.rectangle(mask, (x0 + corner, y0), (x1 - corner, size), 1.0, -1)
    cv2.rectangle(mask, (x0, y0 + corner), (x1, size), 1.0, -1)
    for x in (x0 + corner, x1 - corner):
        cv2.circle(mask, (x, y0 + corner), corner, 1.0, -1)
    shade = np.linspace(1.2, 0.6, size, dtype=np.float32)[y0:, None, None]
    below, mask = picture[y0:], mask[y0:, :, None]
    below *= 1.0 - mask
    below += mask * colour * shade


def _room(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """A wall with things before it: doors, shelves with books, pictures, panes, furniture."""
    picture = _wall(rng, size)
    for _ in range(int(rng.integers(2, 9))):
        kind = rng.random()
        x, y = rng.uniform(-0.2, 1.0, 2)
        w, h = np.exp(rng.uniform(np.log(0.05), np.log(0.8), 2))
        colour = matt_colour(rng, 0.6)
        if kind < 0.2:  # a lamp or a pane
            colour = np.full(3, rng.uniform(0.8, 4.0), np.float32) * np.array([1.0, 0.95, 0.88], np.float32)
            w, h = w * 0.5, h * 0.6
        elif kind < 0.4:  # door or post
            y, h = -0.1, 1.3
        elif kind < 0.6:
            _books(rng, picture, y, max(0.1, 0.5 * h))
            continue
        _box(picture, x, y, x + w, y + h, colour * float(rng.uniform(0.6, 1.1)))
        if rng.random() < 0.4:
            edge = 0.1 * min(w, h)
            inner = matt_colour(rng, 0.6)
            _box(picture, x + edge, y + edge, x + w - edge, y + h - edge, inner)
    if rng.random() < 0.3:
        _chair(rng, picture)
    return picture * cv2.merge([_gradient(rng, size, 0.3)] * 3)


def _books(rng: np.random.Generator, picture: NDArray[np.float32], top: float, height: float) -> None:
    """A shelf of narrow upright things across the picture."""
    x = float(rng.uniform(-0.1, 0.5))
    end = x + float(rng.uniform(0.3, 1.0))
    _box(picture, x, top + height, end, top + height + 0.03, matt_colour(rng))
    while x < end:
        width = float(rng.uniform(0.02, 0.07))
        _box(
            picture,
            x,
            top + height * float(rng.uniform(0.0, 0.3)),
            x + width,
            top + height,
            matt_colour(rng, 0.8),
        )
        x += width


def _box(picture: NDArray[np.float32], x0: float, y0: float, x1: float, y1: float, colour) -> None:
    size = picture.shape[0]
    # Not by np.clip, whose calls would take longer than the filling.
    a, b, c, d = (int(min(max(v * size, 0), size)) for v in (x0, x1, y0, y1))
    picture[c:d, a:b] = colour


def _surroundings(rng: np.random.Generator, rig: LightRig, size: int) -> NDArray[np.float32]:
    """The panorama behind the head. Wider than the crop's true 13 degrees, or it would be one blur."""
    width = np.tan(np.deg2rad(rng.uniform(10.0, 35.0)))
    axis = (((np.arange(size) + 0.5) / size * 2.0 - 1.0) * width).astype(np.float32)
    forward = unit(rig.head_cam_mm)
    across = unit(cross([0.0, 1.0, 0.0], forward))
    axes_env = rig.R_env_cam @ np.stack([across, cross(forward, across), forward], axis=1)
    x, y, z = (row[0] * axis + row[1] * axis[:, None] + row[2] for row in axes_env.astype(np.float32))
    picture = lookup(rig.environment.panorama, x, y, z)
    return cv2.multiply(np.minimum(picture, np.float32(12.0)), (*rig.env_gain.tolist(), 0.0))
