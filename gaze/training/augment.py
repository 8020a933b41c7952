"""Augmentation of a batch of uint8 faces, cheap enough to run beside training on two cores.

The random numbers of a whole batch are drawn at once, so a batch is the same however it is divided over
processes. Geometry moves the label exactly (gaze.training.virtual_camera).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.geometry import mirror_angles
from gaze.learned_landmarks import mirror_landmarks
from gaze.normalization import resize_face
from gaze.training import photometric, virtual_camera
from gaze.types import NormalizedCamera

PRESETS = ("standard", "flip", "none")
# The columns of the random numbers. No two steps share one: what one does says nothing of another.
Uniform = IntEnum(
    "Uniform",
    "FLIP TURN SHADE SHADE_DIRECTION SHADE_STRENGTH GREY COLOUR SATURATION TONE BANDS "
    "ERASE ERASE_SIDE ERASE_HEIGHT ERASE_WIDTH ERASE_TOP ERASE_LEFT ERASE_FILL "
    "BLUR BLUR_MOVES BLUR_DIRECTION BLUR_SIZE DOWNSCALE DOWNSCALE_FACTOR "
    "NOISE NOISE_PLACE NOISE_SIGMA NOISE_GRAIN JPEG JPEG_QUALITY",
    start=0,
)
Normal = IntEnum(
    "Normal",
    "PITCH YAW ROLL SCALE BLUE GREEN RED BRIGHTNESS CONTRAST GAMMA FINE_BAND MIDDLE_BAND COARSE_BAND",
    start=0,
)


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """How often each step is taken, and how strongly.

    The probabilities, 0 to 1: ``flip``, ``geometry``, ``tone``, ``colour``, ``grey``, ``shade``, ``bands``,
    ``blur``, ``downscale``, ``noise``, ``jpeg``, ``erase``. The strengths stand beneath theirs. Deviations
    are of normal numbers, which are cut at 2.5 of them; the logarithms of the three factors of ``tone`` have
    deviations of 0.6 times the number here.
    """

    flip: float = 0.5  # left to right
    geometry: float = 0.8  # turn, roll and scale together
    turn_deg: float = 0.7  # deviation of pitch and of yaw
    roll_deg: float = 2.5  # deviation
    scale: float = 0.04  # deviation of the logarithm of the enlargement
    tone: float = 0.9  # brightness, contrast and gamma together
    brightness: float = 0.25
    contrast: float = 0.25
    gamma: float = 0.35
    colour: float = 0.6  # where the face was not made grey
    colour_gain: float = 0.12  # deviation of the logarithm of each channel's gain
    saturation: float = 0.4  # evenly from 1 - it to 1 + it
    grey: float = 0.1  # all colour taken out
    shade: float = 0.25  # light from one side
    shade_strength: float = 0.5  # largest share by which one edge is brighter and the other darker
    bands: float = 0.6  # detail of three sizes weakened or strengthened
    band_gain: float = 0.5  # deviation of the logarithm of each band's gain
    blur: float = 0.2  # defocus or motion
    blur_share: float = 0.012  # largest deviation of the blur, as a share of the width
    downscale: float = 0.25  # to 0.4 to 0.9 of the size and back
    noise: float = 0.35
    noise_sigma: float = 9.0  # largest deviation in grey values, less the 1 that it is at least
    jpeg: float = 0.2  # compressed at a quality of 35 to 90
    erase: float = 0.2  # a rectangle above or below the eyes covered

    @classmethod
    def named(cls, name: str) -> AugmentConfig:
        """The preset "standard", "flip" (mirroring only) or "none".

        Raises:
            ValueError: the name is unknown.
        """
        if name not in PRESETS:
            raise ValueError(f"augmentation must be one of {PRESETS}, got {name!r}")
        if name == "standard":
            return cls()
        nothing = {item.name: 0.0 for item in fields(cls)}
        return cls(**{**nothing, "flip": 0.5 if name == "flip" else 0.0})


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of N samples: a column of Uniform lies in 0..1, one of Normal is cut at 2.5."""

    uniform: NDArray[np.float64]
    normal: NDArray[np.float64]

    @classmethod
    def of(cls, rng: np.random.Generator, count: int) -> Draws:
        """Draw for ``count`` samples."""
        normal = rng.standard_normal((count, len(Normal)))
        return cls(rng.random((count, len(Uniform))), np.clip(normal, -2.5, 2.5))

    def __getitem__(self, rows: slice) -> Draws:
        return Draws(self.uniform[rows], self.normal[rows])


class Augmented(NamedTuple):
    """``faces`` (N, S, S, 3) uint8 BGR, ``pitch_yaw_rad`` (N, 2); ``landmarks`` (N, 60, 2) or None.

    Landmarks are shares of the face's side, in the order of gaze.learned_landmarks, in mirrored faces too.
    """

    faces: NDArray[np.uint8]
    pitch_yaw_rad: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True)
class _Moves:
    """Of N faces: which are mirrored and then turned, by R (N, 3, 3), in the picture by warps (N, 3, 3)."""

    flips: NDArray[np.bool_]
    turns: NDArray[np.bool_]
    R: NDArray[np.float64]
    warps: NDArray[np.float64]


class Augment:
    """Faces of a camera and what is known of them -> changed faces of ``size_px`` and the same of these."""

    def __init__(self, config: AugmentConfig, camera: NormalizedCamera, size_px: int) -> None:
        self.config = config
        self.size_px = size_px
        self.camera = camera
        # Much larger pictures are averaged down first; otherwise one resampling does both.
        self.shrink_first = camera.size_px > 1.6 * size_px
        self.source = camera.resized(size_px) if self.shrink_first else camera
        self.target = camera.resized(size_px)
        bank = np.random.default_rng(0).standard_normal(8 * 3 * size_px * size_px)
        self._noise_bank = np.clip(bank * 32.0, -127, 127).astype(np.int8)

    def __call__(
        self,
        faces: NDArray[np.uint8],
        pitch_yaw_rad: NDArray[np.float32],
        draws: Draws,
        landmarks_px: NDArray[np.float32] | None = None,
    ) -> Augmented:
        """Augment a batch, with its landmarks (N, 60, 2) in px of the faces where they are known.

        The result depends on what is given here alone.
        """
        moves = self._moves(draws)
        labels = np.where(moves.flips[:, None], mirror_angles(pitch_yaw_rad), pitch_yaw_rad)
        labels = virtual_camera.turn_label(labels, moves.R).astype(np.float32)

        out = np.empty((len(faces), self.size_px, self.size_px, 3), dtype=np.uint8)
        for row, face in enumerate(faces):
            if self.shrink_first:
                face = resize_face(face, self.size_px)
            if moves.flips[row]:
                face = cv2.flip(face, 1)
            if moves.turns[row]:
                face = virtual_camera.warp_face(face, moves.warps[row], self.size_px)
            face = resize_face(face, self.size_px)
            out[row] = self._light_and_sensor(face, draws.uniform[row], draws.normal[row])
        return Augmented(out, labels, None if landmarks_px is None else self._landmarks(landmarks_px, moves))

    def _landmarks(self, landmarks_px: NDArray[np.float32], moves: _Moves) -> NDArray[np.float32]:
        """Where landmarks lie in the augmented faces, as shares of their side."""
        before_px = self.source.size_px
        if self.shrink_first:
            landmarks_px = _resized_px(landmarks_px, before_px / self.camera.size_px)
        mirrored = mirror_landmarks(landmarks_px, before_px)
        landmarks_px = np.where(moves.flips[:, None, None], mirrored, landmarks_px)
        warped = virtual_camera.warp_points(landmarks_px, moves.warps)
        resized = _resized_px(landmarks_px, self.size_px / before_px)
        moved_px = np.where(moves.turns[:, None, None], warped, resized).astype(np.float32)
        return moved_px / np.float32(self.size_px)

    def _moves(self, draws: Draws) -> _Moves:
        c = self.config
        turns = draws.uniform[:, Uniform.TURN] < c.geometry
        turn, roll = np.deg2rad(c.turn_deg), np.deg2rad(c.roll_deg)
        z = draws.normal * turns[:, None]
        R = virtual_camera.turn_rotation(
            turn * z[:, Normal.PITCH], turn * z[:, Normal.YAW], roll * z[:, Normal.ROLL]
        )
        scale = np.exp(c.scale * z[:, Normal.SCALE])
        warps = virtual_camera.turn_warp(self.source, R, scale, self.target)
        return _Moves(draws.uniform[:, Uniform.FLIP] < c.flip, turns, R, warps)

    def _light_and_sensor(
        self, face: NDArray[np.uint8], u: NDArray[np.float64], z: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """One face (S, S, 3) through light and camera, by its row of uniform and of normal numbers."""
        c, U, Z = self.config, Uniform, Normal
        if u[U.SHADE] < c.shade:
            direction_rad = 2 * np.pi * u[U.SHADE_DIRECTION]
            face = photometric.shade(face, direction_rad, c.shade_strength * u[U.SHADE_STRENGTH])
        if u[U.GREY] < c.grey:
            face = photometric.colour(face, np.ones(3), 0.0)
        elif u[U.COLOUR] < c.colour:
            saturation = 1.0 + c.saturation * (2.0 * u[U.SATURATION] - 1.0)
            face = photometric.colour(face, np.exp(c.colour_gain * z[Z.BLUE : Z.RED + 1]), saturation)
        if u[U.TONE] < c.tone:
            strengths = np.array([c.brightness, c.contrast, c.gamma])
            face = photometric.tone(face, *np.exp(strengths * 0.6 * z[Z.BRIGHTNESS : Z.GAMMA + 1]))
        if u[U.BANDS] < c.bands:
            face = photometric.bands(face, np.exp(c.band_gain * z[Z.FINE_BAND : Z.COARSE_BAND + 1]))
        if u[U.ERASE] < c.erase:
            place = u[U.ERASE_SIDE : U.ERASE_FILL + 1]
            face = photometric.erase(face, place, cv2.rotate(face, cv2.ROTATE_180))
        if u[U.BLUR] < c.blur:
            motion_rad = 2 * np.pi * u[U.BLUR_DIRECTION] if u[U.BLUR_MOVES] < 0.4 else None
            face = photometric.blur(face, c.blur_share * (0.25 + 0.75 * u[U.BLUR_SIZE]), motion_rad)
        if u[U.DOWNSCALE] < c.downscale:
            face = photometric.downscale(face, 0.4 + 0.5 * u[U.DOWNSCALE_FACTOR])
        if u[U.NOISE] < c.noise:
            start = int(u[U.NOISE_PLACE] * (len(self._noise_bank) - face.size))
            pattern = self._noise_bank[start : start + face.size].reshape(face.shape)
            sigma = c.noise_sigma * u[U.NOISE_SIGMA] ** 2 + 1.0
            face = photometric.noise(face, pattern, sigma, u[U.NOISE_GRAIN])
        if u[U.JPEG] < c.jpeg:
            face = photometric.jpeg(face, int(35 + 55 * u[U.JPEG_QUALITY]))
        return face


def _resized_px(points_px: NDArray, factor: float) -> NDArray:
    """Where points (..., 2) lie after a resize; pixel centres are whole numbers."""
    return (points_px + 0.5) * factor - 0.5


def plain(faces: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """Faces (N, S, S, 3) resized for the network, without augmentation."""
    if faces.shape[1] == size_px:
        return faces
    return np.stack([resize_face(face, size_px) for face in faces])


def limit_opencv_threads() -> None:
    """Small pictures are faster in one thread each."""
    cv2.setNumThreads(1)
