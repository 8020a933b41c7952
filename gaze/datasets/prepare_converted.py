"""Sets that are normalised already as sources of a prepared file: only the size changes, nothing is warped.

Where the stored pictures come at another size they are resampled (area averaging when shrinking). Their crop
is taken to be the published one: 140 mm of the face plane.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from gaze.datasets.face_folder import FaceFolder, read_face_folder
from gaze.datasets.gazehub import GazeHubPerson, gazehub_persons, read_gazehub_person
from gaze.datasets.label_space import detect_label_space
from gaze.datasets.mpiifacegaze_normalized import ReleasedFile
from gaze.datasets.mpiifacegaze_raw import RawDataset
from gaze.datasets.normalized_hdf5 import NormalizedHeader
from gaze.datasets.prepare import Block, LoadedBlock, Skipped, split_blocks
from gaze.datasets.sample import day_of
from gaze.datasets.system_errors import checksum
from gaze.errors import DataError
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA, resize_face
from gaze.picture_files import check_square, read_picture_and_sha256


def _header(
    name: str, label_space: str, size: int, face_centre: str, sources: dict[str, str]
) -> NormalizedHeader:
    camera = DEFAULT_NORMALIZED_CAMERA.resized(size)
    return NormalizedHeader(
        source=name,
        label_space=label_space,
        normalized_camera=camera,
        face_centre=face_centre,
        tool_version=version("webcam-gaze"),
        sources=sources,
    )


def _chosen(root: Path, available: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    if missing := sorted(set(wanted) - set(available)):
        raise DataError(f"{root}: has no {', '.join(missing)}; its people are {', '.join(available)}")
    return tuple(sorted(set(wanted))) if wanted else available


@dataclass(frozen=True, slots=True)
class ReleasedSource:
    """The released ``pXX.mat`` files. ``check_against``: the raw set, to check the label space with.

    Raises, from its methods:
        DataError: a file is missing or damaged, or the labels are plainly of the other label space.
    """

    root: Path
    size_px: int
    label_space: str
    persons: tuple[str, ...] = ()
    check_against: Path | None = None

    def header(self) -> NormalizedHeader:
        """Label space as declared, checksums of the files; checks the label space where it can."""
        sources = {f"{name}.mat": checksum(self.root / f"{name}.mat") for name in self._persons()}
        for name in self._persons() if self.check_against is not None else ():
            self._check(name)
        return _header(
            "mpiifacegaze-released", self.label_space, self.size_px, "as released by the authors", sources
        )

    def _check(self, name: str) -> None:
        notes = RawDataset(self.check_against).person(name).annotations
        with ReleasedFile(self.root / f"{name}.mat", self.label_space) as file:
            verdict = detect_label_space(
                file.gaze_pitch_yaw_rad,
                file.head_pitch_yaw_rad,
                notes,
                DEFAULT_NORMALIZED_CAMERA.distance_mm,
            )
        figures = (
            f"labels lie {verdict.rotation_only_deg:.2f} degrees (median) from the raw targets if rotated "
            f"only, {verdict.scaled_deg:.2f} if scaled"
        )
        if verdict.space != self.label_space:
            mend = f"give --label-space {verdict.space}" if verdict.space else "neither fits: check the files"
            raise DataError(f"{self.root / name}.mat: is not {self.label_space!r}: {figures}; {mend}")

    def blocks(self) -> list[Block]:
        """All faces of every person."""
        counts = {}
        for name in self._persons():
            with ReleasedFile(self.root / f"{name}.mat", self.label_space) as file:
                counts[name] = len(file)
        return [block for name, count in counts.items() for block in split_blocks(name, count)]

    def skipped(self) -> list[Skipped]:
        """Nothing: a released file is whole or refused."""
        return []

    def warnings(self) -> list[str]:
        """Whether the label space was checked."""
        if self.check_against is not None:
            return [f"label space {self.label_space!r} agrees with the raw 3-D targets"]
        return [f"label space {self.label_space!r} is as declared, not checked; --check-against RAW does"]

    def load(self, block: Block) -> LoadedBlock:
        """Read a block by slices and bring it to size."""
        faces, rows = [], []
        with ReleasedFile(self.root / f"{block.person}.mat", self.label_space) as file:
            for start in range(block.start, block.stop, 32):
                for offset, image in enumerate(file.read(start, min(start + 32, block.stop))):
                    row = start + offset
                    check_square(image, f"{self.root / block.person}.mat: face {row}")
                    face = resize_face(image, self.size_px)
                    faces.append(face)
                    rows.append(
                        {
                            "person": block.person,
                            "frame_id": f"{row:04d}",
                            "pitch_yaw_rad": file.gaze_pitch_yaw_rad[row],
                            "head_pitch_yaw_rad": file.head_pitch_yaw_rad[row],
                            "landmarks_norm_px": file.landmarks_px[row] * self.size_px / image.shape[0],
                            "brightness": face.mean(),
                        }
                    )
        return LoadedBlock(faces, rows, [])

    def _persons(self) -> tuple[str, ...]:
        available = tuple(sorted(path.stem for path in self.root.glob("p[0-9][0-9].mat")))
        if not available:
            raise DataError(f"{self.root}: holds no p00.mat; give the folder MPIIFaceGaze_normalizad")
        return _chosen(self.root, available, self.persons)


@dataclass(frozen=True, slots=True)
class GazeHubSource:
    """A GazeHub folder; ``label_space`` "scaled" as stored or "rotation-only" with the scaling undone.

    Raises, from its methods:
        DataError: a label file is missing or damaged.
    """

    root: Path
    size_px: int
    label_space: str
    persons: tuple[str, ...] = ()

    def header(self) -> NormalizedHeader:
        """The label space asked for and the checksums of the label files."""
        sources = {
            f"{name}.label": checksum(self.root / "Label" / f"{name}.label") for name in self._persons()
        }
        return _header("gazehub", self.label_space, self.size_px, "as converted by GazeHub", sources)

    def blocks(self) -> list[Block]:
        """All faces of every person."""
        return [
            block
            for name in self._persons()
            for block in split_blocks(name, len(_gazehub_person(self.root, name)))
        ]

    def skipped(self) -> list[Skipped]:
        """Nothing: a label file is whole or refused."""
        return []

    def warnings(self) -> list[str]:
        """Nothing to say."""
        return []

    def load(self, block: Block) -> LoadedBlock:
        """Read a block and bring it to size; pictures that cannot be read are left out."""
        person = _gazehub_person(self.root, block.person)
        gaze = person.pitch_yaw_rad(self.label_space)
        loaded = LoadedBlock([], [], [])
        for row in range(block.start, block.stop):
            path = self.root / "Image" / str(person.face[row])
            columns = {
                "person": block.person,
                "day": day_of(str(person.origin[row])) or "",
                "frame_id": str(person.face[row]),
                "eye": str(person.eye[row]),
                "pitch_yaw_rad": gaze[row],
                "head_pitch_yaw_rad": person.head_pitch_yaw_rad[row],
                "R_norm_cam": cv2.Rodrigues(person.rotation_rvec[row])[0],
                # GazeHub's conversion mirrors the faces of its right-eye rows, gaze and head with them.
                "mirrored": str(person.eye[row]) == "right",
                "distance_scale": person.scale[row, 2] / person.scale[row, 0],
            }
            _add_picture(loaded, path, self.size_px, columns)
        return loaded

    def _persons(self) -> tuple[str, ...]:
        return _chosen(self.root, gazehub_persons(self.root), self.persons)


@functools.lru_cache(maxsize=32)
def _gazehub_person(root: Path, name: str) -> GazeHubPerson:
    return read_gazehub_person(root, name)


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder of face crops with a CSV of labels.

    Raises, from its methods:
        DataError: the CSV or a picture is missing or damaged.
    """

    root: Path
    labels: Path
    size_px: int
    label_space: str
    persons: tuple[str, ...] = ()

    def header(self) -> NormalizedHeader:
        """The label space as declared and the checksum of the CSV."""
        sources = {self.labels.name: checksum(self.labels)}
        return _header("face-folder", self.label_space, self.size_px, "as cropped by their owner", sources)

    def blocks(self) -> list[Block]:
        """All crops, person by person."""
        folder = self._folder()
        names = _chosen(self.root, tuple(sorted(set(folder.person.tolist()))), self.persons)
        return [
            block
            for name in names
            for block in split_blocks(name, int(np.count_nonzero(folder.person == name)))
        ]

    def skipped(self) -> list[Skipped]:
        """Nothing: the CSV is whole or refused."""
        return []

    def warnings(self) -> list[str]:
        """Nothing to say."""
        return []

    def load(self, block: Block) -> LoadedBlock:
        """Read a block and bring it to size; pictures that cannot be read are left out."""
        folder = self._folder()
        loaded = LoadedBlock([], [], [])
        for row in np.flatnonzero(folder.person == block.person)[block.start : block.stop]:
            columns = {
                "person": block.person,
                "frame_id": str(folder.file[row]),
                "pitch_yaw_rad": folder.pitch_yaw_rad[row],
            }
            _add_picture(loaded, folder.images / str(folder.file[row]), self.size_px, columns)
        return loaded

    def _folder(self) -> FaceFolder:
        return read_face_folder(self.root, self.labels, self.label_space)


def _add_picture(loaded: LoadedBlock, path: Path, size: int, columns: dict[str, object]) -> None:
    try:
        image, digest = read_picture_and_sha256(path)
        check_square(image, path)
        face = resize_face(image, size)
    except DataError as error:
        loaded.skipped.append(Skipped(str(columns["person"]), str(columns["frame_id"]), str(error)))
        return
    loaded.faces.append(face)
    loaded.rows.append({**columns, "source_sha256": digest, "brightness": face.mean()})
