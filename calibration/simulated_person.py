"""A person without a camera: eyes, head and the errors that a network makes with them.

Two eyes turn by Listing's law about centres in the head; each has a visual axis that differs from the
optical one. What is visible is the optical axis; the network knows the mean difference, not the person's.
On top come the errors of a network: a bias and a gain of its own for every person, a smooth error over the
field, a dependence on the head, noise from frame to frame that neighbouring frames share, blinks and
lapses of attention; and those of the head pose: a wrong head size, hence distance, and jitter.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import ArrayLike

from calibration.eye_frame import apply_offset, offset_between
from calibration.screen import Screen
from gaze.face_model import FACE_CENTRE_HEAD_MM
from gaze.geometry import DEG, FloatArray, angles_from_vector, unit

# From the screen, in the mean.
DISTANCE_MM = 600.0
# Centres of rotation of the subject's right and left eye in the head frame; 63 mm apart (adult mean).
EYES_HEAD_MM = np.array([[-31.5, 0.0, 11.0], [31.5, 0.0, 11.0]])
# Visual against optical axis: mean towards the nose and up, and spread between people (Atchison, Smith).
KAPPA_NASAL_DEG, KAPPA_UP_DEG, KAPPA_SD_DEG = 5.0, 1.5, 1.5


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """Deviations over people and frames of the errors of network and head pose.

    ``bias_deg``: RMS over people of the personal bias (both axes together); ``frame_deg``: noise of a frame,
    per axis, shared by frames within ``memory_s``; ``tails``: degrees of freedom of Student's t (0:
    Gaussian); ``gain``: of the slopes of the angles; ``wave_deg``: of a smooth error over the field;
    ``head_gain``: degrees of error per degree of head rotation; ``size``: relative error of the head's size;
    ``head_deg`` and ``head_mm``: jitter of the head pose; ``blinks_per_s``: how often the eyes close;
    ``lapse``: part of the targets at which the person looks elsewhere at first; ``residuals_deg`` (M, 2):
    measured errors of frames to draw from instead of the Gaussian.
    """

    bias_deg: float = 4.0
    frame_deg: float = 1.0
    memory_s: float = 0.06
    tails: float = 0.0
    gain: float = 0.0
    wave_deg: float = 0.0
    head_gain: float = 0.0
    size: float = 0.0
    head_deg: float = 0.0
    head_mm: float = 0.0
    blinks_per_s: float = 0.25
    lapse: float = 0.02
    residuals_deg: FloatArray | None = field(default=None, repr=False)


IDEAL = ErrorModel(frame_deg=0.0, blinks_per_s=0.0, lapse=0.0)
PLAIN = ErrorModel()
FULL = ErrorModel(
    tails=6.0, gain=0.08, wave_deg=0.7, head_gain=0.05, size=0.04, head_deg=0.7, head_mm=2.0, lapse=0.04
)


@dataclass(frozen=True, slots=True)
class HeadState:
    """Where a head is: face turned (pitch, yaw) away from the camera's axis, and the face centre in mm."""

    pitch_yaw_deg: tuple[float, float] = (0.0, 0.0)
    roll_deg: float = 0.0
    centre_cam_mm: tuple[float, float, float] = (0.0, 150.0, 600.0)

    def moved(self, shift_mm: ArrayLike = (0, 0, 0), turn_deg: ArrayLike = (0, 0)) -> HeadState:
        """The same head shifted and turned."""
        return replace(
            self,
            centre_cam_mm=tuple(np.add(self.centre_cam_mm, shift_mm)),
            pitch_yaw_deg=tuple(np.add(self.pitch_yaw_deg, turn_deg)),
        )


@dataclass(frozen=True, slots=True)
class Frames:
    """What the estimator would say of N frames, and the truth.

    ``pitch_yaw_rad`` (N, 2), ``R_norm_cam`` and ``R_cam_head`` (N, 3, 3), ``origin_cam_mm`` (N, 3): the
    estimates; ``true_centre_cam_mm`` (N, 3).
    """

    pitch_yaw_rad: FloatArray
    R_norm_cam: FloatArray
    R_cam_head: FloatArray
    origin_cam_mm: FloatArray
    true_centre_cam_mm: FloatArray


class SimulatedPerson:
    """One person, drawn from the error model by a seed."""

    def __init__(self, seed: int, errors: ErrorModel = PLAIN, frames_per_s: float = 30.0) -> None:
        rng = self._rng = np.random.default_rng(seed)
        self.errors = errors
        self.frames_per_s = frames_per_s
        # The subject's right eye first: towards the nose is towards image-right, so its yaw is negative.
        mirrored = np.array([[KAPPA_UP_DEG, -KAPPA_NASAL_DEG], [KAPPA_UP_DEG, KAPPA_NASAL_DEG]])
        common = rng.normal(0.0, KAPPA_SD_DEG, 2) * np.array([[1.0, -1.0], [1.0, 1.0]])
        self._mean_kappa_rad = mirrored * DEG
        self._kappa_rad = (mirrored + common + rng.normal(0, 0.5, (2, 2))) * DEG
        if errors.bias_deg == 0:
            self._kappa_rad = self._mean_kappa_rad
        bias = rng.normal(0.0, errors.bias_deg / np.sqrt(2.0), 2) * DEG
        # What the two visual axes do not explain of the bias is a matter of looks.
        self._appearance_rad = bias - (self._kappa_rad - self._mean_kappa_rad).mean(axis=0)
        self._gain = rng.normal(0.0, 1.0, (2, 2)) * errors.gain * np.array([[1.0, 0.3], [0.3, 1.0]])
        self._head_gain = rng.normal(0.0, 1.0, (2, 2)) * errors.head_gain
        self._wave_vectors = rng.normal(0.0, 1.0 / (12 * DEG), (6, 2))
        self._wave_phase = rng.uniform(0, 2 * np.pi, (6, 2))
        self._size = 1.0 + np.clip(rng.normal(0.0, errors.size), -0.15, 0.15)
        self._memory = np.zeros(2)

    def head_rotation(self, state: HeadState, pitch_yaw_deg: ArrayLike) -> FloatArray:
        """R_cam_head (N, 3, 3) of a head turned by (pitch, yaw) (N, 2) more than in the state."""
        angles = (np.asarray(pitch_yaw_deg, dtype=np.float64).reshape(-1, 2) + state.pitch_yaw_deg) * DEG
        p, y = angles[:, 0], angles[:, 1]
        zero, one = np.zeros_like(p), np.ones_like(p)
        # Gaze signs: pitch up, yaw towards image-left, so the face's forward axis is the gaze vector.
        pitch = np.stack(
            [one, zero, zero, zero, np.cos(p), np.sin(p), zero, -np.sin(p), np.cos(p)], axis=-1
        ).reshape(-1, 3, 3)
        yaw = np.stack(
            [np.cos(y), zero, np.sin(y), zero, one, zero, -np.sin(y), zero, np.cos(y)], axis=-1
        ).reshape(-1, 3, 3)
        roll = cv2.Rodrigues(np.array([0.0, 0.0, state.roll_deg * DEG]))[0]
        return yaw @ pitch @ roll

    def look(
        self,
        screen: Screen,
        target_px: ArrayLike,
        state: HeadState,
        n: int | None = None,
        shift_mm: ArrayLike = (0.0, 0.0, 0.0),
        turn_deg: ArrayLike = (0.0, 0.0),
    ) -> Frames:
        """Frames of a gaze at a target (2,) for n frames, or at targets (N, 2), one a frame.

        The head moves by ``shift_mm`` (3,) or (N, 3) and turns by ``turn_deg`` (2,) or (N, 2) besides.
        """
        targets = np.atleast_2d(np.asarray(target_px, dtype=np.float64))
        targets = np.broadcast_to(targets, (n or len(targets), 2))
        n = len(targets)
        rng, errors = self._rng, self.errors
        point = screen.to_camera(screen.px_to_mm(targets))
        sway = rng.normal(0.0, 1.0, 3) * 4.0 + self._drift(n, 3) * 3.0 + shift_mm
        R = self.head_rotation(state, self._drift(n, 2) * 0.7 + rng.normal(0, 1.0, 2) + turn_deg)
        centre = np.asarray(state.centre_cam_mm) + sway
        middle = centre - R @ FACE_CENTRE_HEAD_MM
        R_seen = R
        if errors.head_deg > 0:
            jitter = rng.normal(0.0, errors.head_deg * DEG, (n, 3))
            R_seen = _small_rotations(jitter) @ R
        seen_centre = centre * self._size + rng.normal(0.0, 1.0, (n, 3)) * errors.head_mm
        R_norm = _normalizing_rotations(R_seen, seen_centre)
        true_norm = np.einsum("nij,nj->ni", R_norm, unit(point - centre))
        offset = self._eyes(point, middle, R) - self._appearance_rad
        seen = apply_offset(true_norm, R_norm @ R, offset)
        angles = angles_from_vector(seen)
        angles = angles + angles @ self._gain.T + self._wave(angles)
        if errors.head_gain > 0:
            head = angles_from_vector(-(R_norm @ R)[:, :, 2])
            angles = angles + head @ self._head_gain.T
        return Frames(angles + self._noise(n), R_norm, R_seen, seen_centre, centre)

    def _eyes(self, point: FloatArray, middle: FloatArray, R: FloatArray) -> FloatArray:
        """The offset (N, 2) by which the network misreads this person's eyes, from the two optical axes."""
        eye = np.eye(3)
        centres = middle + np.einsum("nij,sj->sni", R, EYES_HEAD_MM)
        visual = unit(np.einsum("nji,snj->sni", R, point - centres))
        # The optical axes from which this person's visual axes are kappa away, found by iteration.
        optical = visual
        for _ in range(2):
            missed = offset_between(visual, apply_offset(optical, eye, self._kappa_rad[:, None]), eye)
            optical = apply_offset(optical, eye, -missed)
        seen = apply_offset(optical, eye, self._mean_kappa_rad[:, None])
        return offset_between(unit(visual.sum(axis=0)), unit(seen.sum(axis=0)), eye)

    def _wave(self, angles: FloatArray) -> FloatArray:
        if self.errors.wave_deg == 0:
            return np.zeros_like(angles)
        phase = (angles @ self._wave_vectors.T)[:, :, None] + self._wave_phase
        # Six waves of mean square 1/2 each.
        return self.errors.wave_deg * DEG * np.cos(phase).sum(axis=1) / np.sqrt(3.0)

    def _noise(self, n: int) -> FloatArray:
        errors, rng = self.errors, self._rng
        if errors.residuals_deg is not None:
            return errors.residuals_deg[rng.integers(len(errors.residuals_deg), size=n)] * DEG
        if errors.frame_deg == 0:
            return np.zeros((n, 2))
        if errors.tails > 2:
            fresh = rng.standard_t(errors.tails, (n, 2)) * np.sqrt((errors.tails - 2) / errors.tails)
        else:
            fresh = rng.normal(0.0, 1.0, (n, 2))
        keep = np.exp(-1.0 / (self.frames_per_s * errors.memory_s)) if errors.memory_s > 0 else 0.0
        result = np.empty((n, 2))
        value, step = self._memory, np.sqrt(1 - keep**2)
        for i in range(n):
            value = result[i] = keep * value + step * fresh[i]
        self._memory = value
        return result * errors.frame_deg * DEG

    def _drift(self, n: int, columns: int) -> FloatArray:
        """Slow wander (n, columns) of deviation about one over a second."""
        steps = self._rng.normal(0.0, 1.0, (n, columns)) / np.sqrt(self.frames_per_s)
        return np.cumsum(steps, axis=0)


def _small_rotations(vectors: FloatArray) -> FloatArray:
    """Rotations (N, 3, 3) of rotation vectors (N, 3) (Rodrigues)."""
    angle = np.linalg.norm(vectors, axis=1)
    x, y, z = (vectors / np.maximum(angle, 1e-12)[:, None]).T
    zero = np.zeros_like(x)
    K = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + s * K + (1 - c) * (K @ K)


def _normalizing_rotations(R_cam_head: FloatArray, centre: FloatArray) -> FloatArray:
    """gaze.normalization.normalizing_rotation for many heads (N, 3, 3) and centres (N, 3) at once."""
    z = unit(centre)
    y = unit(np.cross(z, R_cam_head[:, :, 0]))
    return np.stack([unit(np.cross(y, z)), y, z], axis=1)


def facing_head(screen: Screen, seed: int) -> HeadState:
    """A person in front of the middle of a screen, roughly facing it."""
    rng = np.random.default_rng([seed, 17])
    middle = screen.to_camera([screen.width_mm / 2, screen.height_mm * 0.4])
    normal = -screen.R_cam_screen[:, 2]
    reach = DISTANCE_MM * rng.uniform(0.85, 1.2)
    centre = middle + normal * reach + rng.normal(0, 1, 3) * [25.0, 20.0, 0.0]
    face = angles_from_vector(unit(middle - centre)) / DEG + rng.normal(0, 4.0, 2)
    return HeadState(tuple(face), float(rng.normal(0, 3.0)), tuple(centre))


def perturbed_screen(screen: Screen, seed: int) -> Screen:
    """The screen where it truly is, when the given one is only known to its own deviations."""
    rng = np.random.default_rng([seed, 23])
    turn = _small_rotations(rng.normal(0, screen.rotation_sd_deg * DEG, (1, 3)))[0]
    shift = rng.normal(0, screen.position_sd_mm, 3)
    corner = screen.to_camera([0.0, 0.0])
    middle = screen.to_camera([screen.width_mm / 2, screen.height_mm / 2])
    return screen.moved(turn @ screen.R_cam_screen, middle + turn @ (corner - middle) + shift)
