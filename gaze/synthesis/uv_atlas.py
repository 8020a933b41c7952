"""The face's texture atlas: for every texel, the place on the neutral head it stands for.

Texel (row, column) covers v = (row + 0.5) / size and u = (column + 0.5) / size, so row 0 is v = 0 (under the
chin) and the map is upside down when looked at as a picture. Positions are in the head frame, mm: x to the
subject's left, y down, z into the head. Only triangles whose texture coordinates lie in the first tile
(0..1) are drawn: that is the face with its ears and forehead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from gaze.errors import DataError


@dataclass(frozen=True, eq=False)
class UvAtlas:
    """Positions and landmarks of the neutral face laid out in texture space.

    position_mm: (size, size, 3) float32, head frame; texels outside the face hold the nearest face texel's.
    inside: (size, size) bool, True where a triangle covers the texel.
    landmarks_mm: (68, 3) float32; landmarks_texel: (68, 2) float32, (column, row).
    mm_per_texel: (size, size, 2) float32, the length of one texel step along u and along v.
    cache: fields derived from the atlas that the painters compute once (by name).
    """

    size: int
    position_mm: np.ndarray
    inside: np.ndarray
    landmarks_mm: np.ndarray
    landmarks_texel: np.ndarray
    mm_per_texel: np.ndarray
    cache: dict[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def bake(
        cls,
        vertices_mm: np.ndarray,
        uv: np.ndarray,
        triangles: np.ndarray,
        triangles_uv: np.ndarray,
        landmarks68: np.ndarray,
        size: int = 512,
    ) -> UvAtlas:
        """Rasterise the neutral mesh into texture space.

        vertices_mm (N, 3); uv (M, 2); triangles (K, 3) vertex indices; triangles_uv (K, 3) uv indices of the
        same corners; landmarks68 (68,) vertex indices in Multi-PIE order. Raises DataError when a landmark is
        not on the face tile.
        """
        corners = uv[triangles_uv]
        on_tile = (corners[..., 0].max(1) < 1.0) & (corners[..., 0].min(1) >= 0.0)
        triangles, corners = triangles[on_tile], corners[on_tile]
        position, inside = rasterise(corners, vertices_mm[triangles], size)
        vertex_uv = np.full((len(vertices_mm), 2), np.nan, np.float32)
        vertex_uv[triangles.ravel()] = corners.reshape(-1, 2)
        texels = vertex_uv[landmarks68] * size - 0.5
        if np.isnan(texels).any():
            missing = np.flatnonzero(np.isnan(texels[:, 0])).tolist()
            raise DataError(
                f"landmarks {missing} have no place on the face's texture tile; is this the ICT mesh?"
            )
        position = fill_outside(position, inside)
        return cls(
            size=size,
            position_mm=position,
            inside=inside,
            landmarks_mm=np.asarray(vertices_mm, np.float32)[landmarks68],
            landmarks_texel=texels.astype(np.float32),
            mm_per_texel=texel_lengths(position),
        )


def rasterise(corners_uv: np.ndarray, values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate corner values (K, 3, C) of triangles (K, 3, 2) in uv: (size, size, C) and the mask."""
    out = np.zeros((size, size, values.shape[-1]), np.float32)
    inside = np.zeros((size, size), bool)
    p = corners_uv.astype(np.float64) * size - 0.5
    low = np.clip(np.ceil(p.min(1) - 1e-6), 0, size - 1).astype(int)
    high = np.clip(np.floor(p.max(1) + 1e-6), 0, size - 1).astype(int)
    extent = (high - low + 1).max(1)
    ab, ac = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    usable = (np.abs(area) > 1e-12) & (extent > 0)
    for side in np.unique(extent[usable]):
        chosen = np.flatnonzero(usable & (extent == side))
        steps = np.arange(side)
        column = low[chosen, 0, None, None] + steps[None, None, :]
        row = low[chosen, 1, None, None] + steps[None, :, None]
        column, row = np.broadcast_arrays(column, row)
        a, b, c = (p[chosen, k][:, None, None, :] for k in range(3))
        w0 = (b[..., 0] - column) * (c[..., 1] - row) - (b[..., 1] - row) * (c[..., 0] - column)
        w1 = (c[..., 0] - column) * (a[..., 1] - row) - (c[..., 1] - row) * (a[..., 0] - column)
        weights = np.stack([w0, w1], -1) / area[chosen][:, None, None, None]
        weights = np.concatenate([weights, 1.0 - weights.sum(-1, keepdims=True)], -1)
        hit = (weights >= -1e-6).all(-1) & (column < size) & (row < size)
        which = np.nonzero(hit)[0]
        out[row[hit], column[hit]] = np.einsum("pk,pkc->pc", weights[hit], values[chosen][which])
        inside[row[hit], column[hit]] = True
    return out, inside


def fill_outside(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Give every texel outside the mask the value of the nearest texel inside it."""
    _, labels = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros((labels.max() + 1, values.shape[-1]), values.dtype)
    table[labels[inside]] = values[inside]
    return table[labels]


def texel_lengths(position_mm: np.ndarray) -> np.ndarray:
    """Length in mm of one texel step along u and v, smoothed: (size, size, 2) float32."""
    du = np.linalg.norm(np.gradient(position_mm, axis=1), axis=-1)
    dv = np.linalg.norm(np.gradient(position_mm, axis=0), axis=-1)
    lengths = np.stack([du, dv], -1).astype(np.float32)
    return np.clip(cv2.blur(lengths, (5, 5)), 0.05, 3.0)
