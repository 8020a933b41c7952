"""The prepared file: normalised faces of one label space in one HDF5, made for shuffled reading.

``faces`` (N, S, S, 3) uint8 BGR, one compressed chunk per face; ``rows/*`` the columns of
gaze.datasets.normalized_rows; attribute ``header`` the JSON of NormalizedHeader. The attribute ``complete``
is written last.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from gaze.datasets.hdf5_writing import replacing_hdf5
from gaze.datasets.normalized_rows import COLUMNS, NormalizedRows
from gaze.datasets.sample import GazeSample
from gaze.datasets.system_errors import reading
from gaze.errors import DataError
from gaze.files import parse_json
from gaze.types import ROTATION_ONLY, SCALED, NormalizedCamera

SCHEMA = "gaze.normalized/1"
MEND = "run `gaze prepare` again"


@dataclass(frozen=True, slots=True)
class NormalizedHeader:
    """What the whole file has in common. ``sources`` maps source files to their SHA-256.

    ``face_centre`` says in words which point of the face the views are centred on; ``options`` are the
    settings of the preparation.
    """

    source: str
    label_space: str
    normalized_camera: NormalizedCamera
    face_centre: str
    tool_version: str
    sources: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)
    provenance_id: str = ""

    def __post_init__(self) -> None:
        if self.label_space not in (ROTATION_ONLY, SCALED):
            raise DataError(
                f"a prepared file is {ROTATION_ONLY!r} or {SCALED!r}, got label space {self.label_space!r}"
            )


def provenance_id(header: NormalizedHeader, rows: NormalizedRows) -> str:
    """A digest of what the samples are: label space, camera, people, frames, labels, source pictures.

    It does not depend on paths, times or the tool's version, so the same data prepared twice has one id.
    """
    digest = hashlib.sha256()
    common = [header.source, header.label_space, dataclasses.astuple(header.normalized_camera)]
    digest.update(json.dumps([*common, header.face_centre]).encode())
    for name in ("person", "frame_id", "eye", "source_sha256"):
        digest.update("\n".join(getattr(rows, name).tolist()).encode())
    digest.update(np.ascontiguousarray(rows.pitch_yaw_rad).tobytes())
    return digest.hexdigest()


def write_normalized(
    path: str | os.PathLike[str], header: NormalizedHeader, faces: NDArray[np.uint8], rows: NormalizedRows
) -> None:
    """Write faces (N, S, S, 3) and their rows in one step (see gaze.datasets.hdf5_writing).

    Raises:
        DataError: shapes do not fit each other.
        OSError: the disk is full or the folder cannot be written.
    """
    size = header.normalized_camera.size_px
    if faces.shape != (len(rows), size, size, 3) or faces.dtype != np.uint8:
        raise DataError(f"faces must be uint8 {(len(rows), size, size, 3)}, got {faces.dtype} {faces.shape}")
    with replacing_hdf5(path) as file:
        dataset = _create_faces(file, len(rows), size)
        for index in range(len(rows)):
            dataset[index] = faces[index]
        _write_table(file, header, rows)


def merge_normalized(
    parts: Sequence[str | os.PathLike[str]], path: str | os.PathLike[str], header: NormalizedHeader
) -> NormalizedHeader:
    """Join prepared files into one, copying compressed faces as they are. Returns the header written.

    Raises:
        DataError: there is no part, no face, or the parts differ in label space or camera.
        OSError: the disk is full or the folder cannot be written.
    """
    tables = []
    for part in parts:
        with NormalizedFile(part) as source:
            if (source.header.label_space, source.header.normalized_camera) != (
                header.label_space,
                header.normalized_camera,
            ):
                raise DataError(f"{part}: label space or camera differ from the others; {MEND}")
            tables.append(source.rows)
    rows = NormalizedRows.concatenate(tables) if tables else NormalizedRows.from_dicts([])
    if len(rows) == 0:
        raise DataError(f"{path}: there is no face to write; see the report of what was skipped")
    header = dataclasses.replace(header, provenance_id=provenance_id(header, rows))
    with replacing_hdf5(path) as file:
        dataset = _create_faces(file, len(rows), header.normalized_camera.size_px)
        row = 0
        for part, table in zip(parts, tables, strict=True):
            with h5py.File(part, "r") as source:
                for index in range(len(table)):
                    mask, chunk = source["faces"].id.read_direct_chunk((index, 0, 0, 0))
                    dataset.id.write_direct_chunk((row, 0, 0, 0), chunk, mask)
                    row += 1
        _write_table(file, header, rows)
    return header


def _create_faces(file: h5py.File, n: int, size: int) -> h5py.Dataset:
    # One face a chunk: a shuffled read touches nothing else. Bitshuffle with LZ4 saves a sixth of a
    # photograph and unpacks 224 px in 0.2 ms.
    return file.create_dataset(
        "faces",
        (n, size, size, 3),
        np.uint8,
        chunks=(1, size, size, 3) if n else None,
        **(hdf5plugin.Bitshuffle(cname="lz4") if n else {}),
    )


def _write_table(file: h5py.File, header: NormalizedHeader, rows: NormalizedRows) -> None:
    for name, (_, dtype) in COLUMNS.items():
        column = getattr(rows, name)
        file[f"rows/{name}"] = _utf8(column) if dtype is None else column
    file.attrs["schema"] = SCHEMA
    file.attrs["header"] = json.dumps(dataclasses.asdict(header))
    file.flush()
    file.attrs["complete"] = True


class NormalizedFile:
    """A prepared file, open for reading. ``header`` and ``rows`` are in memory, faces are read by index.

    Safe to hand to worker processes: each opens the file for itself at its first read.

    Raises:
        DataError: the file is missing, truncated, incomplete or of another kind.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._owner = 0
        file = self._open()
        try:
            if file.attrs.get("schema") != SCHEMA:
                raise DataError(f"{self.path}: is HDF5 but not a {SCHEMA} file; make one with `gaze prepare`")
            if not file.attrs.get("complete", False):
                raise DataError(f"{self.path}: was not finished; {MEND}")
            content = parse_json(file.attrs["header"])
            content["normalized_camera"] = NormalizedCamera(**content["normalized_camera"])
            self.header = NormalizedHeader(**content)
            self.rows = NormalizedRows(**{name: _column(file, name) for name in COLUMNS})
            size = self.header.normalized_camera.size_px
            if file["faces"].shape != (len(self.rows), size, size, 3):
                raise DataError(
                    f"{self.path}: {len(self.rows)} rows of {size} px, "
                    f"but faces {file['faces'].shape}; {MEND}"
                )
        except (OSError, KeyError, TypeError, ValueError) as error:
            self.close()
            raise DataError(f"{self.path}: is damaged ({error}); {MEND}") from error
        except DataError:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size_px(self) -> int:
        """The side of the faces."""
        return self.header.normalized_camera.size_px

    @property
    def persons(self) -> tuple[str, ...]:
        """The people, sorted."""
        return tuple(sorted(set(self.rows.person.tolist())))

    def rows_of(self, persons: Sequence[str]) -> NDArray[np.int64]:
        """Indices of all faces of these people.

        Raises:
            DataError: one of them is not in the file.
        """
        if strangers := sorted(set(persons) - set(self.persons)):
            raise DataError(
                f"{self.path}: has no {', '.join(strangers)}; its people are {', '.join(self.persons)}"
            )
        return np.flatnonzero(np.isin(self.rows.person, list(persons)))

    def read(
        self, indices: Sequence[int] | NDArray, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Faces (n, S, S, 3) uint8 BGR at these indices, in their order, any order.

        ``out`` of that shape, C-contiguous, is filled and returned if given.

        Raises:
            DataError: a face cannot be unpacked.
            IndexError: an index is out of range.
        """
        indices = np.asarray(indices, dtype=np.int64).reshape(-1)
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self)):
            raise IndexError(f"face index out of range 0..{len(self) - 1}")
        size = self.size_px
        if out is None:
            out = np.empty((len(indices), size, size, 3), np.uint8)
        # h5py's own indexing with a list is fifty times slower than one selection after another.
        dataset = self._open()["faces"].id
        source, target = dataset.get_space(), h5py.h5s.create_simple((len(indices), size, size, 3))
        one = (1, size, size, 3)
        for position, index in enumerate(indices.tolist()):
            source.select_hyperslab((index, 0, 0, 0), one)
            target.select_hyperslab((position, 0, 0, 0), one)
            try:
                dataset.read(target, source, out)
            except OSError as error:
                raise DataError(f"{self.path}: face {index} cannot be unpacked ({error}); {MEND}") from error
        return out

    def sample(self, index: int) -> GazeSample:
        """One face with its labels (see read)."""
        rows = self.rows
        head = rows.head_pitch_yaw_rad[index]
        return GazeSample(
            image=self.read([index])[0],
            gaze_pitch_yaw_rad=rows.pitch_yaw_rad[index],
            head_pitch_yaw_rad=head if np.all(np.isfinite(head)) else None,
            person=str(rows.person[index]),
            day=str(rows.day[index]) or None,
            frame_id=str(rows.frame_id[index]),
            label_space=self.header.label_space,
        )

    def close(self) -> None:
        """Close the file; reading again opens it again."""
        if self._file is not None and self._owner == os.getpid():
            self._file.close()
        self._file = None

    def __enter__(self) -> NormalizedFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_file": None, "_owner": 0}

    def _open(self) -> h5py.File:
        if self._file is None or self._owner != os.getpid():
            with reading():
                present = self.path.is_file()
            if not present:
                raise DataError(f"{self.path}: no such file; make it with `gaze prepare`")
            try:
                # No chunk cache: with one face a chunk it would only copy.
                self._file = h5py.File(self.path, "r", rdcc_nbytes=0)
            except OSError as error:
                raise DataError(
                    f"{self.path}: is not a whole HDF5 file ({error}); copy it again or {MEND}"
                ) from error
            self._owner = os.getpid()
        return self._file


def _utf8(texts: NDArray[np.str_]) -> NDArray[np.bytes_]:
    encoded = [text.encode("utf-8") for text in texts.tolist()]
    return np.array(encoded, dtype=f"S{max([1, *map(len, encoded)])}")


def _column(file: h5py.File, name: str) -> NDArray:
    if name == "mirrored" and "rows/mirrored" not in file:
        # Files written before there was this column mirror nothing.
        return np.zeros(len(file["rows/person"]), np.bool_)
    values = file[f"rows/{name}"][()]
    return np.char.decode(values, "utf-8") if COLUMNS[name][1] is None else values
