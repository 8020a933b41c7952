"""Panoramas of light: diffuse as second-order spherical harmonics, reflections as one prefiltered atlas.

Directions use the camera frame's axes (x right, y down, z forward). A panorama is equirectangular:
``u = atan2(x, z) / (2 pi) + 0.5`` from left to right, ``v = acos(-y) / pi`` from top (up) to bottom.
The one small, very strong light of a panorama (sun, spotlight) is taken out and kept as a lamp, since
neither harmonics nor blurred levels can hold it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError
from gaze.synthesis.asset_checks import read_environments

MIRROR_SIZE = 128
ROUGH_SIZE = 32
ROUGH_LEVELS = (0.2, 0.4, 0.7, 1.0)  # perceptual roughness of the blurred levels; GGX alpha is its square
ATLAS_WIDTH = MIRROR_SIZE + 2 + ROUGH_SIZE + 2
ATLAS_HEIGHT = max(MIRROR_SIZE + 2, len(ROUGH_LEVELS) * (ROUGH_SIZE + 2))
SATURATION = 0.75  # panoramas of meadows and shop signs colour a face more than most rooms do
SUN_RATIO = 25.0  # radiance above this many times the mean is a lamp


@lru_cache(maxsize=4)
def equirect_directions(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit directions (H, W, 3) of the pixel centres and their solid angles (H, W) in sr, both read only."""
    theta = (np.arange(height) + 0.5) * np.pi / height
    phi = ((np.arange(width) + 0.5) / width - 0.5) * 2.0 * np.pi
    sin_theta = np.sin(theta)[:, None]
    directions = np.stack(
        [
            sin_theta * np.sin(phi)[None],
            np.repeat(-np.cos(theta)[:, None], width, axis=1),
            sin_theta * np.cos(phi)[None],
        ],
        axis=-1,
    )
    band = np.cos(theta - 0.5 * np.pi / height) - np.cos(theta + 0.5 * np.pi / height)
    solid_angle = np.repeat((band * 2.0 * np.pi / width)[:, None], width, axis=1)
    directions.flags.writeable = solid_angle.flags.writeable = False  # all callers share them
    return directions, solid_angle


@dataclass(frozen=True)
class Irradiance:
    """Irradiance of a distant environment: ``E(n) = constant + linear n + n' quadratic n`` per colour.

    ``constant`` (3,), ``linear`` (3 colours, 3 axes), ``quadratic`` (3 colours, 3, 3) symmetric. It is the
    second-order harmonic expansion convolved with the cosine lobe (Ramamoorthi and Hanrahan 2001).
    """

    constant: NDArray[np.float64]
    linear: NDArray[np.float64]
    quadratic: NDArray[np.float64]

    @classmethod
    def of_panorama(cls, radiance: NDArray[np.floating]) -> Irradiance:
        """From an equirectangular picture (H, W, 3) of linear radiance."""
        directions, solid_angle = equirect_directions(*radiance.shape[:2])
        weighted = (radiance.astype(np.float64) * solid_angle[..., None]).reshape(-1, 3)
        n = directions.reshape(-1, 3)
        moment0 = weighted.sum(0)
        moment1 = weighted.T @ n
        moment2 = np.stack([(weight[:, None] * n).T @ n for weight in weighted.T])
        # Cosine lobe: pi, 2 pi / 3, pi / 4 per band; harmonic kernels 1/4pi, 3 cos/4pi, 5 (3 cos^2 - 1)/8pi.
        quadratic = (15.0 / 32.0) * moment2
        constant = 0.25 * moment0 - (5.0 / 32.0) * moment0
        return cls(constant, 0.5 * moment1, quadratic)

    def __call__(self, normals: NDArray[np.floating]) -> NDArray[np.float64]:
        """Irradiance (..., 3 colours) at unit normals (..., 3)."""
        n = np.asarray(normals, dtype=np.float64)
        square = np.einsum("...i,cij,...j->...c", n, self.quadratic, n)
        return self.constant + n @ self.linear.T + square

    def rotated(self, rotation: NDArray[np.floating]) -> Irradiance:
        """The same light after every direction d became ``rotation @ d``."""
        return Irradiance(
            self.constant,
            self.linear @ rotation.T,
            np.einsum("ij,cjk,lk->cil", rotation, self.quadratic, rotation),
        )

    def scaled(self, gain: NDArray[np.floating] | float) -> Irradiance:
        """Per-colour gain (3,)."""
        gain = np.broadcast_to(np.asarray(gain, dtype=np.float64), (3,))
        return Irradiance(
            self.constant * gain, self.linear * gain[:, None], self.quadratic * gain[:, None, None]
        )

    def packed(self) -> NDArray[np.float32]:
        """(9, 3) for the shader: 1, x, y, z, xx - zz, yy - zz, xy, xz, yz (using xx + yy + zz = 1)."""
        q = self.quadratic
        return np.stack(
            [
                self.constant + q[:, 2, 2],
                *self.linear.T,
                q[:, 0, 0] - q[:, 2, 2],
                q[:, 1, 1] - q[:, 2, 2],
                2.0 * q[:, 0, 1],
                2.0 * q[:, 0, 2],
                2.0 * q[:, 1, 2],
            ]
        ).astype(np.float32)


@dataclass(frozen=True)
class Sun:
    """The small strong light of a panorama.

    ``direction_env`` (3,) leads to it, unit, in the panorama's axes; ``irradiance`` (3,) linear RGB on a
    surface that faces it.
    """

    direction_env: NDArray[np.float64]
    irradiance: NDArray[np.float64]
    angular_radius_rad: float


@dataclass(frozen=True)
class Environment:
    """One panorama without its sun, ready for lighting.

    ``panorama`` (H, W, 3) float32; ``atlas`` (ATLAS_HEIGHT, ATLAS_WIDTH, 3) float16: octahedral tiles with a
    border of one texel, the mirror level first, then the blurred ones below each other at its right.
    """

    name: str
    panorama: NDArray[np.float32]
    irradiance: Irradiance
    atlas: NDArray[np.float16]
    sun: Sun | None

    @classmethod
    def from_panorama(cls, name: str, radiance: NDArray[np.floating]) -> Environment:
        """Take the sun out of a picture (H, W, 3), scale to mean radiance 1, expand and prefilter.

        Raises:
            DataError: not a finite (H, W, 3) picture.
        """
        radiance = np.asarray(radiance, dtype=np.float32)
        if radiance.ndim != 3 or radiance.shape[2] != 3 or not np.all(np.isfinite(radiance)):
            raise DataError(f"environment {name}: must be finite and (H, W, 3), got {radiance.shape}")
        grey = radiance @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        panorama, sun = _without_sun(grey[..., None] + SATURATION * (radiance - grey[..., None]))
        return cls(name, panorama, Irradiance.of_panorama(panorama), _atlas(panorama), sun)


def load_environments(assets_dir: str | os.PathLike[str]) -> list[Environment]:
    """Read ``hdri/environments.npz`` of the assets folder.

    Raises:
        DataError: the file is missing, or its panoramas are not all those of the release.
    """
    panoramas = read_environments(assets_dir)
    return [Environment.from_panorama(name, panoramas[name]) for name in sorted(panoramas)]


def _without_sun(radiance: NDArray[np.float32]) -> tuple[NDArray[np.float32], Sun | None]:
    directions, solid_angle = equirect_directions(*radiance.shape[:2])
    luminance = radiance @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    limit = SUN_RATIO * float((np.minimum(luminance, 50.0) * solid_angle).sum() / (4.0 * np.pi))
    clipped = radiance * np.minimum(1.0, limit / np.maximum(luminance, 1e-6))[..., None]
    mean = float(((clipped @ np.full(3, 1 / 3, np.float32)) * solid_angle).sum() / (4.0 * np.pi))
    mean = max(mean, 1e-9)
    excess = (radiance - clipped) * solid_angle[..., None]
    strength = excess.sum(-1)
    sun = None
    if strength.sum() > 0:
        near = directions @ directions.reshape(-1, 3)[int(strength.argmax())] > np.cos(0.2)
        weight = strength * near
        centre = (directions * weight[..., None]).sum((0, 1))
        centre /= np.linalg.norm(centre)
        spread = float((np.arccos(np.clip(directions @ centre, -1, 1)) * weight).sum() / weight.sum())
        irradiance = (excess * near[..., None]).sum((0, 1)).astype(np.float64) / mean
        if irradiance.mean() > 0.2:
            sun = Sun(centre, irradiance, float(np.clip(1.5 * spread, 0.01, 0.12)))
    return np.ascontiguousarray(clipped / mean, dtype=np.float32), sun


@lru_cache(maxsize=2)
def _octahedral_directions(size: int) -> NDArray[np.float64]:
    """Directions (size + 2, size + 2, 3) of a tile's texels with its border, up (-y) in the middle."""
    axis = (np.arange(size + 2) - 0.5) / size * 2.0 - 1.0
    x, z = np.meshgrid(axis, axis)
    over = np.abs(x) > 1
    x, z = np.where(over, np.sign(x) * (2 - np.abs(x)), x), np.where(over, -z, z)
    over = np.abs(z) > 1
    x, z = np.where(over, -x, x), np.where(over, np.sign(z) * (2 - np.abs(z)), z)
    y = np.abs(x) + np.abs(z) - 1.0
    folded = y > 0
    fx = np.where(folded, (1 - np.abs(z)) * np.where(x >= 0, 1, -1), x)
    fz = np.where(folded, (1 - np.abs(x)) * np.where(z >= 0, 1, -1), z)
    directions = np.stack([fx, y, fz], -1)
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    directions.flags.writeable = False  # all callers share them
    return directions


def lookup(
    panorama: NDArray[np.float32],
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    z: NDArray[np.floating],
) -> NDArray[np.float32]:
    """Bilinear radiance (H, W, 3) of an equirectangular picture along directions (H, W) of any length."""
    height, width = panorama.shape[:2]
    u = np.arctan2(x, z) * (width / (2 * np.pi)) + (0.5 * width - 0.5)
    v = np.arctan2(np.hypot(x, z), -y) * (height / np.pi) - 0.5
    # Around the horizon the picture closes on itself; over the poles it ends.
    v = np.clip(v, 0.0, height - 1.0)
    return cv2.remap(
        panorama,
        u.astype(np.float32),
        v.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )


@lru_cache(maxsize=1)
def _blur_weights() -> tuple[NDArray[np.float32], ...]:
    """Normalised weights ((R + 2)^2, 32 * 64) of each rough level: GGX lobe about the reflection."""
    texels = _octahedral_directions(ROUGH_SIZE).reshape(-1, 3)
    source, solid_angle = equirect_directions(32, 64)
    cosine = np.clip(texels @ source.reshape(-1, 3).T, -1, 1)
    half_squared = 0.5 * (1.0 + cosine)
    levels = []
    for roughness in ROUGH_LEVELS:
        alpha_squared = max(roughness**2, 0.06) ** 2  # no narrower than the source's pixels
        lobe = 1.0 / (half_squared * (alpha_squared - 1.0) + 1.0) ** 2
        lobe = lobe * np.maximum(cosine, 0.0) * solid_angle.reshape(-1)
        levels.append((lobe / lobe.sum(1, keepdims=True)).astype(np.float32))
    return tuple(levels)


def _atlas(panorama: NDArray[np.float32]) -> NDArray[np.float16]:
    atlas = np.zeros((ATLAS_HEIGHT, ATLAS_WIDTH, 3), np.float16)
    side = MIRROR_SIZE + 2
    half = cv2.resize(panorama, (256, 128), interpolation=cv2.INTER_AREA)
    atlas[:side, :side] = lookup(half, *np.moveaxis(_octahedral_directions(MIRROR_SIZE), -1, 0))
    small = cv2.resize(panorama, (64, 32), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    rough = ROUGH_SIZE + 2
    for k, weights in enumerate(_blur_weights()):
        atlas[k * rough : (k + 1) * rough, side:] = (weights @ small).reshape(rough, rough, 3)
    return atlas
