"""Reading rendered training shards: a folder of uncompressed npz files that may still be growing."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.array_files import DAMAGED_ARRAYS
from gaze.datasets.sample import GazeSample
from gaze.datasets.shard_features import shows_any
from gaze.errors import DataError
from gaze.files import parse_json, read_json
from gaze.learned_landmarks import LEARNED_COUNT
from gaze.types import ROTATION_ONLY, NormalizedCamera

SCHEMA = "gaze.shards/1"
_AGAIN = "remove it and render it again"
_ANEW = "render anew with `gaze synthesize shards`, or give a folder of it"


class Shard:
    """One npz file; the faces stay on disk until they are read.

    Raises:
        DataError: the file is truncated, compressed, or lacks an array.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.faces = _mapped_member(path, "faces.npy")
            with np.load(path) as archive:
                self.pitch_yaw_rad = archive["pitch_yaw_rad"].astype(np.float32)
                self.head_pitch_yaw_rad = archive["head_pitch_yaw_rad"].astype(np.float32)
                self.person = archive["person"]
                self.seed = archive["seed"]
                for name in ("person", "seed"):
                    if getattr(self, name).dtype.kind not in "iu":
                        raise ValueError(f"{name} must hold whole numbers, not {getattr(self, name).dtype}")
        except DAMAGED_ARRAYS as error:
            raise DataError(f"{path}: is no complete shard: {error}; {_AGAIN}") from error
        shape = self.faces.shape
        square = len(shape) == 4 and shape[1] == shape[2] > 0 and shape[3] == 3
        if self.faces.dtype != np.uint8 or not square:
            raise DataError(
                f"{path}: faces must be uint8 (N, S, S, 3), got {self.faces.dtype} {shape}; {_AGAIN}"
            )
        shapes = {"pitch_yaw_rad": (shape[0], 2), "head_pitch_yaw_rad": (shape[0], 2)}
        for name, wanted in {**shapes, "person": shape[:1], "seed": shape[:1]}.items():
            if (got := getattr(self, name).shape) != wanted:
                raise DataError(f"{path}: {name} must have shape {wanted}, got {got}; {_AGAIN}")
        for name in shapes:
            if not np.all(np.isfinite(getattr(self, name))):
                raise DataError(f"{path}: {name} holds NaN or infinity; {_AGAIN}")

    def __len__(self) -> int:
        return len(self.faces)

    def lacking(self, what: str) -> DataError:
        """The error to raise where the pictures do not say ``what`` a caller needs to know of them."""
        return DataError(f"{self.path}: lacks {what}; render it again")

    def attributes(self) -> list[dict[str, object]]:
        """What was in each picture, read from the file on every call.

        Raises:
            DataError: the shard keeps no attributes, or they are damaged.
        """
        try:
            with np.load(self.path) as archive:
                texts = archive["attributes"].tolist() if "attributes" in archive else None
            if texts is None:
                raise self.lacking("attributes")
            attributes = [parse_json(text) for text in texts]
            if len(attributes) != len(self) or not all(isinstance(item, dict) for item in attributes):
                raise ValueError(f"must be an object for each of {len(self)} pictures")
        except DAMAGED_ARRAYS as error:
            raise DataError(f"{self.path}: its attributes are damaged ({error}); {_AGAIN}") from error
        return attributes

    @cached_property
    def landmarks_px(self) -> NDArray[np.float32]:
        """Landmarks (N, 60, 2) in px of the faces, in the order of gaze.learned_landmarks.

        Raises:
            DataError: the shard keeps none, or they are damaged.
        """
        try:
            with np.load(self.path) as archive:
                landmarks_px = archive.get("landmarks_px")
            if landmarks_px is None:
                raise self.lacking("landmarks")
            if landmarks_px.shape != (len(self), LEARNED_COUNT, 2) or landmarks_px.dtype.kind != "f":
                got = f"{landmarks_px.dtype} {landmarks_px.shape}"
                raise ValueError(f"must be numbers ({len(self)}, {LEARNED_COUNT}, 2), got {got}")
            if not np.all(np.isfinite(landmarks_px)):
                raise ValueError("hold NaN or infinity")
        except DAMAGED_ARRAYS as error:
            raise DataError(f"{self.path}: its landmarks are damaged ({error}); {_AGAIN}") from error
        return landmarks_px.astype(np.float32)

    def rows_without(self, features: tuple[str, ...]) -> NDArray[np.int64]:
        """The pictures that show none of the features (gaze.datasets.shard_features); all of them for ().

        Raises:
            DataError: the shard keeps no such attributes.
        """
        if not features:
            return np.arange(len(self), dtype=np.int64)
        try:
            shown = [shows_any(crop, features) for crop in self.attributes()]
        except (KeyError, TypeError) as error:
            raise self.lacking(f"the attribute {error}") from error
        return np.flatnonzero(~np.array(shown, dtype=bool))


def _mapped_member(path: Path, name: str) -> NDArray:
    """Memory-map an array inside an uncompressed npz (a zip of .npy files)."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
        # Of any member: what is packed can be a thousand times larger than its file.
        if packed := [item.filename for item in archive.infolist() if item.compress_type]:
            raise ValueError(f"{packed[0]} is compressed; shards are written with np.savez")
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(30)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        file.seek(info.header_offset + 30 + name_length + extra_length)
        version = np.lib.format.read_magic(file)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read_header(file)
        if fortran or dtype.hasobject:
            raise ValueError(f"{name} must be a plain C-ordered array")
        return np.memmap(path, dtype=dtype, mode="r", offset=file.tell(), shape=shape)


# Shards, the rows of each that are in use, and where each begins among all samples.
_View = tuple[list[Shard], list[NDArray[np.int64]], NDArray[np.int64]]


class ShardFolder:
    """The shards of one or more folders as a source of training batches.

    All folders must hold faces of one size. ``rescan`` picks up shards that were written since. ``view_mm``
    takes the middle of every face, so many millimetres wide, instead of the whole. ``without`` leaves out
    the pictures that show one of these features (gaze.datasets.shard_features).

    Labels are rotation-only.

    Raises:
        DataError: a folder has no shards.json, another schema, or another size than the first; no shard yet;
            the faces show less than ``view_mm``; no picture is left ``without`` the features.
    """

    label_space = ROTATION_ONLY

    def __init__(
        self,
        folders: Sequence[str | Path],
        limit: int | None = None,
        view_mm: float | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self.folders = [Path(folder) for folder in folders]
        self.limit = limit
        self.without = tuple(without)
        cameras = [_read_description(folder) for folder in self.folders]
        for folder, camera in zip(self.folders, cameras, strict=True):
            if camera != cameras[0]:
                raise DataError(
                    f"{folder}: is rendered for {camera}, {self.folders[0]} for {cameras[0]}; give folders "
                    "of one size and view"
                )
        self.rendered_px = cameras[0].size_px
        try:
            self.normalized_camera = cameras[0] if view_mm is None else cameras[0].central(view_mm)
        except ValueError as error:
            raise DataError(f"{self.folders[0]}: {error}; give a smaller view") from error
        self.size_px = self.normalized_camera.size_px
        margin_px = (self.rendered_px - self.size_px) // 2
        self._middle = slice(margin_px, margin_px + self.size_px)
        self._open: dict[Path, tuple[Shard, NDArray[np.int64]]] = {}
        self._view: _View = ([], [], np.zeros(1, dtype=np.int64))
        self.rescan()
        if not self.shards:
            raise DataError(f"{self.folders[0]}: holds no shard_*.npz yet; run `gaze synthesize shards`")
        if not len(self):
            names = ", ".join(self.without)
            raise DataError(f"{self.folders[0]}: every picture shows some of {names}; leave one away")

    def rescan(self, names: Sequence[str] | None = None) -> None:
        """Take up all shards that are there now, or exactly ``names`` (as given by names())."""
        if names is None:
            paths = [path for folder in self.folders for path in sorted(folder.glob("shard_*.npz"))]
            paths = [path for path in paths if ".tmp" not in path.name]
        else:
            paths = [Path(name) for name in names]
        for path in paths:
            if path not in self._open:
                shard = Shard(path)
                self._open[path] = shard, shard.rows_without(self.without)
        shards = [self._open[path][0] for path in paths]
        rows = [self._open[path][1] for path in paths]
        for shard in shards:
            if shard.faces.shape[1] != self.rendered_px:
                raise DataError(
                    f"{shard.path}: faces of {shard.faces.shape[1]} px, shards.json says "
                    f"{self.rendered_px}; {_AGAIN}"
                )
        starts = np.concatenate([[0], np.cumsum([len(part) for part in rows])]).astype(np.int64)
        # In one assignment: another thread may be reading.
        self._view = (shards, rows, starts)

    @property
    def shards(self) -> list[Shard]:
        """The shards in use, in order."""
        return self._view[0]

    def names(self) -> list[str]:
        """The shards in use, for rescan."""
        return [str(shard.path) for shard in self.shards]

    def __len__(self) -> int:
        total = int(self._view[2][-1])
        return total if self.limit is None else min(total, self.limit)

    def read(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Faces (n, S, S, 3) and gaze (pitch, yaw) (n, 2) of samples 0 .. len-1."""
        faces = np.empty((len(indices), self.size_px, self.size_px, 3), dtype=np.uint8)
        angles = np.empty((len(indices), 2), dtype=np.float32)
        for row, (shard, offset) in enumerate(self._located(indices)):
            faces[row] = shard.faces[offset, self._middle, self._middle]
            angles[row] = shard.pitch_yaw_rad[offset]
        return faces, angles

    def read_landmarks(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Landmarks (n, 60, 2) of samples, in px of the faces as `read` gives them.

        Raises:
            DataError: a shard keeps none.
        """
        landmarks_px = [shard.landmarks_px[row] for shard, row in self._located(indices)]
        return np.stack(landmarks_px) - np.float32(self._middle.start)

    def _located(self, indices: NDArray[np.int64]) -> list[tuple[Shard, int]]:
        """The shard of each sample, and its row there."""
        shards, rows, starts = self._view
        owners = np.searchsorted(starts, indices, side="right") - 1
        return [
            (shards[owner], int(rows[owner][index - starts[owner]]))
            for index, owner in zip(indices, owners, strict=True)
        ]

    def samples(self) -> Iterator[GazeSample]:
        """All samples in order, with head pose."""
        for shard, row in self._located(np.arange(len(self))):
            yield GazeSample(
                image=np.array(shard.faces[row, self._middle, self._middle]),
                gaze_pitch_yaw_rad=shard.pitch_yaw_rad[row],
                head_pitch_yaw_rad=shard.head_pitch_yaw_rad[row],
                person=str(int(shard.person[row])),
                day=None,
                frame_id=f"{shard.path.stem}/{int(shard.seed[row])}",
                label_space=ROTATION_ONLY,
            )


def _read_description(folder: Path) -> NormalizedCamera:
    path = folder / "shards.json"
    try:
        content = read_json(path)
        if content["schema"] != SCHEMA:
            raise DataError(f"{path}: schema is {content['schema']!r}, not {SCHEMA!r}; {_ANEW}")
        return NormalizedCamera(**content["normalized_camera"]).resized(int(content["size"]))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); is this a folder of `gaze synthesize shards`?"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is not a shard description: {error!r}; {_ANEW}") from error
