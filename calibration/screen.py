"""A screen in space: its size, its pose in the camera frame, and where a line of sight meets it.

Screen frame: origin at the top left corner of the picture area, x to the right and y down as the person
in front sees it, z into the screen, millimetres. A point in the camera frame is
``R_cam_screen (x, y, 0) + t_cam_mm`` (the convention of MPIIFaceGaze's monitorPose). Screen px are
continuous, 0 at the left or top edge.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.errors import CalibrationError
from gaze.files import read_object, write_json
from gaze.geometry import FloatArray, is_rotation

SCHEMA = "gaze.screens/1"
# Of px and mm: more than any wall of screens.
LARGEST = 1_000_000.0
# A camera frame and a screen frame that face the same person: x and z point the other way.
FACING = np.diag([-1.0, 1.0, -1.0])
FACING.setflags(write=False)


@dataclass(frozen=True, slots=True)
class Screen:
    """One screen.

    ``width_px``, ``height_px``: its resolution; ``width_mm``, ``height_mm``: the lit area;
    ``R_cam_screen`` (3, 3) and ``t_cam_mm`` (3,): the pose (see the module); ``pose_source``: how the pose
    was found (preset, measured, gaze, mirror); ``rotation_sd_deg`` and ``position_sd_mm``: how well, as the
    deviation of the turn and of the place of the screen's middle on one axis (root mean square of the three);
    the whole angle and distance are sqrt(3) times as much; ``name``: what the file of screens calls it;
    ``stated_width_mm``: the width that the display stated when the screen was described, by which it is known
    again, 0 where it stated none or one that is not believed.

    Raises:
        CalibrationError: a size is not that of a screen, or the pose is not a rotation and a position.
    """

    width_px: int
    height_px: int
    width_mm: float
    height_mm: float
    R_cam_screen: NDArray[np.float64]
    t_cam_mm: NDArray[np.float64]
    name: str = "screen"
    pose_source: str = "preset"
    rotation_sd_deg: float = 5.0
    position_sd_mm: float = 20.0
    stated_width_mm: float = 0.0

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px", "width_mm", "height_mm"):
            value = getattr(self, name)
            if not _is_number(value) or not 1 <= value <= LARGEST:
                raise CalibrationError(
                    f"screen {self.name!r}: {name} must be positive, 1 to {LARGEST:,.0f}, got {value!r}; "
                    "give the size of the lit area with `gaze calibrate screen --size-mm WxH`"
                )
        if not _is_number(self.stated_width_mm) or not 0 <= self.stated_width_mm <= LARGEST:
            raise CalibrationError(
                f"screen {self.name!r}: stated_width_mm must be a number of at least 0, got "
                f"{self.stated_width_mm!r}; run `gaze calibrate screen`"
            )
        for name in ("width_px", "height_px"):
            if getattr(self, name) != int(getattr(self, name)):
                raise CalibrationError(
                    f"screen {self.name!r}: {name} must be a whole number, got {getattr(self, name)!r}; "
                    "run `gaze calibrate screen`"
                )
        for name in ("rotation_sd_deg", "position_sd_mm"):
            value = getattr(self, name)
            if not _is_number(value) or not 0 <= value <= LARGEST:
                raise CalibrationError(
                    f"screen {self.name!r}: {name} must be a number from 0 to {LARGEST:,.0f}, got {value!r}; "
                    "run `gaze calibrate screen`"
                )
        try:
            R = np.array(self.R_cam_screen, dtype=np.float64)
            t = np.array(self.t_cam_mm, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise CalibrationError(f"screen {self.name!r}: the pose must hold numbers ({error})") from error
        if not is_rotation(R):
            raise CalibrationError(
                f"screen {self.name!r}: R_cam_screen is not a rotation; run `gaze calibrate screen`"
            )
        if t.shape != (3,) or not np.all(np.abs(t) <= LARGEST):
            raise CalibrationError(
                f"screen {self.name!r}: t_cam_mm must be three mm, none far away, got {t.tolist()}; "
                "run `gaze calibrate screen`"
            )
        for name, value in (("R_cam_screen", R), ("t_cam_mm", t)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "width_px", int(self.width_px))
        object.__setattr__(self, "height_px", int(self.height_px))

    @property
    def mm_per_px(self) -> FloatArray:
        """Size of a pixel (2,) in mm, across and down."""
        return np.array([self.width_mm / self.width_px, self.height_mm / self.height_px])

    def px_to_mm(self, points_px: ArrayLike) -> FloatArray:
        """Screen px (..., 2) -> screen mm (..., 2)."""
        return np.asarray(points_px, dtype=np.float64) * self.mm_per_px

    def mm_to_px(self, points_mm: ArrayLike) -> FloatArray:
        """Screen mm (..., 2) -> screen px (..., 2)."""
        return np.asarray(points_mm, dtype=np.float64) / self.mm_per_px

    def to_camera(self, points_mm: ArrayLike) -> FloatArray:
        """Screen mm (..., 2) -> camera-frame mm (..., 3)."""
        return np.asarray(points_mm, dtype=np.float64) @ self.R_cam_screen[:, :2].T + self.t_cam_mm

    def intersect(self, origin_cam_mm: ArrayLike, direction_cam: ArrayLike) -> FloatArray:
        """Where rays meet the screen's plane: screen mm (..., 2).

        Origins and directions are (..., 3) in the camera frame. NaN where a ray is parallel to the
        plane, points away from it, or starts behind it.
        """
        origin = (np.asarray(origin_cam_mm, dtype=np.float64) - self.t_cam_mm) @ self.R_cam_screen
        direction = np.asarray(direction_cam, dtype=np.float64) @ self.R_cam_screen
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = -origin[..., 2] / direction[..., 2]
            # The viewer's side has negative z; a ray seen from there must go towards positive z.
            valid = (origin[..., 2] < 0) & (direction[..., 2] > 1e-9)
            point = origin[..., :2] + reach[..., None] * direction[..., :2]
        return np.where(valid[..., None], point, np.nan)

    def contains(self, points_mm: ArrayLike) -> NDArray[np.bool_]:
        """Whether screen mm (..., 2) lie on the lit area; NaN does not."""
        points = np.asarray(points_mm, dtype=np.float64)
        size = np.array([self.width_mm, self.height_mm])
        return np.all((points >= 0) & (points <= size), axis=-1)

    def moved(self, R_cam_screen: ArrayLike, t_cam_mm: ArrayLike, **changes: object) -> Screen:
        """The same screen at another pose."""
        return dataclasses.replace(self, R_cam_screen=R_cam_screen, t_cam_mm=t_cam_mm, **changes)

    def with_square_pixels(self) -> Screen:
        """The same screen of the size (same area) that makes its pixels square.

        Displays state whole millimetres or centimetres; their pixels are square far more exactly than that.
        """
        side = math.sqrt(float(np.prod(self.mm_per_px)))
        return dataclasses.replace(self, width_mm=self.width_px * side, height_mm=self.height_px * side)

    def text(self) -> str:
        """Name, resolution and size."""
        return (
            f"{self.name} {self.width_px}x{self.height_px} px on {self.width_mm:.0f}x{self.height_mm:.0f} mm"
        )

    def to_json(self) -> dict[str, object]:
        """A JSON object that from_json reads."""
        content = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        content["R_cam_screen"] = self.R_cam_screen.tolist()
        content["t_cam_mm"] = self.t_cam_mm.tolist()
        return content

    @classmethod
    def from_json(cls, content: object, where: str) -> Screen:
        """Read what to_json wrote; ``where`` names the file in messages.

        Raises:
            CalibrationError: a key is missing or unknown, or a value is impossible.
        """
        fields = dataclasses.fields(cls)
        if not isinstance(content, dict):
            raise CalibrationError(f"{where}: a screen must be an object, got {content!r}")
        required = {item.name for item in fields if item.default is dataclasses.MISSING}
        if missing := sorted(required - set(content)):
            raise CalibrationError(f"{where}: the screen lacks {', '.join(missing)}")
        if unknown := sorted(set(content) - {item.name for item in fields}):
            raise CalibrationError(f"{where}: the screen has unknown keys {', '.join(unknown)}")
        try:
            return cls(**content)
        except CalibrationError as error:
            raise CalibrationError(f"{where}: {error}") from error


def nearest_hit(
    screens: tuple[Screen, ...], origin_cam_mm: ArrayLike, direction_cam: ArrayLike
) -> tuple[int, FloatArray] | None:
    """Which of several screens one ray meets: its index and the point (2,) in that screen's mm.

    A screen that contains the point wins; among none, the one whose edge is nearest. None when the ray
    meets no screen's plane from the front.
    """
    best: tuple[float, int, FloatArray] | None = None
    for index, screen in enumerate(screens):
        point = screen.intersect(origin_cam_mm, direction_cam)
        if not np.all(np.isfinite(point)):
            continue
        size = np.array([screen.width_mm, screen.height_mm])
        outside_mm = float(np.linalg.norm(point - np.clip(point, 0.0, size)))
        if best is None or outside_mm < best[0]:
            best = (outside_mm, index, point)
    return None if best is None else (best[1], best[2])


def save_screens(screens: tuple[Screen, ...], path: str | os.PathLike[str]) -> None:
    """Write screens.json."""
    write_json(path, {"schema": SCHEMA, "screens": [screen.to_json() for screen in screens]})


def load_screens(path: str | os.PathLike[str]) -> tuple[Screen, ...]:
    """Read screens.json.

    Raises:
        CalibrationError: the file is missing, not JSON, empty, or holds an impossible screen.
    """
    mend = f"run `gaze calibrate screen --out {path}`"
    entries = read_object(path, SCHEMA, CalibrationError, mend).get("screens")
    if not isinstance(entries, list) or not entries:
        raise CalibrationError(f"{path}: holds no screen; {mend}")
    return tuple(Screen.from_json(entry, str(path)) for entry in entries)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
