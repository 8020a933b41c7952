"""Closed triangle meshes of simple solids: tubes, ellipsoids, thin sheets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Part:
    """A raw piece of mesh: vertices (V, 3), triangles (K, 3), surface coordinates (V, 2)."""

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    coords: NDArray[np.float64]


def vertex_normals(vertices: NDArray, triangles: NDArray[np.int32]) -> NDArray[np.float32]:
    """Area-weighted unit normals (V, 3)."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    total = np.zeros((len(vertices), 3))
    for axis in range(3):
        for corner in range(3):
            total[:, axis] += np.bincount(triangles[:, corner], face[:, axis], minlength=len(vertices))
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def _outward(vertices: NDArray, triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    """Turn the winding over when the enclosed volume comes out negative."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->", a - vertices.mean(0), np.cross(b - vertices.mean(0), c - vertices.mean(0)))
    return np.ascontiguousarray(triangles if volume >= 0 else triangles[:, ::-1])


def sweep(
    path: NDArray,
    side: NDArray,
    half_side,
    half_depth,
    *,
    closed: bool = False,
    sides: int = 8,
    square: float = 2.5,
) -> Part:
    """A tube along ``path`` (N, 3) whose section is a superellipse.

    ``side`` (N, 3) is the section's first axis (made perpendicular to the path), ``half_side`` and
    ``half_depth`` its half sizes (numbers or (N,)); ``square`` 2 is an ellipse, more is
    boxier. Open tubes get caps.
    """
    path = np.asarray(path, dtype=np.float64)
    n = len(path)
    tangent = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.broadcast_to(np.asarray(side, dtype=np.float64), path.shape)
    side = side - (side * tangent).sum(1, keepdims=True) * tangent
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    depth = np.cross(tangent, side)
    angle = 2.0 * np.pi * np.arange(sides) / sides
    c, s = (np.sign(f) * np.abs(f) ** (2.0 / square) for f in (np.cos(angle), np.sin(angle)))
    half_side = np.broadcast_to(half_side, (n,))[:, None, None]
    half_depth = np.broadcast_to(half_depth, (n,))[:, None, None]
    ring = (
        path[:, None]
        + half_side * c[None, :, None] * side[:, None]
        + half_depth * s[None, :, None] * depth[:, None]
    )
    vertices = ring.reshape(-1, 3)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    coords = np.stack(np.broadcast_arrays(length[:, None], (angle * 2.0)[None]), -1).reshape(-1, 2)
    rows = np.arange(n if closed else n - 1)
    i, j = np.meshgrid(rows, np.arange(sides), indexing="ij")
    a, b = i * sides + j, i * sides + (j + 1) % sides
    d, e = ((i + 1) % n) * sides + j, ((i + 1) % n) * sides + (j + 1) % sides
    triangles = np.concatenate(
        [np.stack([a, b, e], -1).reshape(-1, 3), np.stack([a, e, d], -1).reshape(-1, 3)]
    )
    if not closed:
        first, last = len(vertices), len(vertices) + 1
        vertices = np.concatenate([vertices, path[[0]], path[[-1]]])
        coords = np.concatenate([coords, coords[:1], coords[-1:]])
        j = np.arange(sides)
        k = (j + 1) % sides
        base = (n - 1) * sides
        caps = [
            np.stack([k, j, np.full(sides, first)], -1),
            np.stack([base + j, base + k, np.full(sides, last)], -1),
        ]
        triangles = np.concatenate([triangles, *caps])
    return Part(vertices, _outward(vertices, triangles.astype(np.int32)), coords)


def ellipsoid(centre, half, rotation: NDArray | None = None, rows: int = 8, columns: int = 12) -> Part:
    """A closed ellipsoid; ``rotation`` (3, 3) has its axes as columns."""
    theta = np.pi * np.arange(1, rows) / rows
    phi = 2.0 * np.pi * np.arange(columns) / columns
    sphere = np.stack(
        np.broadcast_arrays(
            np.sin(theta)[:, None] * np.cos(phi), np.cos(theta)[:, None], np.sin(theta)[:, None] * np.sin(phi)
        ),
        -1,
    ).reshape(-1, 3)
    sphere = np.concatenate([sphere, [[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]])
    i, j = np.meshgrid(np.arange(rows - 2), np.arange(columns), indexing="ij")
    k = (j + 1) % columns
    a, b, d, e = i * columns + j, i * columns + k, (i + 1) * columns + j, (i + 1) * columns + k
    top, bottom = len(sphere) - 2, len(sphere) - 1
    j = np.arange(columns)
    k = (j + 1) % columns
    base = (rows - 2) * columns
    triangles = np.concatenate(
        [
            np.stack([a, e, b], -1).reshape(-1, 3),
            np.stack([a, d, e], -1).reshape(-1, 3),
            np.stack([np.full(columns, top), j, k], -1),
            np.stack([base + j, np.full(columns, bottom), base + k], -1),
        ]
    ).astype(np.int32)
    axes = np.eye(3) if rotation is None else np.asarray(rotation)
    coords = sphere[:, :2] * np.asarray(half)[:2]
    vertices = (sphere * np.asarray(half)) @ axes.T + np.asarray(centre)
    return Part(vertices, _outward(vertices, triangles), coords)


def sheet(grid: NDArray, thickness_mm: float) -> Part:
    """A closed thin shell of a grid of points (R, C, 3): the grid outside, a layer below it, edges sewn."""
    rows, columns = grid.shape[:2]
    grid = np.asarray(grid, dtype=np.float64)
    across, down = np.gradient(grid, axis=1), np.gradient(grid, axis=0)
    normal = np.cross(across, down)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    if (normal * (grid - grid.mean((0, 1)) - np.array([0.0, 0.0, 40.0]))).sum() < 0:
        normal = -normal
    layers = np.concatenate([grid.reshape(-1, 3), (grid - thickness_mm * normal).reshape(-1, 3)])
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a = (i * columns + j).ravel()
    front = np.concatenate(
        [np.stack([a, a + columns, a + columns + 1], -1), np.stack([a, a + columns + 1, a + 1], -1)]
    )
    count = rows * columns
    edge = np.concatenate(
        [
            np.arange(columns - 1),
            np.arange(columns - 1, count - 1, columns),
            np.arange(count - 1, count - columns, -1),
            np.arange(count - columns, 0, -columns),
        ]
    )
    following = np.roll(edge, -1)
    hem = np.concatenate(
        [
            np.stack([edge, following, following + count], -1),
            np.stack([edge, following + count, edge + count], -1),
        ]
    )
    triangles = np.concatenate([front, front[:, ::-1] + count, hem]).astype(np.int32)
    coords = np.stack(
        [
            np.cumsum(np.linalg.norm(np.diff(grid, axis=1, prepend=grid[:, :1]), axis=-1), axis=1),
            np.cumsum(np.linalg.norm(np.diff(grid, axis=0, prepend=grid[:1]), axis=-1), axis=0),
        ],
        -1,
    ).reshape(-1, 2)
    return Part(layers, _outward(layers, triangles), np.concatenate([coords, coords]))
