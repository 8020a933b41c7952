"""Spectacles and sunglasses as meshes that sit on a given head.

Lens coordinates: u from the nose outwards, v downwards, mm from the lens's middle. The lenses stand 12 to
15 mm before the corneas, farther where nose or brows need it, lean back at the bottom (pantoscopic tilt) and
wrap round the face a little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.accessory import Accessory, join
from gaze.synthesis.eyes import APEX_TO_ROTATION_MM
from gaze.synthesis.glasses_style import GlassesStyle
from gaze.synthesis.mesh import LANDMARKS_68, OUTWARDS, SKIN_COUNT
from gaze.synthesis.solids import Part, ellipsoid, sweep

POINTS = 56


@dataclass(frozen=True)
class Lenses:
    """Both lenses: ``vertices_mm``, outward ``normals`` (V, 3), ``triangles`` (K, 3).

    ``from_centre_mm`` (V, 3) leads from the optical centre to the vertex: at a vertex one sees what, without
    the lens, one would see at ``vertex + shift * from_centre`` (above 0 shrinks: a minus lens).
    """

    vertices_mm: NDArray[np.float32]
    normals: NDArray[np.float32]
    from_centre_mm: NDArray[np.float32]
    triangles: NDArray[np.int32]


@dataclass(frozen=True)
class Glasses:
    """Spectacles on a head: ``frame`` (metal or plastic, closed meshes), ``lenses``, and their style."""

    frame: Accessory
    lenses: Lenses
    style: GlassesStyle

    @property
    def attributes(self) -> dict[str, object]:
        """Labels of a sample."""
        return {"glasses": self.style.shape, "sunglasses": self.style.sun}


class _Seat:
    """Where the lenses of a style stand on one head: maps lens coordinates of a side to the head frame."""

    def __init__(self, style: GlassesStyle, vertices_mm: NDArray, centres_mm: NDArray) -> None:
        self.style = style
        skin = np.asarray(vertices_mm[:SKIN_COUNT], dtype=np.float64)
        marks = np.asarray(vertices_mm, dtype=np.float64)[LANDMARKS_68]
        self.middle_x = float(marks[27:31, 0].mean())
        half_pupils = 0.5 * float(centres_mm[0, 0] - centres_mm[1, 0])
        fit = float(np.linalg.norm(marks[16] - marks[0])) / 147.0
        self.half = np.array([0.5 * style.width_mm * fit, 0.5 * style.height_mm * fit])
        self.bridge = style.bridge_mm * fit
        self.centre_u = self.half[0] + 0.5 * self.bridge
        pupil_y = float(centres_mm[:, 1].mean())
        self.centre_y = pupil_y + style.drop_mm
        self.pupil = np.array([half_pupils - self.centre_u, pupil_y - self.centre_y])
        self.z = float(centres_mm[:, 2].mean()) - APEX_TO_ROTATION_MM - style.vertex_mm
        self._clear_face(skin)
        self.skin = skin

    def _clear_face(self, skin: NDArray) -> None:
        """Move the front away from nose, cheeks and brows; a broad nose also gets a broader bridge."""
        front = skin[(skin[:, 2] < self.z + 45.0) & (np.abs(skin[:, 1] - self.centre_y) < 45.0)]
        for _ in range(3):
            needed = max(self._overlap(front, sign) for sign in OUTWARDS)
            if needed <= 0.0:
                return
            forward = min(needed, 4.0)
            self.z -= forward
            if needed > forward:
                self.bridge += 1.5
                self.centre_u += 0.75
                self.pupil[0] -= 0.75

    def _overlap(self, front: NDArray, sign: float) -> float:
        """How far the skin reaches through one lens or its rim, mm."""
        rim = self.style.rim_mm if self.style.rim == "full" else 0.5
        u = sign * (front[:, 0] - self.middle_x) - self.centre_u
        v = front[:, 1] - self.centre_y
        edge = self.half + rim
        power = self.style.squareness
        inside = np.abs(u / edge[0]) ** power + np.abs(v / edge[1]) ** power < 1.0
        if not inside.any():
            return 0.0
        gap = 1.0 + 0.5 * self.style.depth_mm
        return float((self._surface(u[inside], v[inside]) - front[inside, 2]).max()) + gap

    def _surface(self, u: NDArray, v: NDArray) -> NDArray:
        s = self.style
        r = np.asarray(u) - self.pupil[0]
        bend = (r**2 + np.asarray(v) ** 2) / (2.0 * s.curve_mm)
        return self.z + bend + np.tan(s.wrap_rad) * r + np.tan(s.tilt_rad) * np.asarray(v)

    def place(self, side: int, u: NDArray, v: NDArray) -> NDArray[np.float64]:
        """Head-frame points of lens coordinates; side 0 left (+x), 1 right."""
        sign = OUTWARDS[side]
        u, v = np.asarray(u, dtype=np.float64), np.asarray(v, dtype=np.float64)
        x = self.middle_x + sign * (self.centre_u + u)
        return np.stack([x, self.centre_y + v, self._surface(u, v)], -1)


def make_glasses(
    style: GlassesStyle, vertices_mm: NDArray[np.floating], centres_mm: NDArray[np.floating]
) -> Glasses:
    """Fit a style to a head: ``vertices_mm`` (N, 3) of the mesh, ``centres_mm`` (2, 3) of the eyes."""
    seat = _Seat(style, vertices_mm, np.asarray(centres_mm, dtype=np.float64))
    outline = style.outline(POINTS) * seat.half
    parts: list[Part] = []
    for side in (0, 1):
        parts += _rim(seat, side, outline)
        parts += _temple(seat, side, outline)
        if style.pads:
            parts += _pad(seat, side, outline)
    parts += _bridge(seat, outline)
    frame = join("glasses", parts, style.material, shape=style.shape, sunglasses=style.sun)
    return Glasses(frame, _lenses(seat, outline), style)


def _normal2(outline: NDArray) -> NDArray:
    along = np.roll(outline, -1, 0) - np.roll(outline, 1, 0)
    normal = np.stack([along[:, 1], -along[:, 0]], -1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return normal if (normal * outline).sum() > 0 else -normal


def _rim(seat: _Seat, side: int, outline: NDArray) -> list[Part]:
    style = seat.style
    if style.rim == "rimless":
        return []
    normal = _normal2(outline)
    top = 0.5 - 0.5 * outline[:, 1] / seat.half[1]
    width = style.rim_mm * (1.0 + (style.brow - 1.0) * np.clip(top, 0.0, 1.0) ** 2)
    centre = outline + normal * (0.5 * width - 0.3)[:, None]
    keep = np.arange(len(outline))
    if style.rim == "half":
        keep = np.flatnonzero(outline[:, 1] < 0.25 * seat.half[1])
        start = int(np.flatnonzero(np.diff(keep) > 1)[0] + 1) if (np.diff(keep) > 1).any() else 0
        keep = np.roll(keep, -start)
    path = seat.place(side, centre[keep, 0], centre[keep, 1])
    sign = OUTWARDS[side]
    across = np.stack([sign * normal[keep, 0], normal[keep, 1], np.zeros(len(keep))], -1)
    return [
        sweep(
            path,
            across,
            0.5 * width[keep],
            0.5 * style.depth_mm,
            closed=style.rim == "full",
            square=style.square,
        )
    ]


def _bridge(seat: _Seat, outline: NDArray) -> list[Part]:
    """One or two bars from rim to rim that clear the nose."""
    style = seat.style
    bars = []
    for height in style.bridge_heights:
        inner = outline[outline[:, 0] < 0]
        foot = inner[np.argmin(np.abs(inner[:, 1] + height * seat.half[1]))]
        left = seat.place(0, foot[0] - 0.3, foot[1])
        right = seat.place(1, foot[0] - 0.3, foot[1])
        t = np.linspace(-1.0, 1.0, 13)[:, None]
        path = 0.5 * (1 + t) * left + 0.5 * (1 - t) * right
        arch = 1.0 - t[:, 0] ** 2
        path[:, 1] -= style.arch_mm * arch
        ridge = seat.skin[np.abs(seat.skin[:, 0] - seat.middle_x) < 3.0]
        ridge = ridge[np.abs(ridge[:, 1] - path[6, 1]) < 4.0 + style.bridge_thick_mm]
        clear = float(ridge[:, 2].min()) - 0.5 * style.depth_mm - 0.8 if len(ridge) else path[6, 2]
        path[:, 2] += min(clear - path[6, 2], -0.5) * np.sqrt(np.clip(arch, 0, 1))
        bars.append(
            sweep(
                path, [0.0, 1.0, 0.0], 0.5 * style.bridge_thick_mm, 0.45 * style.depth_mm, square=style.square
            )
        )
    return bars


def _pad(seat: _Seat, side: int, outline: NDArray) -> list[Part]:
    """A nose pad on its wire."""
    sign = OUTWARDS[side]
    inner = outline[np.argmin(outline[:, 0])]
    foot = seat.place(side, inner[0], 0.12 * seat.half[1])
    pad = foot + np.array([-sign * 0.22 * seat.bridge, 1.5, 6.0])
    wire = np.stack([foot, foot + np.array([0.0, -1.0, 3.0]), pad + np.array([sign * 1.0, 0.0, -1.0])])
    lean = 0.35 * sign
    c, s = np.cos(lean), np.sin(lean)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return [sweep(wire, [0.0, 1.0, 0.3], 0.45, 0.45, sides=5), ellipsoid(pad, (1.3, 4.2, 2.4), turn, 6, 8)]


def _temple(seat: _Seat, side: int, outline: NDArray) -> list[Part]:
    """End piece, hinge and side piece back to the top of the ear and down behind it."""
    style = seat.style
    sign = OUTWARDS[side]
    target = -style.hinge * seat.half[1]
    outer = outline[outline[:, 0] > 0]
    foot = outer[np.argmin(np.abs(outer[:, 1] - target))]
    reach = style.rim_mm if style.rim == "full" else 0.5
    start = seat.place(side, foot[0] + 0.4 * reach, foot[1])
    x_ear, y_ear, z_ear = _ear_top(seat.skin, side)
    knee_x = max(abs(start[0] - seat.middle_x) + 3.0, _half_width(seat, side, start[1], start[2] + 8.0) + 1.5)
    knee = np.array([seat.middle_x + sign * knee_x, start[1], start[2] + 4.0])
    path = [start, 0.5 * (start + knee) + np.array([sign * 0.8, 0.0, -0.8]), knee]
    for t in np.linspace(0.12, 1.0, 7):
        y, z = (1 - t) * knee[1] + t * y_ear, (1 - t) * knee[2] + t * z_ear
        line = (1 - t) * knee_x + t * (x_ear + 1.0)
        x = max(line, _half_width(seat, side, y, z) + 1.2) if t < 0.9 else line
        path.append(np.array([seat.middle_x + sign * x, y, z]))
    last = path[-1]
    path += [
        last + np.array([-sign * 1.0, 5.0, 10.0]),
        last + np.array([-sign * 3.0, 18.0, 18.0]),
        last + np.array([-sign * 5.0, 32.0, 21.0]),
    ]
    tall = np.full(len(path), 0.5 * style.temple_mm)
    tall[:2] = 0.5 * max(style.temple_mm, style.endpiece_mm)
    return [sweep(np.stack(path), [0.0, 1.0, 0.0], tall, 0.5 * style.temple_thick_mm, square=style.square)]


def _ear_top(skin: NDArray, side: int) -> tuple[float, float, float]:
    """Half width, y and z where a side piece rests: the upper root of the ear."""
    sign = OUTWARDS[side]
    x = sign * skin[:, 0]
    ear = skin[(x > 0) & (skin[:, 2] > -25.0) & (skin[:, 2] < 40.0) & (np.abs(skin[:, 1] + 25.0) < 45.0)]
    widest = ear[np.argmax(sign * ear[:, 0])]
    height, depth = widest[1] - 17.0, widest[2] - 15.0
    near = ear[(np.abs(ear[:, 1] - height) < 8.0) & (ear[:, 2] < depth + 2.0)]
    half = float(np.percentile(sign * near[:, 0], 70)) if len(near) else float(abs(widest[0])) - 12.0
    return half, float(height), float(depth)


def _half_width(seat: _Seat, side: int, y: float, z: float) -> float:
    """Half width of the head at a height and depth, from the middle of the nose."""
    sign = OUTWARDS[side]
    x = sign * (seat.skin[:, 0] - seat.middle_x)
    near = (np.abs(seat.skin[:, 1] - y) < 6.0) & (np.abs(seat.skin[:, 2] - z) < 6.0) & (x > 20.0)
    return float(x[near].max()) if near.any() else 0.0


def _lenses(seat: _Seat, outline: NDArray) -> Lenses:
    rings = np.array([0.35, 0.7, 1.0])
    n = len(outline)
    u = np.concatenate([[0.0], (rings[:, None] * outline[:, 0]).ravel()])
    v = np.concatenate([[0.0], (rings[:, None] * outline[:, 1]).ravel()])
    j = np.arange(n)
    k = (j + 1) % n
    fan = [np.stack([np.zeros(n, int), 1 + j, 1 + k], -1)]
    for r in range(len(rings) - 1):
        a, b = 1 + r * n + j, 1 + r * n + k
        fan += [np.stack([a, a + n, b + n], -1), np.stack([a, b + n, b], -1)]
    triangles = np.concatenate(fan)
    sides = []
    for side in (0, 1):
        points = seat.place(side, u, v)
        step = 0.01
        du = seat.place(side, u + step, v) - points
        dv = seat.place(side, u, v + step) - points
        normals = np.cross(du, dv)
        normals *= np.sign(-normals[:, 2:])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        centre = seat.place(side, seat.pupil[0], seat.pupil[1])
        first = points[triangles[0]]
        flipped = np.cross(first[1] - first[0], first[2] - first[0])[2] > 0
        sides.append((points, normals, points - centre, triangles[:, ::-1] if flipped else triangles))
    return Lenses(
        *(np.concatenate([s[k] for s in sides]).astype(np.float32) for k in range(3)),
        np.concatenate([sides[0][3], sides[1][3] + len(u)]).astype(np.int32),
    )
