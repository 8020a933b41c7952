"""The saved calibration: one JSON per person, camera, screen and network, and when it must not be used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from calibration.displays import Display
from calibration.person import FEATURE_COUNT, KINDS, Correction, Prior
from calibration.screen import Screen
from gaze.camera import Camera
from gaze.errors import CalibrationError, GazeError
from gaze.files import read_object, write_json
from gaze.geometry import angular_error_rad, unit

SCHEMA = "gaze.profile/1"
# Two cameras are the same if no part of their pictures looks in directions further apart than this.
CAMERA_TOLERANCE_DEG = 0.5
AGAIN = "run `gaze calibrate person` again"
# No angle, and no natural logarithm of a distance, comes near.
LARGEST = 1000.0
# Behind the checksum of a network whose answers are means with the mirrored face.
MIRROR_MARK = "+average-mirror"


@dataclass(frozen=True, slots=True)
class Profile:
    """A person's calibration.

    ``screens``: the first is the one that the targets were shown on; ``camera_device``: the name that the
    system gives the camera, empty where unknown; ``model_sha256``: checksum of the network, with a mark where
    it was used in a way that changes its answers (mirror averaging);
    ``accuracy``: what the validation measured, plain numbers; ``created``: ISO date and time.
    """

    person: str
    created: str
    camera: Camera
    screens: tuple[Screen, ...]
    model_name: str
    model_sha256: str
    correction: Correction
    camera_device: str = ""
    accuracy: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.screens:
            raise CalibrationError("a profile needs at least one screen; run `gaze calibrate screen`")

    @property
    def screen(self) -> Screen:
        """The screen that was calibrated on."""
        return self.screens[0]

    def drifted(self, drift_rad: Sequence[float]) -> Profile:
        """The same profile with a further constant offset in the eye's frame."""
        total = tuple(float(a + b) for a, b in zip(self.correction.drift_rad, drift_rad, strict=True))
        return dataclasses.replace(self, correction=dataclasses.replace(self.correction, drift_rad=total))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write profile.json."""
        content = {
            "schema": SCHEMA,
            "person": self.person,
            "created": self.created,
            "camera": {**self.camera.as_json(), "device": self.camera_device},
            "screens": [screen.to_json() for screen in self.screens],
            "model": {"name": self.model_name, "sha256": self.model_sha256},
            "correction": _correction_to_json(self.correction),
            "accuracy": self.accuracy,
        }
        write_json(path, {**content, "digest": _digest(content)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Profile:
        """Read profile.json.

        Raises:
            CalibrationError: the file is missing, truncated, of another version, or was edited.
        """
        content = read_object(path, SCHEMA, CalibrationError, f"run `gaze calibrate person --out {path}`")
        digest = content.pop("digest", None)
        if digest != _digest(content):
            raise CalibrationError(f"{path}: was edited after it was saved (its digest differs); {AGAIN}")
        try:
            camera = content["camera"]
            return cls(
                person=str(content["person"]),
                created=str(content["created"]),
                camera=Camera.from_json(camera),
                screens=tuple(Screen.from_json(item, "screens") for item in content["screens"]),
                model_name=str(content["model"]["name"]),
                model_sha256=str(content["model"]["sha256"]),
                correction=_correction_from_json(content["correction"]),
                camera_device=str(camera["device"]),
                accuracy=dict(content["accuracy"]),
            )
        except GazeError as error:
            raise CalibrationError(f"{path}: {error}; {AGAIN}") from error
        except (KeyError, TypeError, ValueError, AttributeError, np.linalg.LinAlgError) as error:
            raise CalibrationError(f"{path}: cannot be used ({error!r}); {AGAIN}") from error

    def refuse_unless_fits(
        self,
        camera: Camera,
        model_sha256: str,
        camera_device: str = "",
        displays: Sequence[Display] | None = None,
    ) -> None:
        """Compare the profile with what is at hand.

        ``displays``: those that are connected; None where that cannot be told or does not matter (a
        recording). ``camera_device``: as in the profile; empty is not compared.

        Raises:
            CalibrationError: the network, the camera, its resolution or the screen differs; the message
                names every difference.
        """
        reasons = []
        if reason := self._network_difference(model_sha256):
            reasons.append(reason)
        if self.camera_device and camera_device and self.camera_device != camera_device:
            reasons.append(f"the camera differs: calibrated with {self.camera_device}, now {camera_device}")
        if reason := camera_difference(self.camera, camera):
            reasons.append(f"{reason}; drop the options --hfov, --camera and --size, where they were given")
        if displays is not None and all(
            display.differs_from(screen) for display in displays for screen in self.screens
        ):
            have = ", ".join(display.text() for display in displays) or "none"
            reasons.append(f"the screen differs: calibrated on {self.screen.text()}, connected now: {have}")
        if reasons:
            raise CalibrationError(
                f"the profile of {self.person} does not fit: " + "; ".join(reasons) + f". {AGAIN}"
            )

    def _network_difference(self, model_sha256: str) -> str:
        if model_sha256 == self.model_sha256:
            return ""
        then, now = (text.removesuffix(MIRROR_MARK) for text in (self.model_sha256, model_sha256))
        if then == now:
            how, flag = ("with", "") if then != self.model_sha256 else ("without", "no-")
            return f"it was made {how} the mean with the mirrored face; give --{flag}average-mirror"
        return (
            f"the network differs: calibrated with {self.model_name} ({then[:12]}), now {now[:12]}; "
            "drop the option --model, where it was given"
        )


def camera_difference(known: Camera, now: Camera) -> str:
    """Why a calibration with one camera cannot be used with another, or an empty string."""
    if (known.width, known.height) != (now.width, now.height):
        return (
            f"the camera's resolution differs: calibrated at {known.width}x{known.height}, "
            f"now {now.width}x{now.height}"
        )
    u, v = np.meshgrid(np.linspace(0, known.width - 1, 7), np.linspace(0, known.height - 1, 7))
    grid = np.stack([u.ravel(), v.ravel()], axis=1)
    rays = [unit(camera.rays(grid)) for camera in (known, now)]
    apart_deg = float(np.rad2deg(angular_error_rad(*rays)).max())
    if apart_deg <= CAMERA_TOLERANCE_DEG:
        return ""
    return (
        f"the camera differs: calibrated with a focal length of {known.K[0, 0]:.0f} px ({known.source}), "
        f"now {now.K[0, 0]:.0f} px ({now.source}), up to {apart_deg:.1f} degrees apart"
    )


def _digest(content: dict[str, object]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _correction_to_json(correction: Correction) -> dict[str, object]:
    middle = np.median(correction.looks_features, axis=0)
    return {
        "kind": correction.kind,
        "offset_in_the_middle_deg": np.rad2deg(correction.offset_rad(middle)[0]).round(4).tolist(),
        "held_out_rad": correction.held_out_rad,
        "uncorrected_rad": correction.uncorrected_rad,
        "frame_sd_rad": correction.frame_sd_rad,
        "drift_rad": list(correction.drift_rad),
        "residual_covariance_rad2": correction.residual_covariance_rad2.tolist(),
        "prior": dataclasses.asdict(correction.prior),
        "looks": {
            "features": correction.looks_features.tolist(),
            "offset_rad": correction.looks_offset_rad.tolist(),
            "sd_rad": correction.looks_sd_rad.tolist(),
        },
    }


def _correction_from_json(content: dict) -> Correction:
    for name, value in content["prior"].items():
        if name != "kind":
            _number(value, f"prior.{name}")
    prior = Prior(**content["prior"])
    _number(prior.wave_length_rad, "prior.wave_length_rad", above=0.0)
    if prior.kind not in KINDS or prior.kind != content["kind"]:
        raise CalibrationError(f"unknown correction model {content['kind']!r}")
    looks = {
        name: np.array(content["looks"][name], dtype=np.float64)
        for name in ("features", "offset_rad", "sd_rad")
    }
    count = len(looks["sd_rad"])
    shapes = {"features": (count, FEATURE_COUNT), "offset_rad": (count, 2), "sd_rad": (count,)}
    for name, shape in shapes.items():
        if looks[name].shape != shape or not np.all(np.abs(looks[name]) <= LARGEST):
            raise CalibrationError(
                f"looks.{name} must be finite, angles, and of shape {shape}, got {looks[name].shape}"
            )
    covariance = np.array(content["residual_covariance_rad2"], dtype=np.float64)
    if covariance.shape != (2, 2) or not np.all(np.abs(covariance) <= LARGEST):
        raise CalibrationError("residual_covariance_rad2 must be 2x2 and hold squares of angles")
    pitch, yaw = content["drift_rad"]
    if np.any(looks["sd_rad"] < 0):
        raise CalibrationError("looks.sd_rad must not be negative")
    return Correction(
        prior=prior,
        looks_features=looks["features"],
        looks_offset_rad=looks["offset_rad"],
        looks_sd_rad=looks["sd_rad"],
        residual_covariance_rad2=covariance,
        frame_sd_rad=_number(content["frame_sd_rad"], "frame_sd_rad"),
        held_out_rad=_number(content["held_out_rad"], "held_out_rad"),
        uncorrected_rad=_number(content["uncorrected_rad"], "uncorrected_rad"),
        drift_rad=(_number(pitch, "drift_rad", low=-np.pi), _number(yaw, "drift_rad", low=-np.pi)),
    )


def _number(value: object, name: str, low: float = 0.0, above: float | None = None) -> float:
    """A number of a profile: ``low`` to LARGEST, and above ``above`` where that is given.

    Raises:
        CalibrationError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= LARGEST:
        raise CalibrationError(
            f"{name} must be a number of at least {low:g} and at most {LARGEST:g}, got {value!r}"
        )
    if above is not None and not value > above:
        raise CalibrationError(f"{name} must be above {above:g}, got {value!r}")
    return float(value)
