"""One rendered person: a neutral head of their own, eyes, lids, skin, hair and what they wear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis import streams
from gaze.synthesis.eyeballs import Eyeball, round_eyeball
from gaze.synthesis.eyes import EyeAppearance, rotation_centres
from gaze.synthesis.features import ALL_FEATURES, Features
from gaze.synthesis.lids import LidHabit, LidRig, settle_lower_lids
from gaze.synthesis.mesh import EYEBALLS, OUTWARDS, HeadMesh
from gaze.synthesis.skin_appearance import SkinAppearance
from gaze.synthesis.streams import stream

# As MediaPipe sees them, the mesh's faces are longer from eyes to mouth than people's of the same width
# (`gaze synthesize compare`).
SHORTER_MM = 3.0
# How far below the middle of the eyes that begins and ends, mm: below the eyeballs, at the mouth's corners.
EYES_REACH_MM, MOUTH_MM = 15.5, 70.0


@dataclass(frozen=True)
class Person:
    """A person at rest. ``vertices_mm`` (N, 3) and, left eye first, ``centres_mm`` (2, 3) of rotation and
    ``balls`` that the lids lie on, in the head frame.
    """

    seed: int
    vertices_mm: NDArray[np.float32]
    centres_mm: NDArray[np.float64]
    eyes: EyeAppearance
    lid_habit: LidHabit
    lid_rig: LidRig
    balls: tuple[Eyeball, Eyeball]
    skin: SkinAppearance

    @classmethod
    def sample(cls, seed: int, mesh: HeadMesh, features: Features = ALL_FEATURES) -> Person:
        """The person of an integer seed."""
        skin = SkinAppearance.sample(stream(seed, streams.PERSON_SKIN))
        eyes = features.of_eyes(EyeAppearance.sample(stream(seed, streams.PERSON_EYES), skin.melanin))
        vertices = _shape(stream(seed, streams.PERSON_SHAPE), mesh)
        centres = rotation_centres(vertices, eyes)
        balls = tuple(round_eyeball(vertices, ball) for ball in EYEBALLS)
        habit = LidHabit.sample(stream(seed, streams.PERSON_LIDS))
        settle_lower_lids(vertices, mesh, centres, balls, habit)
        return cls(
            seed=int(seed),
            vertices_mm=vertices,
            centres_mm=centres,
            eyes=eyes,
            lid_habit=habit,
            lid_rig=LidRig(mesh, vertices, centres, features.lid_following),
            balls=balls,
            skin=skin,
        )


def _shape(rng: np.random.Generator, mesh: HeadMesh) -> NDArray[np.float32]:
    """A neutral head: identity modes, real size, wider or narrower eyes, hoods, a little asymmetry."""
    coefficients = rng.normal(size=len(mesh.identity_mm)).astype(np.float32) * np.float32(
        rng.uniform(0.75, 1.1)
    )
    flat = mesh.identity_mm.reshape(len(coefficients), -1)
    vertices = mesh.vertices_mm + (coefficients @ flat).reshape(-1, 3)
    _shorten(vertices)
    # The mesh's eye slit is 24 to 26 mm wide, people's 27 to 31 mm (Farkas 1994).
    widen, heighten = rng.normal(1.085, 0.03), rng.normal(1.03, 0.03)
    hood = max(0.0, rng.normal(0.4, 1.2))
    fold = rng.uniform(0.5, 2.2) if rng.random() < 0.25 else 0.0
    slant_mm = rng.normal(0.0, 0.9)
    for side in (0, 1):
        _reshape_eye(vertices, mesh, side, widen, heighten, hood, fold, slant_mm)
    vertices[:, 0] *= np.float32(1.0 + rng.normal(0, 0.008)) ** np.sign(vertices[:, 0])
    return vertices * np.float32(np.clip(rng.normal(1.0, 0.035), 0.9, 1.1))


def _shorten(vertices: NDArray[np.float32]) -> None:
    """Bring the mouth nearer to the eyes in place, by SHORTER_MM; what lies below it moves along."""
    eyes_y = np.mean([vertices[ball, 1].mean() for ball in EYEBALLS])
    share = np.clip((vertices[:, 1] - eyes_y - EYES_REACH_MM) / (MOUTH_MM - EYES_REACH_MM), 0.0, 1.0)
    vertices[:, 1] -= np.float32(SHORTER_MM) * share


def _reshape_eye(vertices, mesh: HeadMesh, side, widen, heighten, hood_mm, fold_mm, slant_mm) -> None:
    """Change one eye's surroundings in place: slit size and slant, hooded lid, epicanthic fold."""
    rings = mesh.eyelids[side]
    rim = np.concatenate([rings.inner_upper, rings.inner_lower])
    centre = vertices[rim].mean(axis=0)
    offset = vertices - centre
    distance = np.linalg.norm(offset * np.array([1.0, 1.25, 0.8], np.float32), axis=1)
    near = np.clip((34.0 - distance) / 18.0, 0.0, 1.0).astype(np.float32)
    near = near * near * (3.0 - 2.0 * near)
    outwards = offset[:, 0] * OUTWARDS[side]
    vertices[:, 0] += near * offset[:, 0] * np.float32(widen - 1.0)
    vertices[:, 1] += near * offset[:, 1] * np.float32(heighten - 1.0)
    vertices[:, 1] -= near * np.float32(slant_mm) * np.clip(outwards / 13.0, -1.0, 1.0)
    front = offset[:, 2] < 8.0
    if hood_mm > 0.1:
        # Skin between crease and brow sinks over the lid, most at its outer half.
        height = -offset[:, 1]
        fall = np.exp(-(((height - 9.0) / 3.2) ** 2)) * np.exp(-(((outwards - 3.0) / 13.0) ** 2)) * front
        vertices[:, 1] += np.float32(hood_mm) * fall
        vertices[:, 2] -= np.float32(0.45 * hood_mm) * fall
    if fold_mm > 0.0:
        inner = np.array([-13.5 * OUTWARDS[side], -2.5], np.float32)
        fall = (
            np.exp(-(((offset[:, 0] - inner[0]) / 4.0) ** 2) - (((offset[:, 1] - inner[1]) / 3.5) ** 2))
            * front
        )
        vertices[:, 1] += np.float32(fold_mm) * fall
        vertices[:, 2] -= np.float32(0.5 * fold_mm) * fall
