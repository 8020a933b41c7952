"""Which lamps a place has: a studio, an office, a room, before a window, in the sun (see SCENES).

Weights are shares of the perpendicular irradiance at the face; the rest comes from the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """A place before scaling: lamps with weighted, coloured irradiance and the environment's weight.

    ``frontal`` is how often the environment's bright side is turned to the face, 0..1, else it is anywhere;
    ``lux`` how bright the place is.
    """

    name: str
    environment: Environment
    lamps: tuple[Lamp, ...]
    environment_weight: float
    frontal: float
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
    pool = indoor
    if name == "surroundings":
        pool = list(environments)
    elif name == "sun":
        sunny = [e for e in environments if e.sun is not None and e.sun.irradiance.mean() > 3.0]
        pool = sunny or list(environments)
    if name in ("window", "backlight") and rng.random() < 0.2:
        pool = outdoor
    environment = pool[int(rng.integers(len(pool)))]
    lamps, weight = _lamps(rng, name, head_cam_mm)
    low, high = LUX[name]
    lux = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    frontal = {"surroundings": 0.8, "sun": 0.6}.get(name, 0.4)
    return LightingScene(
        name=name,
        environment=environment,
        lamps=tuple(lamps),
        environment_weight=weight,
        frontal=frontal,
        lux=lux,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """What a place's lamps are drawn from.

    ``side`` of the main one: -1, or +1 image-right; ``white_k``: colour temperature of artificial light, K.
    """

    rng: np.random.Generator
    head_cam_mm: NDArray[np.float64]
    side: float
    white_k: float


# Lamps with weighted, coloured irradiance, and the environment's weight.
_Lit = tuple[list[Lamp], float]


def _lamps(rng: np.random.Generator, name: str, head_cam_mm: NDArray[np.float64]) -> _Lit:
    at = _Place(rng, head_cam_mm, float(rng.choice([-1.0, 1.0])), rng.uniform(3500.0, 6500.0))
    return _SETS[name](at)


def _studio(at: _Place) -> _Lit:
    """A softbox on each side, often a third one before the face."""
    ratio = at.rng.uniform(0.35, 1.0)
    spread_deg = at.rng.uniform(20.0, 60.0)
    main = make.softbox(at.rng, at.head_cam_mm, at.side * spread_deg, at.rng.uniform(5, 55))
    fill = make.softbox(
        at.rng, at.head_cam_mm, -at.side * spread_deg * at.rng.uniform(0.7, 1.2), at.rng.uniform(0, 50)
    )
    lamps = [_warm(main, 1.0, at.white_k), _warm(fill, ratio, at.white_k)]
    if at.rng.random() < 0.6:
        front = make.softbox(at.rng, at.head_cam_mm, at.rng.normal(0, 15), at.rng.uniform(25, 65))
        lamps.append(_warm(front, at.rng.uniform(0.3, 0.9), at.white_k))
    return lamps, at.rng.uniform(0.1, 0.9)


def _office(at: _Place) -> _Lit:
    """One or two panels in the ceiling and a screen."""
    lamps = [
        _warm(make.ceiling_panel(at.rng, at.head_cam_mm), 1.0, at.white_k)
        for _ in range(int(at.rng.integers(1, 3)))
    ]
    lamps.append(_warm(_screen(at.rng), at.rng.uniform(0.05, 0.3), at.rng.uniform(5500, 8000)))
    return lamps, at.rng.uniform(0.4, 1.5)


def _window(at: _Place) -> _Lit:
    """Daylight from one side; a screen or a bulb may help."""
    azimuth_deg = at.side * float(np.clip(at.rng.normal(55, 25), 5, 110))
    lamps = [_warm(make.window(at.rng, at.head_cam_mm, azimuth_deg), 1.0, at.rng.uniform(5500, 8000))]
    if at.rng.random() < 0.5:
        lamps.append(_warm(_screen(at.rng), at.rng.uniform(0.03, 0.15), at.rng.uniform(5500, 8000)))
    if at.rng.random() < 0.4:
        lamps.append(
            _warm(make.bulb(at.rng, at.head_cam_mm), at.rng.uniform(0.1, 0.4), at.rng.uniform(2700, 4500))
        )
    return lamps, at.rng.uniform(0.12, 1.0)


def _room(at: _Place) -> _Lit:
    """One or two bulbs, often a screen."""
    lamps = [_warm(make.bulb(at.rng, at.head_cam_mm), 1.0, at.rng.uniform(2600, 4500))]
    if at.rng.random() < 0.5:
        lamps.append(
            _warm(make.bulb(at.rng, at.head_cam_mm), at.rng.uniform(0.2, 0.8), at.rng.uniform(2600, 4500))
        )
    if at.rng.random() < 0.6:
        lamps.append(_warm(_screen(at.rng), at.rng.uniform(0.05, 0.4), at.rng.uniform(5500, 8000)))
    return lamps, at.rng.uniform(0.3, 1.4)


def _before_screen(at: _Place) -> _Lit:
    """A screen is the strongest light."""
    lamps = [_warm(_screen(at.rng), 1.0, at.rng.uniform(5000, 9000))]
    if at.rng.random() < 0.6:
        lamps.append(
            _warm(make.bulb(at.rng, at.head_cam_mm), at.rng.uniform(0.1, 0.7), at.rng.uniform(2600, 4000))
        )
    return lamps, at.rng.uniform(0.15, 0.8)


def _ring(at: _Place) -> _Lit:
    return [_warm(make.ring_light(at.rng, at.head_cam_mm), 1.0, at.white_k)], at.rng.uniform(0.2, 1.0)


def _backlight(at: _Place) -> _Lit:
    """A window behind the person, a screen before them."""
    window = make.window(at.rng, at.head_cam_mm, at.side * at.rng.uniform(110, 165))
    lamps = [_warm(window, at.rng.uniform(1.0, 2.5), at.rng.uniform(5500, 8000))]
    lamps.append(_warm(_screen(at.rng), at.rng.uniform(0.1, 0.5), at.rng.uniform(5500, 8000)))
    return lamps, at.rng.uniform(0.5, 1.0)


def _dark(at: _Place) -> _Lit:
    """One screen or bulb, weak in weak surroundings."""
    lamp = _screen(at.rng) if at.rng.random() < 0.6 else make.bulb(at.rng, at.head_cam_mm)
    return [_warm(lamp, 1.0, at.rng.uniform(3000, 9000))], at.rng.uniform(0.05, 0.4)


def _no_lamps(at: _Place) -> _Lit:
    return [], 1.0


_SETS: dict[str, Callable[[_Place], _Lit]] = {
    "studio": _studio,
    "office": _office,
    "window": _window,
    "room": _room,
    "screen": _before_screen,
    "ring": _ring,
    "surroundings": _no_lamps,
    "sun": _no_lamps,
    "backlight": _backlight,
    "dark": _dark,
}


def _warm(lamp: Lamp, weight: float, kelvin: float) -> Lamp:
    """A lamp of ``weight`` in the colour of a black body, a little paler than that."""
    colour = 0.15 + 0.85 * black_body(float(np.clip(kelvin, 2300.0, 10000.0)))
    return lamp.lit(lamp.irradiance * weight * colour)


def _screen(rng: np.random.Generator) -> Lamp:
    """A screen, now and then strongly coloured by what it shows."""
    lamp = make.screen(rng)
    if rng.random() < 0.2:
        tint = np.exp(rng.normal(0.0, 0.18, 3))
        lamp = lamp.lit(tint / tint.mean())
    return lamp
