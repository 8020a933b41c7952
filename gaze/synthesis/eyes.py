"""Eyes of real size: where they sit, how they turn, what colour they are.

The mesh's own eyeballs have a radius of 15.8 mm; they only mark where an eye is to be shaded. The eye that
is shaded there is Gullstrand's schematic one, rounded: two spheres, with an iris behind the front one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import unit
from gaze.synthesis.eyeballs import fit_sphere
from gaze.synthesis.mesh import EYEBALLS, OUTWARDS

# The eye's centre of rotation is the sclera's; the rest lies in front of it on the optical axis.
SCLERA_RADIUS_MM = 12.0
CORNEA_RADIUS_MM = 7.8
CORNEA_INDEX = 1.336  # of refraction, of what lies behind its front
CORNEA_TO_ROTATION_MM = 5.4  # the cornea's centre
APEX_TO_ROTATION_MM = 13.2  # the cornea's front
# Where the two spheres meet, which is the iris's rim in pictures: labels lie there, and lids follow it.
LIMBUS_TO_ROTATION_MM = 10.4
# The iris itself, which the cornea makes seem to lie 0.5 mm nearer.
IRIS_TO_ROTATION_MM = 10.15
# How far the apex stands out of the mesh's ball, which the lids lie on.
APEX_BEYOND_BALL_MM = 0.6


@dataclass(frozen=True, slots=True)
class EyeAppearance:
    """What one pair of eyes looks like; colours linear RGB.

    Iris: ``iris_radius_mm``; ``iris_outer`` and ``iris_inner`` are its colours at the rim and round the
    pupil; ``iris_contrast`` how much lighter and darker its fibres are than that, ``limbal_ring`` how dark
    the rim is, both 0 not at all to 1; ``limbus_mm`` on either side of the rim iris and white pass into each
    other; ``texture_seed`` shifts the noise that fibres and veins are drawn with.

    White: ``sclera`` is its colour; ``veins`` how red single veins are, ``pinkness`` the whole of it, most
    in the corners, ``wetness`` how much the tears on it and along the lower lid shine, all three 0 not at
    all to 1.

    Place: ``kappa_rad``: of the left, then the right eye, how far the optical axis lies outwards of and
    above the line of sight; ``depth_mm``, ``lateral_mm``, ``raise_mm``: how much deeper, farther outwards
    and higher the centres of rotation lie than the mesh's balls say.
    """

    iris_radius_mm: float
    iris_outer: tuple[float, float, float]
    iris_inner: tuple[float, float, float]
    iris_contrast: float
    limbal_ring: float
    limbus_mm: float
    sclera: tuple[float, float, float]
    veins: float
    pinkness: float
    wetness: float
    texture_seed: float
    kappa_rad: tuple[tuple[float, float], tuple[float, float]]
    depth_mm: float
    lateral_mm: float
    raise_mm: float

    @classmethod
    def sample(cls, rng: np.random.Generator, melanin: float) -> EyeAppearance:
        """Draw eyes that go with a skin of ``melanin`` 0 (very light) to 1 (very dark)."""
        outer, inner = _iris_colours(rng, melanin)
        white = rng.uniform(0.24, 0.45) * (1.0 - 0.35 * melanin * rng.random())
        yellow = rng.uniform(0.0, 0.12) + 0.14 * melanin * rng.random()
        sclera = (white, white * (1.0 - 0.35 * yellow - 0.03), white * (1.0 - 1.1 * yellow - 0.03))
        horizontal, vertical = rng.normal(4.6, 1.3), rng.normal(-1.2, 1.2)
        kappa = tuple(
            tuple(np.deg2rad([horizontal + rng.normal(0, 0.5), vertical + rng.normal(0, 0.5)]))
            for _ in range(2)
        )
        return cls(
            iris_radius_mm=float(rng.normal(6.02, 0.24)),
            iris_outer=outer,
            iris_inner=inner,
            iris_contrast=float(rng.uniform(0.3, 1.0)),
            limbal_ring=float(rng.uniform(0.15, 0.85)),
            sclera=tuple(map(float, sclera)),
            veins=float(rng.random() ** 2),
            pinkness=float(rng.random() ** 2),
            wetness=float(rng.uniform(0.3, 1.0)),
            texture_seed=float(rng.random() * 16.0),
            kappa_rad=kappa,
            depth_mm=float(rng.normal(0.0, 0.6)),
            lateral_mm=float(rng.normal(0.1, 0.5)),
            # The mesh's balls lie lower between the eye corners than real ones do: at equal head and eye
            # pitch, MediaPipe finds real irises about 1 mm higher over the line of the corners.
            raise_mm=float(rng.normal(0.95, 0.5)),
            # On 26 real faces the light goes from a quarter to three quarters within 0.8 mm.
            limbus_mm=float(rng.uniform(0.6, 1.2)),
        )


def _iris_colours(rng: np.random.Generator, melanin: float):
    """(outer, inner) linear RGB. Brown rules in darker skins; blue, grey, green and hazel in lighter ones."""
    kind = rng.random()
    # An iris lies under the lids and in the cornea's shade: darker than its pigment on a plate.
    shade = 0.75
    if kind < 0.30 + 0.9 * melanin:
        shade = 0.5
        # Most brown irises are so dark that a webcam does not tell them from the pupil.
        depth = rng.random() ** 0.6
        outer = np.array([0.075, 0.034, 0.015]) * (1 - depth) + np.array([0.014, 0.008, 0.005]) * depth
        inner = outer * rng.uniform(1.0, 1.7) * np.array([1.15, 1.0, 0.8])
    elif kind < 0.62 + 0.45 * melanin:
        outer = np.array([0.11, 0.17, 0.25]) * rng.uniform(0.55, 1.25)
        outer = outer * (1 - 0.5 * rng.random()) + outer.mean() * 0.5 * rng.random()
        inner = outer * rng.uniform(0.9, 1.5) + np.array([0.05, 0.03, 0.0]) * rng.random()
    elif kind < 0.85:
        outer = np.array([0.10, 0.115, 0.05]) * rng.uniform(0.5, 1.2)
        inner = outer * 0.6 + np.array([0.10, 0.05, 0.012]) * rng.uniform(0.3, 1.0)
    else:
        outer = np.full(3, 0.15) * rng.uniform(0.5, 1.2) * np.array([0.95, 1.0, 1.06])
        inner = outer * rng.uniform(0.8, 1.3)
    return tuple(map(float, shade * outer)), tuple(map(float, shade * inner))


def rotation_centres(vertices_mm: NDArray[np.float32], eyes: EyeAppearance) -> NDArray[np.float64]:
    """Centres of rotation (2, 3) in the head frame, left eye first, of a neutral head (N, 3) in mm."""
    centres = []
    for side, ball in enumerate(EYEBALLS):
        points = vertices_mm[ball]
        centre, _ = fit_sphere(points)
        apex_z = points[:, 2].min() - APEX_BEYOND_BALL_MM + eyes.depth_mm
        outwards = OUTWARDS[side] * eyes.lateral_mm
        centres.append([centre[0] + outwards, centre[1] - eyes.raise_mm, apex_z + APEX_TO_ROTATION_MM])
    return np.array(centres)


def optical_axes(
    target_head_mm: NDArray[np.float64], centres_mm: NDArray[np.float64], eyes: EyeAppearance
) -> NDArray[np.float64]:
    """Optical axes (2, 3), unit, head frame, when both eyes fixate a point (3,) in the head frame.

    The line of sight meets the target; the optical axis lies kappa to the temporal side of it and a little
    below (Atchison and Smith, Optics of the Human Eye).
    """
    axes = []
    for side in (0, 1):
        sight = unit(np.asarray(target_head_mm, np.float64) - centres_mm[side])
        yaw, pitch = np.arctan2(sight[0], -sight[2]), np.arcsin(np.clip(-sight[1], -1, 1))
        horizontal, vertical = eyes.kappa_rad[side]
        yaw += OUTWARDS[side] * horizontal
        pitch += vertical
        axes.append([np.cos(pitch) * np.sin(yaw), -np.sin(pitch), -np.cos(pitch) * np.cos(yaw)])
    return np.array(axes)
