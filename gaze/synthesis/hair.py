"""Hair on the head: crops, partings, fringes, long hair, curls, receding and shaven heads.

Lengths and hairlines are given on the neutral head (head frame, mm) and carried over to a person through
gaze.synthesis.head_surface. Scarves and hats stand in gaze.synthesis.headwear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gaze.synthesis.face_regions import smoothstep
from gaze.synthesis.hair_parts import HairPart, ribbons, shell, trace
from gaze.synthesis.hair_style import HairStyle
from gaze.synthesis.head_surface import CENTRE_MM, DirectionMap, HeadSurface, directions_of
from gaze.synthesis.headwear import build_headwear
from gaze.synthesis.skin_noise import fractal_field

# The hairline: azimuth in degrees from the face, and its height y in mm on the neutral head.
_LINE_PHI = np.array([0, 22, 38, 50, 60, 67, 74, 80, 88, 100, 112, 122, 135, 150, 180], float)
_LINE_Y = np.array([-98, -99, -92, -76, -54, -37, -12, -22, -49, -52, -42, -12, 22, 36, 40], float)


@dataclass(frozen=True, eq=False)
class HairGeometry:
    """The parts to draw, in order; may be empty (bald)."""

    parts: tuple[HairPart, ...]


class HairBuilder:
    """Builds hair for people who share one mesh topology."""

    def __init__(self, mesh) -> None:
        self._map = DirectionMap(mesh)

    def build(self, vertices_mm: np.ndarray, style: HairStyle, rng: np.random.Generator) -> HairGeometry:
        """Hair (and headwear) of a person's neutral vertices (N, 3)."""
        surface = self._map.surface(vertices_mm)
        parts: list[HairPart] = []
        worn = style.headwear.kind if style.headwear else None
        if worn is not None:
            flat = {
                "volume_mm": 1.0,
                "side_mm": min(style.side_mm, 4.0),
                "stray": 0,
                "fringe_mm": 0.0,
                "recede": 0.6,
            }
            loose = style.cut if style.cut in ("bob", "long", "shaven", "bald") else "crop"
            style = replace(style, cut=loose, **flat)
        if style.cut != "bald" and worn != "scarf":
            parts = self._hair(surface, style, rng, worn is not None)
        if style.headwear is not None:
            parts += build_headwear(surface, self._map.neutral, style.headwear, rng)
        return HairGeometry(tuple(parts))

    def _hair(self, surface: HeadSurface, style: HairStyle, rng, worn: bool) -> list[HairPart]:
        colour = np.array(style.srgb) / 255.0
        texture = "curls" if style.cut in ("afro", "curly") else "strands"
        if style.cut == "shaven":
            texture = "stubble"
        parts = [self._shell(surface, style, rng, colour, texture)]
        if style.cut == "shaven":
            return parts
        if worn:
            pass
        elif style.cut != "afro":
            parts.append(self._hairline(surface, style, rng, colour, texture))
        else:
            parts.append(self._tufts(surface, style, rng, colour))
        if style.cut in ("bob", "long"):
            parts.append(self._curtain(surface, style, rng, colour))
        if style.fringe_mm > 0:
            parts.append(self._fringe(surface, style, rng, colour, texture))
        if style.stray:
            parts.append(self._stray(surface, style, rng, colour))
        return parts

    def _line(self, style: HairStyle, phi: np.ndarray) -> np.ndarray:
        """Inclination of the hairline at azimuths phi (rad)."""
        degrees = np.abs(np.rad2deg(phi))
        y = np.interp(degrees, _LINE_PHI, _LINE_Y)
        front = smoothstep(62, 40, degrees)
        corner = np.exp(-(((degrees - 36) / 15) ** 2))
        y = y - front * (style.hairline_mm + 9 * style.recede) - 24 * style.recede * corner
        return self._map.neutral.theta_of_height(phi, y)

    def _shell(self, surface, style, rng, colour, texture) -> HairPart:
        # The back of the head is never in the picture.
        columns, rows = 73, 18
        phi = np.linspace(-2.6, 2.6, columns)
        edge = self._line(style, phi)
        edge = edge + 0.02 * np.convolve(rng.normal(size=columns), [0.25, 0.5, 0.25], "same")
        tau = np.linspace(0.0, 1.0, rows)[:, None] ** 1.3
        theta = np.maximum(edge[None] * (1 - tau), 0.004)
        phi = np.broadcast_to(phi, theta.shape)
        base = surface.at(theta, phi)
        neutral_y = self._map.neutral.at(theta, phi)[..., 1]
        normal = (base - CENTRE_MM) / np.linalg.norm(base - CENTRE_MM, axis=-1, keepdims=True)
        inwards = (edge[None] - theta) * 95.0
        ramp = {"afro": 14.0, "curly": 14.0, "shaven": 3.0, "crop": 22.0}.get(style.cut, 26.0)
        top = smoothstep(-60, -118, neutral_y)
        nape = 0.25 + 0.75 * smoothstep(35, -30, neutral_y)
        thickness = (style.side_mm * nape * (1 - top) + style.volume_mm * top) * smoothstep(
            0.0, ramp, inwards
        )
        bump = fractal_field(rng, 96, 8 if texture == "curls" else 4, 3, 0.6)[:rows, :columns]
        thickness = thickness * (1 + (0.16 if texture == "curls" else 0.08) * bump) + 0.6
        points = base + normal * thickness[..., None]
        coverage = smoothstep(-1.0, 7.0 if style.cut != "tied_back" else 4.0, inwards + 2.5 * bump)
        if style.thinning > 0 and style.cut != "shaven":
            coverage = coverage * (1 - 0.55 * style.thinning * smoothstep(-95, -130, neutral_y))
        if style.cut in ("crop", "side_part", "swept_back"):
            fade = smoothstep(-8, -62, neutral_y) * 0.5 + 0.5
            coverage = coverage * fade
        if style.cut == "shaven":
            coverage = coverage * (0.42 + 0.3 * style.gloss)
        shade = 0.62 + 0.38 * smoothstep(0.0, 18.0, inwards)
        across, along = phi * 60.0 / 24.0, theta * 95.0 / 90.0
        if style.cut in ("side_part", "long", "bob"):
            along = np.abs(base[..., 0] - style.parting_mm) / 90.0 - base[..., 1] / 90.0
            across = base[..., 2] / 24.0
        elif style.cut in ("swept_back", "tied_back"):
            along, across = base[..., 2] / 90.0, base[..., 0] / 24.0
        if texture != "strands":
            # By length along the bulging shell, so that curls are as big at its steep edge.
            steps = np.linalg.norm(np.diff(points, axis=0, prepend=points[:1]), axis=-1)
            across, along = phi * 75.0 / 55.0, np.cumsum(steps, axis=0) / 55.0
        gloss = style.gloss * (1.0 if texture == "strands" else 0.15)
        return shell(points, np.stack([across, along], -1), coverage, shade, colour, texture, gloss, False)

    def _rooted(self, surface, theta, phi, lift):
        """Points `lift` mm above the surface, and outward, meridian-down and eastward unit vectors there."""
        at = surface.at(theta, phi)
        outward = at - CENTRE_MM
        outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
        east = np.stack([np.cos(phi), np.zeros_like(phi), np.sin(phi)], -1)
        down = np.cross(east, outward)
        down *= np.sign(down[..., 1:2] + 1e-9)
        return at + outward * lift[..., None], outward, down, east

    def _hairline(self, surface, style, rng, colour, texture) -> HairPart:
        """Short tufts that grow out of the edge, so that it is not a line."""
        count = 240
        phi = np.clip(rng.normal(0, 0.8, count), -2.0, 2.0)
        inset = rng.uniform(0.0, 0.12, count)
        theta = self._line(style, phi) - inset
        root, outward, down, east = self._rooted(surface, theta, phi, 0.3 + 14.0 * inset)
        length = rng.uniform(6, 15, count) * (1.3 if style.volume_mm > 10 else 0.8)
        forwards = {"crop": 0.5, "fringe": 1.0, "curly": 0.3}.get(style.cut, -0.7)
        sideways = np.sign(root[:, 0] - style.parting_mm)
        if style.cut in ("side_part", "long", "bob"):
            heading = 0.8 * sideways[:, None] * east - 0.25 * down + 0.3 * outward
        else:
            heading = forwards * down + 0.35 * outward + 0.2 * rng.normal(size=(count, 1)) * east
        lower = (np.abs(phi) > 1.0)[:, None]
        heading = np.where(lower, 0.9 * down - 0.25 * np.sign(phi)[:, None] * -east + 0.15 * outward, heading)
        path = trace(
            surface, root, heading + 0.15 * rng.normal(size=(count, 3)), length, np.full(count, 0.5), 0.05, 4
        )
        return ribbons(path, rng.uniform(1.5, 3.5, count), rng, colour, style.gloss, texture, 0.5, 0.12, 0.2)

    def _tufts(self, surface, style, rng, colour) -> HairPart:
        """Irregular tufts over the outside of an afro."""
        count = 260
        phi = rng.uniform(-2.2, 2.2, count)
        theta = self._line(style, phi) * (1 - rng.beta(1.0, 1.6, count) * 0.9) - 0.02
        inwards = (self._line(style, phi) - theta) * 95.0
        lift = (style.side_mm + style.volume_mm) * 0.45 * smoothstep(0, 16, inwards)
        root, outward, _, _ = self._rooted(surface, theta, phi, lift)
        heading = 0.5 * outward + 0.8 * rng.normal(size=(count, 3))
        path = trace(surface, root, heading, rng.uniform(4, 9, count), lift, 0.0, 4)
        gloss = 0.15 * style.gloss
        return ribbons(path, rng.uniform(4, 9, count), rng, colour, gloss, "curls", 0.5, 0.15)

    def _curtain(self, surface, style, rng, colour) -> HairPart:
        """Long hair from the parting over the sides of the head."""
        count, points = 230, 11
        side = np.where(rng.random(count) < 0.5, -1.0, 1.0)
        back = rng.beta(1.0, 1.5, count)
        z = -62 + 120 * back
        part = style.parting_mm + 2.0 * side
        start = np.stack([part, np.full(count, -200.0), z], -1)
        theta, phi, _ = directions_of(start)
        line = self._line(style, phi)
        theta = np.minimum(theta, line - 0.03)
        lift = style.volume_mm * (0.55 + 0.5 * rng.random(count))
        root = self._rooted(surface, theta, phi, lift * 0.8)[0]
        sweep = rng.uniform(0.15, 0.75) if style.behind_ears else rng.uniform(-0.15, 0.25)
        heading = np.stack([side, np.full(count, 0.15), np.full(count, sweep)], -1)
        length = style.length_mm * rng.uniform(0.85, 1.1, count) + 40
        phase = (
            rng.uniform(0, 2 * np.pi, (count, 1))
            + np.linspace(0, 2 * np.pi * (1 + 3 * style.wave), points)[None]
        )
        swing = np.linspace(0, 1, points)[None] ** 0.7 * 7.0 * style.wave
        wave = np.stack([np.cos(phase) * swing, 0 * phase, np.sin(phase) * swing], -1)
        path = trace(surface, root, heading, length, np.clip(lift * 0.5, 3, None), 0.5, points, wave)
        width = rng.uniform(7, 14, count)
        return ribbons(path, width, rng, colour, style.gloss, "strands", 0.92, 0.14)

    def _fringe(self, surface, style, rng, colour, texture) -> HairPart:
        """Hair over the forehead, down to the brows or the eyes."""
        count, points = 210, 7
        spread = rng.uniform(0.35, 0.75)
        phi = rng.normal(0.0, spread, count)
        if style.fringe_gap > 0.2:
            phi = np.sign(phi) * (np.abs(phi) + 0.35 * style.fringe_gap)
        inset = rng.uniform(0.02, 0.4, count)
        theta = np.maximum(self._line(style, phi) - inset, 0.05)
        root, outward, down, east = self._rooted(
            surface, theta, phi, 0.5 + np.minimum(25 * inset, style.volume_mm)
        )
        lean = rng.normal(0.0, 0.45) + 0.35 * np.sign(phi) * (style.fringe_gap > 0.2)
        heading = down + (lean + 0.16 * rng.normal(size=count))[:, None] * east + 0.2 * outward
        length = style.fringe_mm * rng.uniform(0.65, 1.05, count) * (1 - 0.12 * np.abs(phi)) + inset * 90
        amount = (1.5 + 6.0 * style.wave) if texture == "strands" else 7.0
        phase = rng.uniform(0, 6.28, (count, 1)) + np.linspace(0, 5.0, points)[None]
        wave = np.stack([np.cos(phase), 0.3 * np.sin(phase), 0 * phase], -1)
        wave = wave * (amount * np.linspace(0, 1, points) ** 1.5)[None, :, None]
        lift = rng.uniform(1.2, 5.0, count)
        path = trace(surface, root, heading, length, lift, 0.10, points, wave * 0.5)
        thin = rng.random() < 0.35
        width = rng.uniform(0.8, 2.6, count) if thin else rng.uniform(2.0, 6.0, count)
        return ribbons(path, width, rng, colour, style.gloss, texture, 0.72 if thin else 0.85, 0.15)

    def _stray(self, surface, style, rng, colour) -> HairPart:
        """Single hairs and thin locks that lie loose on the forehead and temples."""
        count, points = style.stray, 8
        phi = rng.normal(0.0, 0.7, count)
        theta = self._line(style, phi) - rng.uniform(0, 0.1, count)
        root, outward, down, east = self._rooted(surface, theta, phi, rng.uniform(0.5, 4, count))
        heading = down + 0.8 * rng.normal(size=(count, 1)) * east + 0.5 * outward
        reach = 70.0 if style.cut in ("long", "bob", "fringe", "tied_back", "curly") else 18.0
        length = rng.uniform(0.2, 1.0, count) * reach + 5
        wave = np.cumsum(rng.normal(0, 1.2, (count, points, 3)), axis=1)
        path = trace(surface, root, heading, length, rng.uniform(0.8, 5, count), 0.08, points, wave)
        return ribbons(path, rng.uniform(0.25, 0.9, count), rng, colour, style.gloss, "strands", 0.95, 0.1)
