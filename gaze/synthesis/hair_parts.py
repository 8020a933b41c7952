"""Geometry of hair and cloth: textured shells over the head and ribbons of strands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from gaze.synthesis.head_surface import CENTRE_MM, HeadSurface, directions_of
from gaze.synthesis.skin_noise import fractal_field

TEXTURES = ("strands", "curls", "stubble", "cloth", "knit")


@dataclass(frozen=True, eq=False)
class HairPart:
    """A piece to draw, in the head frame, mm.

    vertices_mm, normals, tangents (M, 3) float32 (tangents run along strands); texcoord (M, 2) (across,
    along); coverage (M,) 0..1; tone (M,) factor on the colour; triangles (K, 3) int32, both sides visible;
    srgb (3,) 0..1 colour of the strands or the cloth; texture: a name of TEXTURES, see `hair_texture`;
    gloss 0..1. Hair's alpha at a fragment is smoothstep(1 - coverage, 1 - coverage + 0.35, texture red);
    its colour is srgb * tone * (0.5 + texture green), which also scales its highlights. Cloth is opaque.
    Parts come in drawing order, from the skin outwards.
    """

    vertices_mm: np.ndarray
    normals: np.ndarray
    tangents: np.ndarray
    texcoord: np.ndarray
    coverage: np.ndarray
    tone: np.ndarray
    triangles: np.ndarray
    srgb: tuple[float, float, float]
    texture: str
    gloss: float
    opaque: bool


@lru_cache(maxsize=8)
def hair_texture(name: str, size: int = 256) -> np.ndarray:
    """(size, size, 2) uint8, tiling: red is the height of strands over gaps (alpha), green their tone."""
    rng = np.random.default_rng([20240614, TEXTURES.index(name)])
    if name == "strands":
        base = _streaks(rng, size, 0.9, 40) * 0.6 + _streaks(rng, size, 3.5, 60) * 0.6
        tone = _streaks(rng, size, 0.7, 50) * 0.6 + _streaks(rng, size, 5.0, 70) * 0.5
    elif name == "curls":
        warp = fractal_field(rng, size, 10, 2, 0.6) * 9.0
        rows, columns = np.mgrid[:size, :size].astype(np.float32)
        waves = np.sin((columns + warp) * 2 * np.pi / 14) * np.sin(
            (rows + np.roll(warp, 31, 1)) * 2 * np.pi / 16
        )
        base = waves * 0.8 + fractal_field(rng, size, 64, 2, 0.8) * 0.6
        tone = waves * 1.0 + fractal_field(rng, size, 48, 2, 0.8) * 0.7
    elif name == "stubble":
        base = fractal_field(rng, size, size, 1, 1.0)
        tone = fractal_field(rng, size, 64, 2, 0.8)
    elif name == "cloth":
        base = np.full((size, size), 9.0, np.float32)
        tone = fractal_field(rng, size, 4, 4, 0.6) * 0.25 + fractal_field(rng, size, size, 1, 1) * 0.12
    else:
        base = np.full((size, size), 9.0, np.float32)
        rows, columns = np.mgrid[:size, :size].astype(np.float32)
        rib = (
            np.cos(columns * 2 * np.pi / 16) * 0.7
            + np.cos((rows * 2 + np.abs(columns % 16 - 8)) * 2 * np.pi / 8) * 0.3
        )
        tone = rib * 0.8 + fractal_field(rng, size, 64, 2, 0.8) * 0.25
    red = np.clip(0.56 + 0.26 * base, 0, 1)
    green = np.clip(0.45 + 0.27 * tone, 0, 1)
    return np.round(np.stack([red, green], -1) * 255).astype(np.uint8)


def _streaks(rng: np.random.Generator, size: int, across: float, along: float) -> np.ndarray:
    noise = rng.normal(size=(size, size)).astype(np.float32)
    noise = np.tile(noise, (3, 3))
    noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=across, sigmaY=along)[size : 2 * size, size : 2 * size]
    return (noise - noise.mean()) / noise.std()


def grid_normals(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outward normals and row-wise tangents of a grid of points (R, C, 3)."""
    along = np.gradient(points, axis=0)
    across = np.gradient(points, axis=1)
    normal = _unit(np.cross(along, across))
    outward = points - CENTRE_MM
    flip = np.sign((normal * outward).sum(-1, keepdims=True) + 1e-9)
    return normal * flip, _unit(along)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def grid_triangles(rows: int, columns: int) -> np.ndarray:
    """Two triangles for each cell of a grid of vertices, (2 (rows-1)(columns-1), 3) int32."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    return np.concatenate(
        [np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)]
    ).astype(np.int32)


def shell(points, texcoord, coverage, tone, srgb, texture, gloss, opaque) -> HairPart:
    """A part from a grid of points (R, C, 3); rows run along the strands."""
    normals, tangents = grid_normals(points)
    flat = (-1, 3)
    return HairPart(
        vertices_mm=points.reshape(flat).astype(np.float32),
        normals=normals.reshape(flat).astype(np.float32),
        tangents=tangents.reshape(flat).astype(np.float32),
        texcoord=texcoord.reshape(-1, 2).astype(np.float32),
        coverage=np.broadcast_to(coverage, points.shape[:2]).ravel().astype(np.float32),
        tone=np.broadcast_to(tone, points.shape[:2]).ravel().astype(np.float32),
        triangles=grid_triangles(*points.shape[:2]),
        srgb=tuple(float(v) for v in srgb),
        texture=texture,
        gloss=float(gloss),
        opaque=opaque,
    )


def trace(
    surface: HeadSurface,
    root: np.ndarray,
    direction: np.ndarray,
    length_mm: np.ndarray,
    lift_mm: np.ndarray,
    gravity: float,
    points: int,
    wave_mm: np.ndarray | None = None,
) -> np.ndarray:
    """Strands (N, points, 3) from roots, bending downwards and staying `lift_mm` (N,) above the head.

    direction (N, 3) is where they start to; gravity is the share of straight down mixed in over each step;
    wave_mm (N, points, 3) is added at the end.
    """
    down = np.array([0.0, 1.0, 0.0], np.float32)
    step = (length_mm / (points - 1))[:, None]
    position, heading = root.astype(np.float32), _unit(direction)
    path = [position]
    for _ in range(points - 1):
        heading = _unit(heading * (1 - gravity) + gravity * down)
        moved = position + heading * step
        theta, phi, radius = directions_of(moved)
        least = surface.radius_at(theta, phi) + lift_mm
        push = np.maximum(least - radius, 0.0)[:, None]
        moved = moved + _unit(moved - CENTRE_MM) * push
        heading = np.where(push > 0, _unit(moved - position), heading)
        position = moved
        path.append(position)
    path = np.stack(path, 1)
    return path if wave_mm is None else path + wave_mm


def ribbons(
    path: np.ndarray,
    width_mm: np.ndarray,
    rng: np.random.Generator,
    srgb,
    gloss: float,
    texture: str = "strands",
    coverage: float = 0.75,
    tone_spread: float = 0.18,
    root_fade: float = 0.0,
) -> HairPart:
    """Quads along paths (N, K, 3), width_mm (N,) in the middle, facing away from the head."""
    count, points = path.shape[:2]
    tangent = _unit(np.gradient(path, axis=1))
    outward = _unit(path - CENTRE_MM + rng.normal(0, 18.0, (count, 1, 3)))
    side = _unit(np.cross(tangent, outward))
    along = np.linspace(0.0, 1.0, points)
    taper = (0.55 + 0.45 * np.minimum(along / 0.25, 1.0)) * np.sqrt(np.clip(1.15 - along**3, 0.05, 1.0))
    half = 0.5 * width_mm[:, None, None] * taper[None, :, None]
    vertices = np.stack([path - side * half, path + side * half], 2)
    start = rng.uniform(0, 1, (count, 1, 1))
    across = start + np.stack(
        [np.zeros((count, points)), np.broadcast_to(width_mm[:, None] / 24.0, (count, points))], 2
    )
    length = np.linalg.norm(np.diff(path, axis=1), axis=-1).sum(1)
    down = rng.uniform(0, 1, (count, 1)) + along[None] * (length / 90.0)[:, None]
    texcoord = np.stack([across, np.broadcast_to(down[:, :, None], across.shape)], -1)
    fade = np.clip((1.0 - along) / 0.35, 0.0, 1.0) ** 0.7
    if root_fade > 0:
        fade = fade * np.clip(along / root_fade + 0.1, 0.0, 1.0)
    tone = np.exp(rng.normal(0.0, tone_spread, (count, 1, 1)))
    shape = (count, points, 2)
    cell = grid_triangles(points, 2)
    triangles = (cell[None] + (np.arange(count) * points * 2)[:, None, None]).reshape(-1, 3)
    normal = _unit(np.cross(side, tangent))
    normal = normal * np.sign((normal * outward).sum(-1, keepdims=True) + 1e-9)

    def spread(v: np.ndarray) -> np.ndarray:
        return np.broadcast_to(v[:, :, None], (*shape, 3)).reshape(-1, 3).astype(np.float32)

    return HairPart(
        vertices_mm=vertices.reshape(-1, 3).astype(np.float32),
        normals=spread(normal),
        tangents=spread(tangent),
        texcoord=texcoord.reshape(-1, 2).astype(np.float32),
        coverage=np.broadcast_to(coverage * fade[None, :, None], shape).ravel().astype(np.float32),
        tone=np.broadcast_to(tone, shape).ravel().astype(np.float32),
        triangles=triangles.astype(np.int32),
        srgb=tuple(float(v) for v in srgb),
        texture=texture,
        gloss=float(gloss),
        opaque=False,
    )
