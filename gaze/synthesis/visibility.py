"""How much of the surroundings each vertex of the head sees: soft self-shadowing by brow, nose and lids.

The visibility function of every vertex is projected on real spherical harmonics up to order 4 (Sloan,
Kautz and Snyder, SIGGRAPH 2002), once per process for the neutral head; it changes little between people.
"""

from __future__ import annotations

from itertools import pairwise

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.gl import column_major
from gaze.synthesis.mesh import EYEBALLS, SKIN_COUNT, HeadMesh

_DIRECTIONS = 160
_MAP_PX = 384


def sphere_directions(count: int) -> NDArray[np.float64]:
    """Evenly spread unit vectors (count, 3): a Fibonacci spiral."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    angle = np.pi * (1.0 + 5.0**0.5) * index
    radius = np.sqrt(1.0 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def harmonics(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Real spherical harmonics to order 4, (..., 25), of unit vectors (..., 3)."""
    x, y, z = np.moveaxis(np.asarray(directions, np.float64), -1, 0)
    xx, yy, zz = x * x, y * y, z * z
    terms = [
        np.full_like(x, 0.28209479),
        0.48860251 * y, 0.48860251 * z, 0.48860251 * x,
        1.09254843 * x * y, 1.09254843 * y * z, 0.31539157 * (3 * zz - 1), 1.09254843 * x * z,
        0.54627422 * (xx - yy),
        0.59004359 * y * (3 * xx - yy), 2.89061144 * x * y * z, 0.45704579 * y * (5 * zz - 1),
        0.37317633 * z * (5 * zz - 3), 0.45704579 * x * (5 * zz - 1), 1.44530572 * z * (xx - yy),
        0.59004359 * x * (xx - 3 * yy),
        2.50334294 * x * y * (xx - yy), 1.77013077 * y * z * (3 * xx - yy),
        0.94617470 * x * y * (7 * zz - 1), 0.66904654 * y * z * (7 * zz - 3),
        0.10578555 * (35 * zz * zz - 30 * zz + 3), 0.66904654 * x * z * (7 * zz - 3),
        0.47308735 * (xx - yy) * (7 * zz - 1), 1.77013077 * x * z * (xx - 3 * yy),
        0.62583574 * (xx * (xx - 3 * yy) - yy * (3 * xx - yy)),
    ]  # fmt: skip
    return np.stack(terms, axis=-1)


class Visibility:
    """Per-vertex visibility of the neutral head in harmonics, head frame: ``coefficients`` (V, 25).

    ``openness`` (V,) is the share of the cosine-weighted hemisphere over a vertex that is open.
    Rows are the skin vertices followed by the two eyeballs' (see ``rows_of_eyeballs``).
    """

    def __init__(self, context: moderngl.Context, mesh: HeadMesh, normals: NDArray[np.float32]) -> None:
        """``normals`` (SKIN_COUNT, 3) of the neutral skin; renders depth maps on ``context``."""
        index = np.concatenate([np.arange(SKIN_COUNT), *(np.arange(b.start, b.stop) for b in EYEBALLS)])
        points = mesh.vertices_mm[index].astype(np.float64)
        outward = np.zeros_like(points)
        outward[:SKIN_COUNT] = normals
        ends = SKIN_COUNT + np.cumsum([0, *(ball.stop - ball.start for ball in EYEBALLS)])
        self.rows_of_eyeballs = tuple(slice(int(a), int(b)) for a, b in pairwise(ends))
        for ball, rows in zip(EYEBALLS, self.rows_of_eyeballs, strict=True):
            outward[rows] = points[rows] - mesh.vertices_mm[ball].mean(axis=0)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9
        triangles = np.concatenate([mesh.face_triangles, mesh.scalp_triangles])
        directions = sphere_directions(_DIRECTIONS)
        seen = _seen_from(context, mesh.vertices_mm, triangles, points + 1.2 * outward, directions)
        # A hidden half-space behind the surface is the cosine's business, not the shadow's.
        behind = outward @ directions.T < 0.0
        seen = np.where(behind, np.maximum(seen, 0.7), seen)
        coefficients = (seen @ harmonics(directions) * (4.0 * np.pi / _DIRECTIONS)).astype(np.float32)
        # Share of the cosine-weighted hemisphere that is open.
        cosine = np.clip(outward @ directions.T, 0.0, None)
        openness = ((seen * cosine).sum(1) / (cosine.sum(1) + 1e-9)).astype(np.float32)
        # Lids uncover now this, now that part of a ball: all of it is given what its front sees.
        for rows in self.rows_of_eyeballs:
            depth = points[rows, 2]
            front = depth < depth.min() + 1.5
            coefficients[rows] = coefficients[rows][front].mean(axis=0)
            openness[rows] = openness[rows][front].mean()
        self.coefficients, self.openness = coefficients, openness

    def towards(self, directions_head: NDArray[np.float64]) -> NDArray[np.float32]:
        """Soft visibility (V, k) 0..1 of directions (k, 3) in the head frame."""
        values = self.coefficients @ harmonics(directions_head).T.astype(np.float32)
        values *= np.float32(1.15)
        values -= np.float32(0.08)
        return np.clip(values, 0.0, 1.0, out=values)


def _seen_from(context, vertices_mm, triangles, points_mm, directions) -> NDArray[np.float64]:
    """Whether each point (P, 3) sees out along each direction (D, 3): depth maps of a parallel projection."""
    program = context.program(
        vertex_shader="""#version 330
        in vec3 position; uniform mat4 view; out float depth;
        void main() { gl_Position = view * vec4(position, 1.0); depth = gl_Position.z; }""",
        fragment_shader="#version 330\nin float depth; out float value; void main() { value = depth; }",
    )
    buffer = context.buffer(np.ascontiguousarray(vertices_mm, np.float32).tobytes())
    array = context.vertex_array(program, [(buffer, "3f", "position")], context.buffer(triangles.tobytes()))
    colour = context.texture((_MAP_PX, _MAP_PX), 1, dtype="f4")
    target = context.framebuffer([colour], context.depth_renderbuffer((_MAP_PX, _MAP_PX)))
    target.use()
    context.enable(moderngl.DEPTH_TEST)
    context.disable(moderngl.CULL_FACE)
    centre, radius = np.array([0.0, -10.0, -20.0]), 175.0
    seen = np.empty((len(points_mm), len(directions)))
    for column, direction in enumerate(directions):
        helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
        x = np.cross(helper, direction)
        x /= np.linalg.norm(x)
        y = np.cross(direction, x)
        rotation = np.stack([x, y, -direction]) / radius
        view = np.eye(4)
        view[:3, :3] = rotation
        view[:3, 3] = -rotation @ centre
        program["view"].write(column_major(view))
        target.clear(1.0, 1.0, 1.0, 1.0, depth=1.0)
        array.render()
        depth = np.frombuffer(colour.read(), np.float32).reshape(_MAP_PX, _MAP_PX)
        local = (points_mm - centre) @ rotation.T
        px = np.clip(((local[:, :2] + 1.0) * 0.5 * _MAP_PX).astype(int), 0, _MAP_PX - 1)
        seen[:, column] = local[:, 2] <= depth[px[:, 1], px[:, 0]] + 0.8 / radius
    for resource in (array, buffer, target, colour, program):
        resource.release()
    return seen
