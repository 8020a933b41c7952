"""Faces in motion: blendshape weights of expressions and speech, and how they deform the head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.mesh import FACE, MOUTH_SOCKET, SCALP, SKIN_COUNT, HeadMesh

# Height of a collar's front below the origin; it rises towards the back.
COLLAR_MM = 118.0
# What skin_kind calls scalp and neck, and clothes.
SCALP_KIND, CLOTHES = np.float32(1.0), np.float32(1.4)

_PAIRED = (
    "browDown", "browOuterUp", "browInnerUp", "cheekRaiser", "cheekPuff", "mouthFrown", "mouthDimple",
    "mouthPress", "mouthStretch", "noseSneer", "mouthUpperUp", "mouthLowerDown",
)  # fmt: skip
_SINGLE = ("mouthPucker", "mouthFunnel", "mouthLeft", "mouthRight", "jawLeft", "jawRight", "mouthShrugUpper",
           "mouthRollLower", "mouthShrugLower", "jawForward")  # fmt: skip


def sample_expression(rng: np.random.Generator) -> tuple[dict[str, float], float]:
    """Blendshape weights of a passing expression, and the squint that goes with it (0..1).

    Most faces are nearly neutral, as people are in front of a computer; a quarter smile or talk.
    """
    weights: dict[str, float] = {}
    squint = 0.0
    kind = rng.random()
    for name in rng.choice(_PAIRED, 2, replace=False):
        level = abs(rng.normal(0, 0.10 if kind < 0.6 else 0.28))
        for side in "LR":
            weights[f"{name}_{side}"] = float(min(1.0, level * rng.uniform(0.75, 1.25)))
    if 0.6 <= kind < 0.75:
        smile = rng.uniform(0.2, 1.0)
        for side in "LR":
            weights[f"mouthSmile_{side}"] = float(smile * rng.uniform(0.9, 1.1))
            weights[f"cheekSquint_{side}"] = float(0.7 * smile * rng.random())
        squint = float(0.45 * smile * rng.random())
        if rng.random() < 0.5:
            weights["jawOpen"] = float(0.15 * rng.random())
    elif 0.75 <= kind < 0.87:
        weights["jawOpen"] = float(min(0.7, abs(rng.normal(0, 0.2))))
        weights[str(rng.choice(_SINGLE))] = float(min(0.8, abs(rng.normal(0, 0.35))))
    elif kind >= 0.87:
        level = rng.uniform(0.0, 0.9)
        name = "browDown" if rng.random() < 0.5 else "browInnerUp"
        for side in "LR":
            weights[f"{name}_{side}"] = float(level * rng.uniform(0.8, 1.0))
        squint = float(0.3 * level * rng.random()) if name == "browDown" else 0.0
    return weights, squint


def deform(mesh: HeadMesh, neutral_mm: NDArray[np.float32], weights: dict[str, float]) -> NDArray[np.float32]:
    """Vertices (N, 3) of a neutral head after blendshapes; unknown names of weight raise KeyError."""
    vertices = neutral_mm.copy()
    for name, weight in weights.items():
        if abs(weight) > 1e-3:
            for part, delta in mesh.moves[name]:
                vertices[part] += np.float32(weight) * delta
    return vertices


class VertexNormals:
    """Area-weighted outward vertex normals (count, 3) of the first ``count`` vertices of a mesh."""

    def __init__(self, triangles: NDArray[np.int32], count: int) -> None:
        self._corners = np.ascontiguousarray(triangles.T, np.intp)
        corners = self._corners.ravel()
        order = np.argsort(corners, kind="stable")
        faces = np.tile(np.arange(len(triangles)), 3)[order]
        counts = np.bincount(corners, minlength=count)[:count]
        starts = np.cumsum(counts) - counts
        # Each vertex' k-th triangle: a row for all vertices, with one of no area where there is none, or,
        # where few have so many, those vertices and their triangles.
        self._faces_at: list[NDArray[np.intp]] = []
        self._further: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
        for k in range(counts.max()):
            having = np.flatnonzero(counts > k)
            kth = faces[starts[having] + k]
            if k > 0 and len(having) < count / 2:
                self._further.append((having, kth))
                continue
            row = np.full(count, len(triangles))
            row[having] = kth
            self._faces_at.append(row)

    def __call__(self, vertices_mm: NDArray[np.float32]) -> NDArray[np.float32]:
        # One coordinate after the other: arrays of three columns make short loops.
        points = np.ascontiguousarray(vertices_mm.T)
        a, b, c = (points.take(corner, axis=1) for corner in self._corners)
        u, v = b - a, c - a
        area = np.zeros((3, u.shape[1] + 1), np.float32)
        area[0, :-1] = u[1] * v[2] - u[2] * v[1]
        area[1, :-1] = u[2] * v[0] - u[0] * v[2]
        area[2, :-1] = u[0] * v[1] - u[1] * v[0]
        summed = area.take(self._faces_at[0], axis=1)
        for row in self._faces_at[1:]:
            summed += area.take(row, axis=1)
        for having, row in self._further:
            summed[:, having] += area.take(row, axis=1)
        x, y, z = summed
        summed /= np.sqrt(x * x + y * y + z * z) + np.float32(1e-9)
        return np.ascontiguousarray(summed.T)


def skin_normals(mesh: HeadMesh) -> VertexNormals:
    """The normals of the skin, (SKIN_COUNT, 3)."""
    return VertexNormals(np.concatenate([mesh.face_triangles, mesh.scalp_triangles]), SKIN_COUNT)


def skin_kind(vertices_mm: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each vertex is, (SKIN_COUNT,): 0 face, 1 scalp and neck, 1.4 clothes, 2 mouth, 3 eye socket."""
    kind = np.full(SKIN_COUNT, 3.0, np.float32)
    for part, value in ((FACE, 0.0), (SCALP, SCALP_KIND), (MOUTH_SOCKET, 2.0)):
        kind[part] = value
    clothed = vertices_mm[:SKIN_COUNT, 1] > COLLAR_MM - 0.35 * vertices_mm[:SKIN_COUNT, 2]
    kind[clothed & (kind == SCALP_KIND)] = CLOTHES
    return kind
