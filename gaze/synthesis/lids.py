"""Eyelids that follow the gaze: the blendshape weights that put each lid margin where it belongs.

Distances are taken from the pupil's centre at straight gaze (margin-reflex distances), mm: the upper lid's
upwards, the lower lid's downwards.
Anatomy: the upper margin rests 3.5 to 4 mm above, the lower about 5 mm below (Lemke and Stasior); in vertical
gaze the upper lid goes with the eye, the lower lid less than half as far, and lids arrive a little later than
the eye (Becker and Fuchs 1988). How far is set by pictures of people, whose slits open by 1.4 mm (standard
error 0.2) for each mm that the iris rises above the eye's corners: by 1.2 mm on ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.eyeballs import Eyeball
from gaze.synthesis.eyes import LIMBUS_TO_ROTATION_MM
from gaze.synthesis.mesh import OUTWARDS, SIDES, HeadMesh
from gaze.synthesis.pose import EYE_PITCH_LIMIT_DEG

# Distance of the lids that counts as an opening of 1.
OPEN_MM = 9.5
# How far a full squint raises the lower lid.
SQUINT_MM = 1.9
# How far the pupil rises or sinks while eyeLookUp or eyeLookDown go from 0 to 1.
LOOK_UP_MM, LOOK_DOWN_MM = 5.5, 5.2
# Sine of the yaw at which lids go sideways as far as they do (35 degrees), and that weight.
SIDEWAYS_AT, SIDEWAYS_MOST = 0.57, 0.8
# Sine of the pitch at which brows are raised by a person's ``brow_gain`` (25 degrees).
BROWS_AT = 0.42
# How far the upper lid of a closed eye goes past the lower one.
SHUT_OVERLAP_MM = 0.4
# How far below the margin the cheek stays where it is when the lower lid is moved.
CHEEK_MM = 13.0


@dataclass(frozen=True, slots=True)
class LidHabit:
    """One person's lids: resting heights in mm (left, right), how far they follow, squint (0..1).

    A gain is how far a lid goes for each mm that the pupil does.
    ``brow_gain`` is how far the brows go up with eyes that look up, as blendshape weight at 25 degrees.
    ``lag_s`` is the time constant with which the lids come after the eyes.
    """

    upper_rest_mm: tuple[float, float]
    lower_rest_mm: tuple[float, float]
    upper_gain_up: float
    upper_gain_down: float
    lower_gain: float
    squint: float
    brow_gain: float
    lag_s: float = 0.03

    @classmethod
    def sample(cls, rng: np.random.Generator) -> LidHabit:
        """Draw a person's lids; a small difference between the sides, now and then a large one."""
        # A little lower than anatomy has it: as MediaPipe sees them, people before a camera hold their upper
        # lids 0.3 mm lower than rendered people with a mean of 3.65.
        upper = np.clip(rng.normal(3.5, 0.75), 1.3, 6.0)
        lower = np.clip(rng.normal(5.2, 0.5), 3.8, 6.6)
        uneven = rng.normal(0, 0.25) if rng.random() < 0.9 else rng.normal(0, 0.9)
        return cls(
            upper_rest_mm=(float(upper + uneven), float(upper - uneven)),
            lower_rest_mm=(float(lower + rng.normal(0, 0.15)), float(lower + rng.normal(0, 0.15))),
            upper_gain_up=float(np.clip(rng.normal(1.30, 0.18), 0.7, 1.8)),
            upper_gain_down=float(np.clip(rng.normal(1.15, 0.12), 0.75, 1.5)),
            lower_gain=float(np.clip(rng.normal(0.38, 0.10), 0.1, 0.7)),
            squint=float(0.35 * rng.random() ** 3),
            brow_gain=float(0.9 * rng.random() ** 1.5),
            lag_s=float(np.clip(rng.normal(0.03, 0.012), 0.01, 0.07)),
        )


@dataclass(frozen=True, slots=True)
class LidState:
    """One moment: how far blinked (left, right; 0 open, 1 closed), a passing widening in mm, extra squint
    (0..1), and how far the pitch that the lids have followed the eyes to is from that of the eyes, rad:
    positive where the eyes have looked down and the lids are not there yet."""

    blink: tuple[float, float] = (0.0, 0.0)
    widen_mm: float = 0.0
    squint: float = 0.0
    behind_rad: float = 0.0


class LidRig:
    """Solves blendshape weights from wanted lid heights, for one person's neutral mesh."""

    def __init__(self, mesh: HeadMesh, vertices_mm, centres_mm, following: bool = True) -> None:
        """``vertices_mm`` (N, 3) neutral head and ``centres_mm`` (2, 3) rotation centres, head frame;
        ``following``: whether lids and brows go up and down with the eyes."""
        self._mesh = mesh
        self._following = following
        self._rest = []
        self._moves = []
        for side, name in enumerate(SIDES):
            rings = mesh.eyelids[side]
            upper = _vertex_at(vertices_mm, rings.inner_upper, centres_mm[side][0])
            lower = _vertex_at(vertices_mm, rings.inner_lower, centres_mm[side][0])
            centre_y = centres_mm[side][1]
            # Of upper and lower lid: distance from the pupil's centre, and how far each shape moves it.
            self._rest.append((centre_y - vertices_mm[upper, 1], vertices_mm[lower, 1] - centre_y))
            self._moves.append(
                {
                    shape: (-_dy(mesh, f"{shape}_{name}", upper), _dy(mesh, f"{shape}_{name}", lower))
                    for shape in ("eyeLookUp", "eyeLookDown", "eyeWide", "eyeBlink", "eyeSquint")
                }
            )

    def weights(
        self, axes_head, habit: LidHabit, state: LidState
    ) -> tuple[dict[str, float], tuple[float, float]]:
        """Blendshape weights for optical axes (2, 3) in the head frame, and the openings (left, right).

        Openings are the lid distances over OPEN_MM, about 1 at rest and 0 closed.
        """
        weights: dict[str, float] = {}
        openings = []
        for side, name in enumerate(SIDES):
            up = -axes_head[side][1] if self._following else 0.0  # sine of the pitch
            if state.behind_rad and self._following:
                low, high = np.deg2rad(EYE_PITCH_LIMIT_DEG)  # they come from where the eyes can have been
                up = float(np.sin(np.clip(np.arcsin(up) + state.behind_rad, low, high)))
            up_mm = up * LIMBUS_TO_ROTATION_MM
            gain = habit.upper_gain_up if up_mm > 0 else habit.upper_gain_down
            upper_mm = habit.upper_rest_mm[side] + gain * up_mm + state.widen_mm
            lower_mm = habit.lower_rest_mm[side] - habit.lower_gain * up_mm
            squint = min(1.0, habit.squint + state.squint)
            closing = state.blink[side]
            slit_mm = max(0.0, (upper_mm + lower_mm - SQUINT_MM * squint) * (1.0 - closing))
            openings.append(float(min(slit_mm / OPEN_MM, 1.5)))
            weights.update(self._solve(side, up_mm, upper_mm, lower_mm, squint, closing))
            outwards = OUTWARDS[side] * axes_head[side][0]
            shape = "eyeLookOut" if outwards > 0 else "eyeLookIn"
            weights[f"{shape}_{name}"] = float(min(1.0, abs(outwards) / SIDEWAYS_AT) * SIDEWAYS_MOST)
            raised = float(habit.brow_gain * np.clip(up / BROWS_AT, 0.0, 1.2))
            weights[f"browInnerUp_{name}"] = raised
            weights[f"browOuterUp_{name}"] = 0.7 * raised
        return weights, (openings[0], openings[1])

    def _solve(
        self, side: int, up_mm: float, upper_mm: float, lower_mm: float, squint: float, closing: float
    ) -> dict[str, float]:
        """One side's weights of look, squint, wide and blink, for a pupil ``up_mm`` higher than at rest.

        ``upper_mm`` and ``lower_mm`` are the wanted heights without squint and blink.
        """
        rest_upper_mm, rest_lower_mm = self._rest[side]
        move_mm = self._moves[side]
        # Looking up or down sets the lower lid; what the upper lid still lacks comes from wide or blink.
        look = "eyeLookUp" if up_mm > 0 else "eyeLookDown"
        look_upper_mm, look_lower_mm = move_mm[look]
        weight = (lower_mm - rest_lower_mm) / look_lower_mm if abs(look_lower_mm) > 0.2 else 0.0
        expected = abs(up_mm) / (LOOK_DOWN_MM if up_mm < 0 else LOOK_UP_MM)
        weight = float(np.clip(weight, 0.5 * expected, 1.2 * expected + 0.1)) if expected > 0 else 0.0
        upper_now_mm = rest_upper_mm + weight * look_upper_mm
        # A blink brings the upper lid down to where the lower one then is.
        lower_now_mm = rest_lower_mm + weight * look_lower_mm + squint * move_mm["eyeSquint"][1]
        wanted_mm = (1.0 - closing) * upper_mm + closing * (-lower_now_mm - SHUT_OVERLAP_MM)
        lack_mm = wanted_mm - upper_now_mm
        name = SIDES[side]
        result = {f"{look}_{name}": weight, f"eyeSquint_{name}": squint}
        if lack_mm > 0:
            result[f"eyeWide_{name}"] = float(min(lack_mm / max(move_mm["eyeWide"][0], 0.5), 1.6))
        else:
            blink = np.clip(lack_mm / min(move_mm["eyeBlink"][0], -0.5), 0.0, 1.8)
            result[f"eyeBlink_{name}"] = float(blink)
        return result


def settle_lower_lids(
    vertices_mm: NDArray[np.float32], mesh: HeadMesh, centres_mm, balls: Sequence[Eyeball], habit: LidHabit
) -> None:
    """Move a neutral head's lower lids, in place, to the height at which this person's rest.

    The margin moves whole in the middle and not at the corners, the cheek below it less and less; each
    vertex keeps its distance from the ball that the lid lies on.
    """
    for side, ball in enumerate(balls):
        rings = mesh.eyelids[side]
        upper, lower = vertices_mm[rings.inner_upper], vertices_mm[rings.inner_lower]
        column = _vertex_at(vertices_mm, rings.inner_lower, centres_mm[side][0])
        shift_mm = (vertices_mm[column, 1] - centres_mm[side][1]) - habit.lower_rest_mm[side]
        points = vertices_mm[ball.near].astype(np.float64)
        left, right = lower[:, 0].min(), lower[:, 0].max()
        across = (2.0 * points[:, 0] - left - right) / (right - left)
        bell = np.clip(1.0 - across**2, 0.0, 1.0)
        column_across = (2.0 * vertices_mm[column, 0] - left - right) / (right - left)
        bell /= 1.0 - float(column_across) ** 2
        margin = _interpolated(lower, points[:, 0])
        slit = np.maximum(margin - _interpolated(upper, points[:, 0]), 1.0)
        above = np.clip(1.0 - (margin - points[:, 1]) / (0.5 * slit), 0.0, 1.0)
        below = np.clip(1.0 - (points[:, 1] - margin) / CHEEK_MM, 0.0, 1.0)
        weight = bell * above * below * below * (3.0 - 2.0 * below)
        offset = points - ball.centre_mm
        distance = np.linalg.norm(offset, axis=1, keepdims=True)
        offset[:, 1] -= shift_mm * weight
        offset *= distance / np.linalg.norm(offset, axis=1, keepdims=True)
        vertices_mm[ball.near] = ball.centre_mm + offset


def _interpolated(ring: NDArray[np.float32], x_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height y of a lid's margin (M, 3) at places x (N,)."""
    order = np.argsort(ring[:, 0])
    return np.interp(x_mm, ring[order, 0], ring[order, 1])


def _vertex_at(vertices_mm, ring: NDArray[np.int32], x_mm: float) -> int:
    """The vertex of a lid's ring (M,) that lies nearest to a place x."""
    return int(ring[np.abs(vertices_mm[ring, 0] - x_mm).argmin()])


def _dy(mesh: HeadMesh, shape: str, vertex: int) -> float:
    """How far a shape moves a vertex downwards, mm."""
    index, delta = mesh.expressions[shape]
    found = np.flatnonzero(index == vertex)
    return float(delta[found[0], 1]) if len(found) else 0.0
