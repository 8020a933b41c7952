"""Eyelashes: curved ribbons that grow from the lid margins and move with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.mesh import EYEBALLS, HeadMesh

_POINTS = 4
# Places along a hair, root to tip, (1, _POINTS, 1).
_ALONG = np.linspace(0.0, 1.0, _POINTS)[None, :, None]


@dataclass(frozen=True, slots=True)
class Lashes:
    """One person's lashes.

    ``upper`` and ``lower`` (H, 4): a hair's place on the margin, 0 inner to 1 outer corner; its length in mm;
    how far it leans along the margin and away from the slit (added to a direction of length about 1).
    ``colour`` linear RGB.
    """

    upper: NDArray[np.float32]
    lower: NDArray[np.float32]
    curl: float
    thickness_mm: float
    colour: tuple[float, float, float]

    @classmethod
    def sample(cls, rng: np.random.Generator, hair_colour) -> Lashes:
        """Draw lashes; ``hair_colour`` is linear RGB, lashes are darker (mascara: black, longer, thicker)."""
        mascara = rng.random() < 0.3
        length = rng.uniform(5.5, 8.5) + (1.2 if mascara else 0.0)
        colour = (
            np.full(3, 0.003)
            if mascara
            else np.minimum(np.asarray(hair_colour) * 0.3, 0.03) * rng.uniform(0.4, 1.0)
        )
        return cls(
            upper=_hairs(rng, int(rng.integers(75, 130)), length),
            lower=_hairs(rng, int(rng.integers(20, 45)), length * rng.uniform(0.4, 0.6)),
            curl=float(rng.uniform(0.3, 1.15)),
            thickness_mm=float(rng.uniform(0.16, 0.30) + (0.06 if mascara else 0.0)),
            colour=tuple(map(float, colour)),
        )


def _hairs(rng: np.random.Generator, count: int, length_mm: float) -> NDArray[np.float32]:
    place = np.clip((np.arange(count) + rng.uniform(-0.9, 0.9, count)) / count, 0.0, 1.0) * 0.84 + 0.12
    # Shorter towards the inner corner.
    length = (
        length_mm
        * (0.55 + 0.45 * np.sin(np.pi * np.clip(place * 0.85 + 0.12, 0, 1)))
        * rng.uniform(0.6, 1.1, count)
    )
    spread = rng.normal(0, 0.12, count)
    lift = rng.normal(0, 0.10, count)
    return np.stack([place, length, spread, lift], axis=1).astype(np.float32)


class LashBuilder:
    """Turns lashes into ribbons facing the camera."""

    def __init__(self, mesh: HeadMesh) -> None:
        self._mesh = mesh

    def build(
        self,
        lashes: Lashes,
        vertices_cam_mm: NDArray[np.float32],
        down_cam: NDArray[np.float64],
        forward_cam: NDArray[np.float64],
        mm_per_px: float,
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Vertices (M, 7): position, tangent, coverage; and triangles (K, 3), all in the camera frame.

        ``vertices_cam_mm`` (N, 3) deformed head; ``down_cam`` and ``forward_cam`` the head's axes (forward
        out of the face); ``mm_per_px`` the size of a crop pixel at the face.
        """
        hairs_mm, thickness_mm = [], []
        for side in (0, 1):
            rings = self._mesh.eyelids[side]
            ball = vertices_cam_mm[EYEBALLS[side]].mean(axis=0)
            for ring, hairs, upper in (
                (rings.margin_upper, lashes.upper, True),
                (rings.margin_lower, lashes.lower, False),
            ):
                points = self._hair_points(
                    vertices_cam_mm[ring], hairs, upper, lashes.curl, ball, down_cam, forward_cam
                )
                hairs_mm.append(points)
                thickness_mm.append(np.full(len(points), lashes.thickness_mm * (1.0 if upper else 0.75)))
        vertices = _ribbons(np.concatenate(hairs_mm), np.concatenate(thickness_mm), mm_per_px)
        return vertices, _ribbon_triangles(len(vertices) // (2 * _POINTS))

    def _hair_points(self, ring, hairs, upper, curl, ball, down, forward) -> NDArray[np.float32]:
        """Points (H, _POINTS, 3) along each hair from its root."""
        step = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(ring, axis=0), axis=1))])
        step /= step[-1]
        place = np.interp(hairs[:, 0], step, np.arange(len(ring)))
        before = np.minimum(place.astype(int), len(ring) - 2)
        share = (place - before)[:, None]
        root = (1.0 - share) * ring[before] + share * ring[before + 1]
        along = ring[-1] - ring[0]
        along = along / np.linalg.norm(along)
        # Hairs stand off the ball, fan out to the sides, and bend away from the slit.
        outward = root - ball
        outward -= 0.5 * (outward @ down)[:, None] * down if upper else 0.0
        outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
        away = -down if upper else down
        fan = (hairs[:, 0:1] - 0.45) * 0.9 + hairs[:, 2:3]
        # The lid turns its margin downwards as it closes: the root direction follows the ball's normal.
        start = (
            0.8 * outward
            + 0.35 * forward
            + fan * along
            + (0.15 + hairs[:, 3:4] - (0.35 if upper else 0.0)) * away
        )
        start /= np.linalg.norm(start, axis=1, keepdims=True)
        length = hairs[:, 1][:, None, None]
        bend = curl * (1.0 if upper else 0.6)
        bent = bend * 0.55 * _ALONG * _ALONG * away
        return (root[:, None] + length * (_ALONG * start[:, None] + bent)).astype(np.float32)


def _ribbons(
    points: NDArray[np.float32], thickness_mm: NDArray[np.float64], mm_per_px: float
) -> NDArray[np.float32]:
    """Widen polylines (H, P, 3), each of its thickness (H,), to camera-facing ribbons, (H * P * 2, 7)."""
    tangent = np.gradient(points, axis=1)
    tangent /= np.linalg.norm(tangent, axis=2, keepdims=True) + 1e-9
    view = points / np.linalg.norm(points, axis=2, keepdims=True)
    # As np.cross, without its detours.
    side = tangent[..., [1, 2, 0]] * view[..., [2, 0, 1]] - tangent[..., [2, 0, 1]] * view[..., [1, 2, 0]]
    side /= np.linalg.norm(side, axis=2, keepdims=True) + 1e-9
    taper = np.linspace(1.0, 0.25, points.shape[1])[None, :, None]
    own = thickness_mm[:, None, None] * taper
    width = np.maximum(own, 1.15 * mm_per_px)
    both = np.empty((*points.shape[:2], 2, 7), np.float32)
    both[:, :, 0, :3], both[:, :, 1, :3] = points - 0.5 * width * side, points + 0.5 * width * side
    both[..., 3:6] = tangent[:, :, None]
    both[..., 6] = own / width
    return both.reshape(-1, 7)


@lru_cache(maxsize=4)
def _ribbon_triangles(count: int) -> NDArray[np.int32]:
    """Triangles of ``count`` ribbons of _POINTS rows of two vertices."""
    row = np.arange(_POINTS - 1)[:, None] * 2
    quad = np.array([[0, 1, 2, 1, 3, 2]]) + row
    base = np.arange(count)[:, None, None] * (2 * _POINTS)
    return (base + quad[None]).reshape(-1, 3).astype(np.int32)
