"""What a calibration collects: one row per accepted frame, and its condensation to one row per look.

No picture is kept: a row is angles, a head pose and the place of the target.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.eye_frame import offset_between
from calibration.robust import near_middle
from calibration.screen import Screen
from gaze.errors import CalibrationError
from gaze.geometry import (
    FloatArray,
    head_angles_from_rotation,
    unit,
    vector_from_angles,
)

# Frames of one look share their error for about this long, so more frames a second do not mean more
# independent measurements.
INDEPENDENT_AFTER_S = 0.1
NEAREST_MM = 10.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows of N frames.

    ``t_s`` (N,); ``pitch_yaw_rad`` (N, 2) as the network gave it (normalised frame); ``R_norm_cam`` and
    ``R_cam_head`` (N, 3, 3); ``origin_cam_mm`` (N, 3); ``target_px`` (N, 2) on the screen; ``look`` (N,)
    number of the look (one dwell on one target); ``place`` (N,) number of the target's place: looks at one
    place are held out together.
    """

    t_s: FloatArray
    pitch_yaw_rad: FloatArray
    R_norm_cam: FloatArray
    R_cam_head: FloatArray
    origin_cam_mm: FloatArray
    target_px: FloatArray
    look: NDArray[np.int64]
    place: NDArray[np.int64]

    _SHAPES: ClassVar[dict[str, tuple[int, ...]]] = {
        "t_s": (),
        "pitch_yaw_rad": (2,),
        "R_norm_cam": (3, 3),
        "R_cam_head": (3, 3),
        "origin_cam_mm": (3,),
        "target_px": (2,),
        "look": (),
        "place": (),
    }

    def __len__(self) -> int:
        return len(self.t_s)

    @property
    def R_norm_head(self) -> FloatArray:
        """Head to normalised frame (N, 3, 3)."""
        return self.R_norm_cam @ self.R_cam_head

    @property
    def direction_norm(self) -> FloatArray:
        """Estimated lines of sight (N, 3) in the normalised frame."""
        return vector_from_angles(self.pitch_yaw_rad)

    def take(self, index: ArrayLike) -> Samples:
        """The rows of an index array or mask."""
        return Samples(*(getattr(self, name)[index] for name in self._SHAPES))

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """All rows of several, in order."""
        if not parts:
            return cls.empty()
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls._SHAPES))

    @classmethod
    def empty(cls) -> Samples:
        """No rows."""
        return cls(
            *(
                np.zeros((0, *shape), dtype=np.int64 if name in ("look", "place") else np.float64)
                for name, shape in cls._SHAPES.items()
            )
        )

    def to_json(self) -> dict[str, object]:
        """Columns as lists."""
        return {name: np.round(getattr(self, name), 7).tolist() for name in self._SHAPES}

    @classmethod
    def from_json(cls, content: object, where: str) -> Samples:
        """Read what to_json wrote.

        Raises:
            CalibrationError: a column is missing, of the wrong shape, or not finite.
        """
        if not isinstance(content, dict):
            raise CalibrationError(f"{where}: samples must be an object of columns")
        columns = []
        for name, shape in cls._SHAPES.items():
            whole = name in ("look", "place")
            try:
                column = np.array(content[name], dtype=np.int64 if whole else np.float64)
            except (KeyError, TypeError, ValueError) as error:
                raise CalibrationError(
                    f"{where}: column {name} of the samples is unusable ({error})"
                ) from error
            if len(column) == 0:
                column = column.reshape(0, *shape)
            if column.shape[1:] != shape or not np.all(np.isfinite(column)):
                raise CalibrationError(
                    f"{where}: column {name} of the samples must be finite and of shape "
                    f"(N, {', '.join(map(str, shape))}), got {column.shape}"
                )
            if name.startswith("R_") and not _rotations(column):
                raise CalibrationError(f"{where}: column {name} of the samples must hold rotations")
            columns.append(column)
        if len({len(column) for column in columns}) > 1:
            raise CalibrationError(f"{where}: the columns of the samples differ in length")
        samples = cls(*columns)
        if np.any(np.linalg.norm(samples.origin_cam_mm, axis=1) < NEAREST_MM):
            raise CalibrationError(f"{where}: a face of the samples is nearer than {NEAREST_MM:g} mm")
        return samples


def _rotations(matrices: FloatArray) -> bool:
    """Whether all of (N, 3, 3) are rotations, as far as seven decimals tell."""
    product = matrices @ np.swapaxes(matrices, 1, 2)
    return bool(np.all(np.abs(product - np.eye(3)) < 1e-4) and np.all(np.linalg.det(matrices) > 0))


def true_direction_norm(samples: Samples, screen: Screen) -> FloatArray:
    """Unit vectors (N, 3) from each row's origin to its target, in its normalised frame."""
    target = screen.to_camera(screen.px_to_mm(samples.target_px))
    return np.einsum("nij,nj->ni", samples.R_norm_cam, unit(target - samples.origin_cam_mm))


def features(pitch_yaw_rad: ArrayLike, R_norm_head: ArrayLike, distance_mm: ArrayLike) -> FloatArray:
    """What a correction may depend on (N, 5): gaze pitch and yaw, head pitch and yaw (all in the normalised
    frame, rad), and ln(distance / 600 mm)."""
    head = head_angles_from_rotation(R_norm_head)
    nearness = np.log(np.asarray(distance_mm, dtype=np.float64) / 600.0)
    return np.concatenate([np.asarray(pitch_yaw_rad, dtype=np.float64), head, nearness[..., None]], axis=-1)


@dataclass(frozen=True, slots=True)
class Looks:
    """Samples condensed to P looks.

    ``features`` (P, 5) means; ``offset_rad`` (P, 2) mean offset from estimated to true line of sight in the
    eye's frame; ``spread_rad`` (P,) deviation of one frame, per axis; ``sd_rad`` (P,) deviation of the
    mean; ``frames`` (P,) used; ``place`` (P,).
    """

    features: FloatArray
    offset_rad: FloatArray
    spread_rad: FloatArray
    sd_rad: FloatArray
    frames: NDArray[np.int64]
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.place)

    def take(self, index: ArrayLike) -> Looks:
        """The looks of an index array or mask."""
        return Looks(*(getattr(self, item.name)[index] for item in dataclasses.fields(self)))


def independent_frames(frames: ArrayLike, lasted_s: ArrayLike) -> FloatArray:
    """How many independent measurements the frames of a look are, by their number and the time they span."""
    return np.minimum(frames, 1.0 + np.asarray(lasted_s) / INDEPENDENT_AFTER_S)


def condense(samples: Samples, screen: Screen) -> Looks:
    """One row per look: frames that stray from the look's middle are left out, the rest averaged.

    Raises:
        CalibrationError: there are no samples.
    """
    if len(samples) == 0:
        raise CalibrationError("no usable frame was collected; look at the targets with the face in view")
    R_norm_head = samples.R_norm_head
    offsets = offset_between(samples.direction_norm, true_direction_norm(samples, screen), R_norm_head)
    rows = features(samples.pitch_yaw_rad, R_norm_head, np.linalg.norm(samples.origin_cam_mm, axis=1))
    order = np.argsort(samples.look, kind="stable")
    order = order[near_middle(offsets[order], samples.look[order])]
    offset, t, look = offsets[order], samples.t_s[order], samples.look[order]
    starts = np.flatnonzero(np.diff(look, prepend=look[0] - 1))
    frames = np.diff(starts, append=len(look))
    mean = np.add.reduceat(offset, starts) / frames[:, None]
    squares = (offset - np.repeat(mean, frames, axis=0)) ** 2
    spread = np.sqrt((np.add.reduceat(squares, starts) / frames[:, None]).mean(axis=1))
    lasted = np.maximum.reduceat(t, starts) - np.minimum.reduceat(t, starts)
    return Looks(
        features=np.add.reduceat(rows[order], starts) / frames[:, None],
        offset_rad=mean,
        spread_rad=spread,
        sd_rad=spread / np.sqrt(independent_frames(frames, lasted)),
        frames=frames,
        place=samples.place[order][starts],
    )
