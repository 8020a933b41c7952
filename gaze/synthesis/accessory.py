"""Things that people wear or hold: their meshes, what they are made of, how they follow the skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.solids import Part, vertex_normals

PLAIN, TORTOISE, CLOTH, SKIN, PRINT = range(5)  # patterns of accessory.frag


@dataclass(frozen=True)
class Material:
    """Surface of an accessory, linear RGB. ``albedo`` and ``second`` (3,) are the pattern's two colours,
    ``scale_mm`` its size; ``f0`` (3,) is the reflectance straight on (coloured for metals); ``scatter``
    softens the light's edge.
    """

    name: str
    albedo: tuple[float, float, float]
    roughness: float = 0.4
    f0: tuple[float, float, float] = (0.04, 0.04, 0.04)
    pattern: int = PLAIN
    second: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale_mm: float = 6.0
    scatter: float = 0.0


@dataclass(frozen=True)
class Binding:
    """How a soft thing follows the skin: for each vertex four of the skin and their weights (V, 4)."""

    indices: NDArray[np.int32]
    weights: NDArray[np.float32]

    @classmethod
    def nearest(cls, points_mm: NDArray[np.floating], skin_mm: NDArray[np.floating]) -> Binding:
        """Bind points (V, 3) to an even selection of the skin vertices (N, 3) about them, by distance."""
        low, high = np.min(points_mm, axis=0) - 5.0, np.max(points_mm, axis=0) + 5.0
        about = np.flatnonzero(((skin_mm > low) & (skin_mm < high)).all(axis=1))
        chosen = about[:: max(1, len(about) // 400)]
        points, skin = np.asarray(points_mm, np.float32), np.asarray(skin_mm, np.float32)[chosen]
        squared = (points**2).sum(1)[:, None] - 2.0 * points @ skin.T + (skin**2).sum(1)[None]
        nearest = np.argpartition(squared, 4, axis=1)[:, :4]
        weights = 1.0 / (np.take_along_axis(squared, nearest, 1).clip(0.0) + 4.0)
        weights /= weights.sum(1, keepdims=True)
        return cls(chosen[nearest].astype(np.int32), weights.astype(np.float32))

    def moved(
        self, points_mm: NDArray[np.float32], skin_shift_mm: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Points (V, 3) after the skin's vertices moved by ``skin_shift_mm`` (N, 3)."""
        shift = np.asarray(skin_shift_mm, np.float32)[self.indices]
        return points_mm + (self.weights[..., None] * shift).sum(1)


@dataclass(frozen=True)
class Accessory:
    """A drawable thing in the head frame (mm).

    ``vertices_mm`` and ``normals`` (V, 3) float32, outward; ``triangles`` (K, 3) int32, wound
    counter-clockwise seen from outside; ``coords`` (V, 2) surface coordinates in mm for patterns; ``open``:
    its inside may show.
    """

    name: str
    vertices_mm: NDArray[np.float32]
    normals: NDArray[np.float32]
    coords: NDArray[np.float32]
    triangles: NDArray[np.int32]
    material: Material
    attributes: dict[str, object] = field(default_factory=dict)
    binding: Binding | None = None
    open: bool = False

    def bound(self, binding: Binding) -> Accessory:
        """The same thing, following the skin as a cloth before it does."""
        return replace(self, binding=binding, open=True)


def join(name: str, parts: Sequence[Part], material: Material, **attributes) -> Accessory:
    """Put parts together into one accessory with smooth normals."""
    start = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    vertices = np.concatenate([part.vertices for part in parts])
    triangles = np.concatenate([part.triangles + s for part, s in zip(parts, start, strict=True)]).astype(
        np.int32
    )
    return Accessory(
        name=name,
        vertices_mm=np.ascontiguousarray(vertices, dtype=np.float32),
        normals=vertex_normals(vertices, triangles),
        coords=np.concatenate([part.coords for part in parts]).astype(np.float32),
        triangles=triangles,
        material=material,
        attributes=dict(attributes),
    )
