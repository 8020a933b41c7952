"""Lamps with shapes: windows, softboxes, screens, ceiling panels, ring lights, bulbs and the sun.

Camera frame, mm: x right, y down, z forward; the camera is at the origin, so a laptop's screen lies just
below it and shines along +z. Each maker returns a lamp of unit perpendicular irradiance at the head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import cross, unit

RECTANGLE, DISC, RING, WINDOW, SCREEN = range(5)
DOWN = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True)
class Lamp:
    """A flat light source.

    ``across_cam`` and ``upward_cam`` are unit axes in its plane, ``half_mm`` (half width, half height); it
    shines along ``normal_cam``. ``irradiance`` (3,) linear RGB on a surface at the head that faces the lamp.
    ``detail``: see light.glsl (window bars, ring's inner radius, screen's content).
    """

    name: str
    kind: int
    centre_cam_mm: NDArray[np.float64]
    across_cam: NDArray[np.float64]
    upward_cam: NDArray[np.float64]
    half_mm: tuple[float, float]
    irradiance: NDArray[np.float64]
    detail: tuple[float, float] = (0.0, 0.0)

    @property
    def normal_cam(self) -> NDArray[np.float64]:
        """Unit direction in which the lamp shines: from its plane towards the head's side."""
        return cross(self.across_cam, self.upward_cam)

    def solid_angle(self, point_cam_mm: NDArray[np.float64]) -> float:
        """Projected size from a point in sr (small-source formula, held below a half-space)."""
        area = 4.0 * self.half_mm[0] * self.half_mm[1]
        if self.kind in (DISC, RING):
            area *= np.pi / 4.0
        if self.kind == RING:
            area *= 1.0 - self.detail[0] ** 2
        towards = point_cam_mm - self.centre_cam_mm
        distance = float(np.linalg.norm(towards))
        cosine = max(float(self.normal_cam @ towards) / distance, 0.05)
        flat = area * cosine / distance**2
        return float(flat / (1.0 + flat / (2.0 * np.pi)))

    def angular_radius_sine(self, point_cam_mm: NDArray[np.float64]) -> float:
        """Sine of the radius of a disc that fills the same solid angle."""
        cap = 1.0 - self.solid_angle(point_cam_mm) / (2.0 * np.pi)
        return float(np.sqrt(max(1.0 - cap * cap, 1e-6)))

    def radiance(self, point_cam_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Radiance (3,) of the lit area that gives ``irradiance`` at the point."""
        return self.irradiance / max(self.solid_angle(point_cam_mm), 1e-4)

    def lit(self, irradiance: NDArray[np.floating] | float) -> Lamp:
        """The same lamp with another irradiance (3,) or the present one times a number."""
        if np.ndim(irradiance) == 0:
            return replace(self, irradiance=self.irradiance * float(irradiance))
        return replace(self, irradiance=np.asarray(irradiance, dtype=np.float64))


def facing(
    name: str,
    kind: int,
    centre_cam_mm,
    towards_cam_mm,
    half_mm,
    *,
    turn_rad: float = 0.0,
    detail=(0.0, 0.0),
) -> Lamp:
    """A lamp at ``centre_cam_mm`` that shines at ``towards_cam_mm``; ``turn_rad`` rolls it in its plane."""
    centre = np.asarray(centre_cam_mm, dtype=np.float64)
    normal = unit(np.asarray(towards_cam_mm, dtype=np.float64) - centre)
    helper = DOWN if abs(normal[1]) < 0.98 else np.array([0.0, 0.0, 1.0])
    across = unit(cross(helper, normal))
    upward = cross(normal, across)
    if turn_rad:
        c, s = np.cos(turn_rad), np.sin(turn_rad)
        across, upward = c * across + s * upward, c * upward - s * across
    return Lamp(
        name=name,
        kind=kind,
        centre_cam_mm=centre,
        across_cam=across,
        upward_cam=upward,
        half_mm=(float(half_mm[0]), float(half_mm[1])),
        irradiance=np.ones(3),
        detail=tuple(detail),
    )


def direction_cam(azimuth_deg: float, elevation_deg: float) -> NDArray[np.float64]:
    """Unit vector away from a face: azimuth 0 to the camera, + image right; elevation + up."""
    azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    return np.array(
        [np.cos(elevation) * np.sin(azimuth), -np.sin(elevation), -np.cos(elevation) * np.cos(azimuth)]
    )


def softbox(rng: np.random.Generator, head_cam_mm, azimuth_deg: float, elevation_deg: float) -> Lamp:
    """A photographer's softbox or LED panel, 0.8 to 2 m away."""
    distance = rng.uniform(800.0, 2000.0)
    half = np.exp(rng.uniform(np.log(45.0), np.log(280.0))) * np.array(
        [1.0, rng.choice([1.0, 0.7, 1.5, 0.3])]
    )
    kind = DISC if rng.random() < 0.15 else RECTANGLE
    centre = head_cam_mm + distance * direction_cam(azimuth_deg, elevation_deg)
    return facing("softbox", kind, centre, head_cam_mm, half, turn_rad=rng.normal(0, 0.1))


def window(rng: np.random.Generator, head_cam_mm, azimuth_deg: float) -> Lamp:
    """A window in an upright wall 0.9 to 3.5 m away, with cross bars more often than not."""
    towards = direction_cam(azimuth_deg, 0.0)
    distance = rng.uniform(900.0, 3500.0)
    half = np.array([rng.uniform(350.0, 900.0), rng.uniform(450.0, 900.0)])
    centre = head_cam_mm + distance * towards
    centre[1] += rng.uniform(-800.0, 100.0)
    wall = head_cam_mm + distance * 0.3 * direction_cam(azimuth_deg + rng.normal(0, 25.0), 0.0)
    wall[1] = centre[1]
    bars = (rng.uniform(0.04, 0.12), rng.uniform(-0.2, 0.7)) if rng.random() < 0.6 else (-1.0, 0.0)
    return facing("window", WINDOW, centre, wall, half, detail=bars)


def screen(rng: np.random.Generator) -> Lamp:
    """The screen below the camera: a laptop's, a monitor's or a telephone's."""
    size = rng.choice(3, p=[0.55, 0.35, 0.1])
    half_width = (rng.uniform(140, 180), rng.uniform(220, 350), rng.uniform(33, 75))[size]
    half_height = half_width * (rng.uniform(0.53, 0.66) if size < 2 else rng.uniform(1.5, 2.0))
    centre = np.array(
        [rng.normal(0.0, 0.15 * half_width), half_height + rng.uniform(8.0, 25.0), rng.uniform(-15.0, 10.0)]
    )
    tilt = rng.uniform(-0.05, 0.3)
    towards = centre + np.array([rng.normal(0, 0.05), -np.sin(tilt), np.cos(tilt)])
    return facing(
        "screen",
        SCREEN,
        centre,
        towards,
        (half_width, half_height),
        detail=(rng.uniform(-1.2, 1.0), rng.uniform(-1.0, 1.0)),
    )


def ceiling_panel(rng: np.random.Generator, head_cam_mm) -> Lamp:
    """An office light panel or tube fitting overhead, most often in front of the person."""
    height = rng.uniform(900.0, 1800.0)
    centre = head_cam_mm + np.array([rng.normal(0, 800.0), -height, -rng.normal(700.0, 700.0)])
    half = [(300.0, 300.0), (150.0, 600.0), (60.0, 600.0), (600.0, 120.0)][int(rng.integers(4))]
    return facing(
        "ceiling panel",
        RECTANGLE,
        centre,
        centre + DOWN + [0, 0, 1e-3],
        half,
        turn_rad=rng.choice([0.0, np.pi / 2]),
    )


def bulb(rng: np.random.Generator, head_cam_mm) -> Lamp:
    """A room lamp: ceiling bulb, floor or desk lamp."""
    distance = rng.uniform(600.0, 2500.0)
    centre = head_cam_mm + distance * direction_cam(rng.normal(0.0, 60.0), rng.uniform(5.0, 65.0))
    radius = np.exp(rng.uniform(np.log(22.0), np.log(110.0)))
    return facing("lamp", DISC, centre, head_cam_mm, (radius, radius))


def ring_light(rng: np.random.Generator, head_cam_mm) -> Lamp:
    """A ring light around or just above the camera."""
    radius = rng.uniform(90.0, 230.0)
    centre = np.array([rng.normal(0.0, 60.0), rng.normal(-60.0, 80.0), rng.uniform(-150.0, 20.0)])
    return facing(
        "ring light", RING, centre, head_cam_mm, (radius, radius), detail=(rng.uniform(0.6, 0.85), 0.0)
    )


def sunlight(head_cam_mm, direction_cam, angular_radius_rad: float) -> Lamp:
    """The sun or a spotlight of a panorama: a disc 20 m away."""
    radius = 20000.0 * np.tan(angular_radius_rad)
    return facing("sun", DISC, head_cam_mm + 20000.0 * unit(direction_cam), head_cam_mm, (radius, radius))
