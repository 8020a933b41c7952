"""The light of one picture: an environment and up to three lamps, set as rooms and studios are.

``LightRig.sample`` draws it, ``LightRig.write`` puts it into a shader program that includes
``shaders/light.glsl``. Light is linear RGB, scaled so that a white matt surface turned to the camera at the
head shines with about 1; ``lux`` says how bright the place is, for the noise of the sensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.environment import ATLAS_HEIGHT, ATLAS_WIDTH, Environment, Irradiance
from gaze.synthesis.lamps import Lamp, sunlight
from gaze.synthesis.lighting_scene import LightingScene, sample_lighting_scene

LAMPS = 3  # as in light.glsl


# Normals of a face turned to the camera, over which its light is averaged.
FACE_NORMALS = np.array(
    [[0.0, 0.0, -1.0], [0.5, 0.0, -0.866], [-0.5, 0.0, -0.866], [0.0, -0.5, -0.866], [0.0, 0.4, -0.917]]
)


@dataclass(frozen=True)
class LightRig:
    """Everything that shines in one picture, in the camera frame.

    ``R_env_cam`` takes camera directions to the panorama's; ``env_gain`` (3,) multiplies the panorama;
    ``head_cam_mm`` is where the lamps' irradiance holds; ``lux`` is the place's brightness.
    """

    scene: str
    environment: Environment
    R_env_cam: NDArray[np.float64]
    env_gain: NDArray[np.float64]
    lamps: tuple[Lamp, ...]
    head_cam_mm: NDArray[np.float64]
    lux: float

    @property
    def irradiance(self) -> Irradiance:
        """Irradiance of the environment alone, in the camera frame."""
        return self.environment.irradiance.rotated(self.R_env_cam.T).scaled(self.env_gain)

    def lamp_directions_cam(self) -> NDArray[np.float64]:
        """Unit vectors (K, 3) from the head to the lamps' centres, camera frame."""
        if not self.lamps:
            return np.zeros((0, 3))
        towards = np.stack([lamp.centre_cam_mm for lamp in self.lamps]) - self.head_cam_mm
        return towards / np.linalg.norm(towards, axis=1, keepdims=True)

    def face_irradiance(self, normals_cam: NDArray[np.floating]) -> NDArray[np.float64]:
        """Irradiance (N, 3) without shadows on unit normals (N, 3) at the head, camera frame."""
        total = np.maximum(self.irradiance(normals_cam), 0.0)
        for lamp, towards in zip(self.lamps, self.lamp_directions_cam(), strict=True):
            d = np.asarray(normals_cam) @ towards
            w = lamp.angular_radius_sine(self.head_cam_mm) + 0.02
            s = np.clip(d + w, 0.0, 2.0 * w)
            total = total + (s * s / (4.0 * w) + np.maximum(d - w, 0.0))[:, None] * lamp.irradiance
        return total

    @cached_property
    def uniforms(self) -> dict[str, object]:
        """Values of light.glsl's uniforms: floats, ints and float32 arrays, matrices column by column."""
        head = self.head_cam_mm
        rows = [_lamp_uniforms(lamp, head) for lamp in self.lamps]
        rows += [_UNLIT] * (LAMPS - len(rows))
        values: dict[str, object] = {
            "light_sh": self.irradiance.packed() / np.float32(np.pi),
            "light_env_from_cam": np.ascontiguousarray(self.R_env_cam.T, dtype=np.float32),
            "light_env_gain": self.env_gain.astype(np.float32),
            "lamp_count": len(self.lamps),
        }
        for name in _UNLIT:
            kind = np.int32 if name == "lamp_kind" else np.float32
            values[name] = np.array([row[name] for row in rows], dtype=kind)
        return values

    def write(self, program) -> None:
        """Set the uniforms of a moderngl program; names that its compiler dropped are left out."""
        for name, (data, row) in self._packed.items():
            member = program.get(name, None)
            if member is not None:  # arrays: cut to the length that the compiler kept
                member.write(data[: row * member.array_length])

    @cached_property
    def _packed(self) -> dict[str, tuple[bytes, int]]:
        """The uniforms as bytes, and how many of these one element of an array takes."""
        packed = {}
        for name, value in self.uniforms.items():
            data = np.asarray(value, None if isinstance(value, np.ndarray) else np.int32).tobytes()
            single = name == "lamp_count" or name.startswith("light_env")
            packed[name] = (data, len(data) if single else len(data) // len(value))
        return packed

    @staticmethod
    def texture(context, environment: Environment):
        """The reflection atlas of an environment as a new moderngl texture, to be bound as light_atlas."""
        texture = context.texture(
            (ATLAS_WIDTH, ATLAS_HEIGHT), 3, environment.atlas.tobytes(), dtype="f2", alignment=1
        )
        texture.filter = (context.LINEAR, context.LINEAR)
        texture.repeat_x = texture.repeat_y = False
        return texture

    @classmethod
    def sample(
        cls,
        rng: np.random.Generator,
        environments: Sequence[Environment],
        head_cam_mm: NDArray[np.floating],
        scene: str | None = None,
    ) -> LightRig:
        """Draw a place. ``head_cam_mm`` (3,) is the face in the camera frame; ``scene`` is one of SCENES."""
        head = np.asarray(head_cam_mm, dtype=np.float64)
        place = sample_lighting_scene(rng, environments, head, scene)
        rotation = _turn_environment(rng, place)
        lamps = list(place.lamps)
        environment = place.environment
        front = environment.irradiance.rotated(rotation.T)(FACE_NORMALS).mean()
        gain = place.environment_weight / max(float(front), 0.35 * np.pi)
        sun = environment.sun
        if (
            sun is not None
            and len(lamps) < LAMPS
            and (place.name in ("sun", "surroundings") or rng.random() < 0.5)
        ):
            limit = place.environment_weight * (
                rng.uniform(1.0, 5.0) if place.name == "sun" else rng.uniform(0.2, 1.2)
            )
            strength = min(gain * float(sun.irradiance.mean()), limit) / float(sun.irradiance.mean())
            towards = rotation.T @ sun.direction_env
            lamps.append(sunlight(head, towards, sun.angular_radius_rad).lit(sun.irradiance * strength))
        rig = cls(
            scene=place.name,
            environment=environment,
            R_env_cam=rotation,
            env_gain=np.full(3, gain),
            lamps=tuple(lamps),
            head_cam_mm=head,
            lux=place.lux,
        )
        seen = rig.face_irradiance(FACE_NORMALS).mean(0)
        white = np.clip((seen.mean() / np.maximum(seen, 1e-6)) ** rng.uniform(0.75, 1.0), 0.3, 3.0)
        scale = white * np.pi / float((seen * white).mean())
        lamps = tuple(lamp.lit(lamp.irradiance * scale) for lamp in lamps)
        return replace(rig, env_gain=gain * scale, lamps=lamps)


def _turn_environment(rng: np.random.Generator, place: LightingScene) -> NDArray[np.float64]:
    """Rotation from camera to panorama: bright side to the face or anywhere, camera tilted a little."""
    environment = place.environment
    bright = environment.irradiance.linear.sum(0)
    if environment.sun is not None and place.name in ("sun", "surroundings"):
        bright = environment.sun.direction_env
    turn = rng.uniform(-np.pi, np.pi)
    if rng.random() < place.frontal:
        turn = rng.normal(0.0, np.deg2rad(55.0))
    angle = np.arctan2(bright[0], bright[2]) - (np.pi + turn)
    c, s = np.cos(angle), np.sin(angle)
    level = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    pitch, roll = rng.normal(0.0, np.deg2rad([7.0, 3.0]))
    c, s = np.cos(pitch), np.sin(pitch)
    tilt = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    c, s = np.cos(roll), np.sin(roll)
    return level @ tilt @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


_UNLIT: dict[str, object] = {
    "lamp_direction": (0.0, 0.0, -1.0),
    "lamp_irradiance": (0.0, 0.0, 0.0),
    "lamp_softness": 0.1,
    "lamp_centre": (0.0, 0.0, 0.0),
    "lamp_across": (1.0, 0.0, 0.0),
    "lamp_upward": (0.0, 1.0, 0.0),
    "lamp_normal": (0.0, 0.0, 1.0),
    "lamp_radiance": (0.0, 0.0, 0.0),
    "lamp_kind": 0,
    "lamp_detail": (0.0, 0.0),
}


def _lamp_uniforms(lamp: Lamp, head_cam_mm: NDArray[np.float64]) -> dict[str, object]:
    towards = lamp.centre_cam_mm - head_cam_mm
    return {
        "lamp_direction": towards / np.linalg.norm(towards),
        "lamp_irradiance": lamp.irradiance / np.pi,
        "lamp_softness": lamp.angular_radius_sine(head_cam_mm),
        "lamp_centre": lamp.centre_cam_mm,
        "lamp_across": lamp.across_cam / lamp.half_mm[0],
        "lamp_upward": lamp.upward_cam / lamp.half_mm[1],
        "lamp_normal": lamp.normal_cam,
        "lamp_radiance": lamp.radiance(head_cam_mm),
        "lamp_kind": lamp.kind,
        "lamp_detail": lamp.detail,
    }
