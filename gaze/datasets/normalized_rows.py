"""The table beside the pictures of a prepared file: one row per normalised face."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError

# column -> (shape behind the row axis, dtype in the file); None: text.
COLUMNS: dict[str, tuple[tuple[int, ...], type | None]] = {
    "person": ((), None),
    "day": ((), None),
    "frame_id": ((), None),
    "eye": ((), None),
    "source_sha256": ((), None),
    "pitch_yaw_rad": ((2,), np.float32),
    "head_pitch_yaw_rad": ((2,), np.float32),
    "R_norm_cam": ((3, 3), np.float64),
    "centre_cam_mm": ((3,), np.float64),
    "target_cam_mm": ((3,), np.float64),
    "distance_scale": ((), np.float64),
    "landmarks_norm_px": ((6, 2), np.float32),
    "brightness": ((), np.float32),
    "off_screen": ((), np.bool_),
    "mirrored": ((), np.bool_),
}


@dataclass(frozen=True, slots=True)
class NormalizedRows:
    """What is known of N normalised faces; NaN (text: empty) where the source does not say.

    ``person``, ``day``, ``frame_id`` (N,) text; ``eye`` "left", "right" or empty: the eye of MPIIGaze's
    evaluation subset; ``source_sha256`` of the picture's file. ``pitch_yaw_rad`` (N, 2) gaze in the file's
    label space, ``head_pitch_yaw_rad`` (N, 2) always in the normalised frame by rotation only.
    ``R_norm_cam`` (N, 3, 3), ``centre_cam_mm``, ``target_cam_mm`` (N, 3), ``distance_scale`` (N,) as in
    gaze.normalization; ``landmarks_norm_px`` (N, 6, 2) on the normalised picture; ``brightness`` (N,) mean
    grey 0..255; ``off_screen`` (N,) whether the gaze target lies beside the screen.

    ``mirrored`` (N,): the face is shown as in a mirror. Its gaze, head and landmarks are those of the
    mirrored picture, its R, centre and target those of the real camera: negate both yaws before going back.

    Raises:
        DataError: a column has another length or shape than the others.
    """

    person: NDArray[np.str_]
    day: NDArray[np.str_]
    frame_id: NDArray[np.str_]
    eye: NDArray[np.str_]
    source_sha256: NDArray[np.str_]
    pitch_yaw_rad: NDArray[np.float32]
    head_pitch_yaw_rad: NDArray[np.float32]
    R_norm_cam: NDArray[np.float64]
    centre_cam_mm: NDArray[np.float64]
    target_cam_mm: NDArray[np.float64]
    distance_scale: NDArray[np.float64]
    landmarks_norm_px: NDArray[np.float32]
    brightness: NDArray[np.float32]
    off_screen: NDArray[np.bool_]
    mirrored: NDArray[np.bool_]

    def __post_init__(self) -> None:
        n = len(self.person)
        for name, (tail, dtype) in COLUMNS.items():
            array = np.asarray(getattr(self, name), dtype=np.str_ if dtype is None else dtype)
            if array.shape != (n, *tail):
                raise DataError(f"column {name} must have shape {(n, *tail)}, got {array.shape}")
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.person)

    def where(self, indices: NDArray) -> NormalizedRows:
        """The rows that indices or a boolean mask choose."""
        return NormalizedRows(**{item.name: getattr(self, item.name)[indices] for item in fields(self)})

    @staticmethod
    def concatenate(parts: list[NormalizedRows]) -> NormalizedRows:
        """All rows of several tables, in order."""
        return NormalizedRows(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
        )

    @staticmethod
    def from_dicts(rows: list[dict[str, object]]) -> NormalizedRows:
        """A table of dictionaries, one a row; what a row lacks becomes NaN, empty or False."""
        columns = {}
        for name, (tail, dtype) in COLUMNS.items():
            if dtype is None:
                columns[name] = np.array([row.get(name, "") for row in rows], dtype=np.str_)
            else:
                missing = False if dtype is np.bool_ else np.full(tail, np.nan)
                columns[name] = np.array([row.get(name, missing) for row in rows], dtype=dtype).reshape(
                    len(rows), *tail
                )
        return NormalizedRows(**columns)
