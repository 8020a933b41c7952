"""Which lamps a place has: studio, office, window, room, screen, sun, backlight, dark.

Weights are shares of the perpendicular irradiance at the face; the rest comes from the environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis import lamps as make
from gaze.synthesis.colour import black_body
from gaze.synthesis.environment import Environment
from gaze.synthesis.lamps import Lamp

OUTDOOR = frozenset(
    {"bridge", "city", "dawn", "esplanade", "forest", "night", "park", "sky", "sunrise", "sunset", "venice"}
)
SCENES = {
    "studio": 0.24,
    "office": 0.24,
    "window": 0.14,
    "room": 0.14,
    "screen": 0.07,
    "ring": 0.03,
    "surroundings": 0.06,
    "sun": 0.04,
    "backlight": 0.02,
    "dark": 0.02,
}
LUX = {
    "studio": (500, 3000),
    "office": (200, 700),
    "window": (200, 1500),
    "room": (60, 300),
    "screen": (15, 60),
    "ring": (200, 700),
    "surroundings": (100, 3000),
    "sun": (3000, 30000),
    "backlight": (80, 600),
    "dark": (3, 20),
}


@dataclass(frozen=True)
class LightingScene:
    """A place before scaling: lamps with weighted, coloured irradiance and the environment's weight."""

    name: str
    environment: Environment
    lamps: tuple[Lamp, ...]
    environment_weight: float
    frontal: float  # how much the environment's bright side is turned to the face: 1 always, 0 at random
    lux: float


def sample_lighting_scene(
    rng: np.random.Generator,
    environments: Sequence[Environment],
    head_cam_mm: NDArray[np.float64],
    name: str | None,
) -> LightingScene:
    """Draw a place (one of SCENES when ``name`` is given)."""
    if name is None:
        name = str(rng.choice(list(SCENES), p=np.array(list(SCENES.values())) / sum(SCENES.values())))
    outdoor = [e for e in environments if e.name in OUTDOOR] or list(environments)
    indoor = [e for e in environments if e.name not in OUTDOOR] or list(environments)
    sunny = [e for e in environments if e.sun is not None and e.sun.irradiance.mean() > 3.0] or list(
        environments
    )
    pool = {"sun": sunny, "surroundings": list(environments)}.get(name, indoor)
    if name in ("window", "backlight") and rng.random() < 0.2:
        pool = outdoor
    environment = pool[int(rng.integers(len(pool)))]
    lamps, weight = _lamps(rng, name, head_cam_mm)
    low, high = LUX[name]
    lux = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    frontal = {"surroundings": 0.8, "sun": 0.6}.get(name, 0.4)
    return LightingScene(name, environment, tuple(lamps), weight, frontal, lux)


def _lamps(rng: np.random.Generator, name: str, head: NDArray[np.float64]) -> tuple[list[Lamp], float]:
    side = float(rng.choice([-1.0, 1.0]))
    white = rng.uniform(3500.0, 6500.0)

    def warm(lamp: Lamp, weight: float, kelvin: float) -> Lamp:
        return lamp.lit(
            lamp.irradiance * weight * (0.15 + 0.85 * black_body(float(np.clip(kelvin, 2300.0, 10000.0))))
        )

    if name == "studio":
        ratio = rng.uniform(0.35, 1.0)
        spread = rng.uniform(20.0, 60.0)
        lamps = [
            warm(make.softbox(rng, head, side * spread, rng.uniform(5, 55)), 1.0, white),
            warm(
                make.softbox(rng, head, -side * spread * rng.uniform(0.7, 1.2), rng.uniform(0, 50)),
                ratio,
                white,
            ),
        ]
        if rng.random() < 0.6:
            lamps.append(
                warm(
                    make.softbox(rng, head, rng.normal(0, 15), rng.uniform(25, 65)),
                    rng.uniform(0.3, 0.9),
                    white,
                )
            )
        return lamps, rng.uniform(0.1, 0.9)
    if name == "office":
        lamps = [warm(make.ceiling_panel(rng, head), 1.0, white) for _ in range(int(rng.integers(1, 3)))]
        lamps.append(warm(_screen(rng), rng.uniform(0.05, 0.3), rng.uniform(5500, 8000)))
        return lamps, rng.uniform(0.4, 1.5)
    if name == "window":
        azimuth = side * float(np.clip(rng.normal(55, 25), 5, 110))
        lamps = [warm(make.window(rng, head, azimuth), 1.0, rng.uniform(5500, 8000))]
        if rng.random() < 0.5:
            lamps.append(warm(_screen(rng), rng.uniform(0.03, 0.15), rng.uniform(5500, 8000)))
        if rng.random() < 0.4:
            lamps.append(warm(make.bulb(rng, head), rng.uniform(0.1, 0.4), rng.uniform(2700, 4500)))
        return lamps, rng.uniform(0.12, 1.0)
    if name == "room":
        lamps = [warm(make.bulb(rng, head), 1.0, rng.uniform(2600, 4500))]
        if rng.random() < 0.5:
            lamps.append(warm(make.bulb(rng, head), rng.uniform(0.2, 0.8), rng.uniform(2600, 4500)))
        if rng.random() < 0.6:
            lamps.append(warm(_screen(rng), rng.uniform(0.05, 0.4), rng.uniform(5500, 8000)))
        return lamps, rng.uniform(0.3, 1.4)
    if name == "screen":
        lamps = [warm(_screen(rng), 1.0, rng.uniform(5000, 9000))]
        if rng.random() < 0.6:
            lamps.append(warm(make.bulb(rng, head), rng.uniform(0.1, 0.7), rng.uniform(2600, 4000)))
        return lamps, rng.uniform(0.15, 0.8)
    if name == "ring":
        return [warm(make.ring_light(rng, head), 1.0, white)], rng.uniform(0.2, 1.0)
    if name == "backlight":
        lamps = [
            warm(
                make.window(rng, head, side * rng.uniform(110, 165)),
                rng.uniform(1.0, 2.5),
                rng.uniform(5500, 8000),
            )
        ]
        lamps.append(warm(_screen(rng), rng.uniform(0.1, 0.5), rng.uniform(5500, 8000)))
        return lamps, rng.uniform(0.5, 1.0)
    if name == "dark":
        lamp = _screen(rng) if rng.random() < 0.6 else make.bulb(rng, head)
        return [warm(lamp, 1.0, rng.uniform(3000, 9000))], rng.uniform(0.05, 0.4)
    return [], 1.0  # surroundings and sun


def _screen(rng: np.random.Generator) -> Lamp:
    """A screen, now and then strongly coloured by what it shows."""
    lamp = make.screen(rng)
    if rng.random() < 0.2:
        tint = np.exp(rng.normal(0.0, 0.18, 3))
        lamp = lamp.lit(tint / tint.mean())
    return lamp
