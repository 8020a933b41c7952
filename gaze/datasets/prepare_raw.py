"""Raw MPIIFaceGaze as a source of normalised faces, by the normalisation of the live loop."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gaze.camera import Camera
from gaze.datasets.mirror import mirror_row
from gaze.datasets.mpiifacegaze_annotations import Consistency, consistency
from gaze.datasets.mpiifacegaze_label import raw_label
from gaze.datasets.mpiifacegaze_raw import RawDataset, RawPerson, read_subset
from gaze.datasets.normalized_hdf5 import NormalizedHeader
from gaze.datasets.prepare import Block, LoadedBlock, Skipped, split_blocks
from gaze.datasets.sample import day_of
from gaze.datasets.system_errors import checksum
from gaze.errors import DataError
from gaze.normalization import (
    DEFAULT_NORMALIZED_CAMERA,
    normalize_face,
    normalizing_warp,
)
from gaze.picture_files import read_picture_and_sha256
from gaze.types import ROTATION_ONLY, Frame, HeadPose, NormalizedCamera

FACE_CENTRE = "mean of the six model points (four eye corners, two mouth corners), as stored in the set"
# A screen pixel is about 0.2 mm; targets further than this from their pixel belong to other columns or
# another monitorPose.
SCREEN_TOLERANCE_MM = 10.0
# Face centres are those of the stored head poses (the readme), landmarks lie about them; where most
# of a person's do not, columns are swapped or in other units.
CENTRE_WARNING_MM, CENTRE_REFUSAL_MM = 1.0, 20.0
LANDMARK_WARNING_PX, LANDMARK_REFUSAL_PX = 15.0, 80.0


@dataclass(frozen=True, slots=True)
class RawSource:
    """Normalised faces of a raw MPIIFaceGaze folder (a gaze.datasets.prepare.BlockSource).

    ``persons`` empty: all. ``subset_lists``: folder of MPIIGaze's evaluation lists, pXX.txt; None: every
    picture once. ``mirror_right``: entries of the lists for a right eye are mirrored, as published results
    have it. ``screen_tolerance_mm`` None: the columns are not checked against each other and the screen.

    Raises, from its methods:
        DataError: a person, file or row count is not as promised, or the columns contradict the calibration.
    """

    root: Path
    size_px: int
    persons: tuple[str, ...] = ()
    subset_lists: Path | None = None
    screen_tolerance_mm: float | None = SCREEN_TOLERANCE_MM
    check_counts: bool = True
    mirror_right: bool = True

    @property
    def camera(self) -> NormalizedCamera:
        """The virtual camera: the live loop's view at this picture size."""
        return DEFAULT_NORMALIZED_CAMERA.resized(self.size_px)

    def header(self) -> NormalizedHeader:
        """Label space, camera and the checksums of all text and calibration files."""
        dataset = RawDataset(self.root)
        sources: dict[str, str] = {}
        for name in self._persons():
            sources.update(dataset.checksums(name))
            if self.subset_lists is not None:
                sources[f"subset/{name}.txt"] = checksum(self.subset_lists / f"{name}.txt")
        options: dict[str, object] = {"subset": "all"}
        if self.subset_lists is not None:
            options = {
                "subset": "evaluation",
                "right_eyes": "mirrored" if self.mirror_right else "as they are",
            }
        return NormalizedHeader(
            source="mpiifacegaze-raw" if dataset.published else "mpiifacegaze-like",
            label_space=ROTATION_ONLY,
            normalized_camera=self.camera,
            face_centre=FACE_CENTRE,
            tool_version=version("webcam-gaze"),
            sources=sources,
            options=options,
        )

    def blocks(self) -> list[Block]:
        """The usable rows of every person."""
        return [
            block for name in self._persons() for block in split_blocks(name, len(_plan(self, name).rows))
        ]

    def skipped(self) -> list[Skipped]:
        """Rows of the text files that cannot be used."""
        return [item for name in self._persons() for item in _plan(self, name).skipped]

    def warnings(self) -> list[str]:
        """What does not fit together in the data, in words."""
        return [text for name in self._persons() for text in _plan(self, name).warnings]

    def load(self, block: Block) -> LoadedBlock:
        """Read, normalise and label a block; pictures that cannot be read are left out."""
        plan = _plan(self, block.person)
        faces, rows, skipped = [], [], []
        for row, eye in plan.rows[block.start : block.stop]:
            try:
                face, columns = self._normalize(plan.person, row, plan.check)
            except DataError as error:
                line = plan.person.annotations.line[row]
                where = f"{block.person}/{block.person}.txt: line {line}"
                skipped.append(Skipped(block.person, where, str(error)))
                continue
            if self.subset_lists is not None and self.mirror_right and eye == "right":
                face, columns = mirror_row(face, columns)
            faces.append(face)
            rows.append({**columns, "eye": eye})
        return LoadedBlock(faces, rows, skipped)

    def _normalize(
        self, person: RawPerson, row: int, check: Consistency
    ) -> tuple[np.ndarray, dict[str, object]]:
        notes, image_name = person.annotations, str(person.annotations.image[row])
        image, digest = read_picture_and_sha256(person.image_path(row))
        try:
            camera = person.calibration.camera_mat.camera(image.shape[1], image.shape[0])
        except DataError as error:
            raise DataError(f"{person.image_path(row)}: {error}") from error
        centre, R_cam_head = notes.centre_cam_mm[row], notes.R_cam_head(row)
        pose = HeadPose(R_cam_head, notes.head_tvec_mm[row], float(check.landmark_rms_px[row]))
        normalized = normalize_face(Frame(image), camera, pose, centre, self.camera)
        R, label = normalized.R_norm_cam, raw_label(notes, row)
        return normalized.image, {
            "person": person.name,
            "day": day_of(image_name) or "",
            "frame_id": image_name,
            "source_sha256": digest,
            "pitch_yaw_rad": label.gaze_pitch_yaw_rad,
            "head_pitch_yaw_rad": label.head_pitch_yaw_rad,
            "R_norm_cam": R,
            "centre_cam_mm": centre,
            "target_cam_mm": notes.target_cam_mm[row],
            "distance_scale": normalized.distance_scale,
            "landmarks_norm_px": _warp_points(notes.landmarks_px[row], camera, R, centre, self.camera),
            "brightness": normalized.image.mean(),
            "off_screen": check.off_screen[row],
        }

    def _persons(self) -> tuple[str, ...]:
        dataset = RawDataset(self.root)
        if strangers := sorted(set(self.persons) - set(dataset.persons)):
            raise DataError(
                f"{dataset.root}: has no {', '.join(strangers)}; its people are {', '.join(dataset.persons)}"
            )
        if self.persons:
            return tuple(sorted(set(self.persons)))
        if missing := dataset.missing_persons():
            raise DataError(
                f"{dataset.root}: {', '.join(missing)} missing of {len(dataset.counts)} people; download the "
                f"rest, or name those to use: --persons {' '.join(dataset.persons)}"
            )
        return dataset.persons


@dataclass(frozen=True, slots=True)
class _Plan:
    person: RawPerson
    check: Consistency
    rows: list[tuple[int, str]]
    skipped: list[Skipped]
    warnings: list[str]


def _plan(source: RawSource, name: str) -> _Plan:
    folder = RawDataset(source.root).root / name
    files = [folder / f"{name}.txt", *sorted((folder / "Calibration").glob("*.mat"))]
    if source.subset_lists is not None:
        files.append(source.subset_lists / f"{name}.txt")
    stats = [path.stat() for path in files if path.is_file()]
    return _cached_plan(source, name, tuple((stat.st_mtime_ns, stat.st_size) for stat in stats))


@functools.lru_cache(maxsize=32)
def _cached_plan(source: RawSource, name: str, stamps: tuple[tuple[int, int], ...]) -> _Plan:
    dataset = RawDataset(source.root)
    person = dataset.person(name)
    notes = person.annotations
    promised, found = dataset.counts.get(name), len(notes) + len(person.problems)
    if source.check_counts and promised is not None and promised != found:
        raise DataError(
            f"{person.folder / name}.txt: {found} rows, the published set has {promised}; download the "
            "person again, or give --any-count if this is on purpose"
        )
    skipped = [Skipped(name, f"{name}/{name}.txt: line {item.line}", item.reason) for item in person.problems]
    check = consistency(notes, person.calibration)
    bad = np.zeros(len(notes), bool)
    if source.screen_tolerance_mm is not None:
        bad = check.screen_deviation_mm > source.screen_tolerance_mm
        _refuse_foreign_screen(person, check, bad, source.screen_tolerance_mm)
        _refuse_mixed_columns(person, check)
    for row in np.flatnonzero(bad):
        reason = (
            f"gaze target lies {check.screen_deviation_mm[row]:.1f} mm from where its screen pixel is "
            "(columns 2-3 against 25-27)"
        )
        skipped.append(Skipped(name, f"{name}/{name}.txt: line {notes.line[row]}", reason))
    usable = np.flatnonzero(~bad)
    if source.subset_lists is None:
        rows = [(int(row), str(notes.eye[row])) for row in usable]
    else:
        rows = _subset_rows(source.subset_lists / f"{name}.txt", notes.image, set(usable.tolist()))
    return _Plan(person, check, rows, skipped, _warnings(name, check))


def _subset_rows(path: Path, images: np.ndarray, usable: set[int]) -> list[tuple[int, str]]:
    index = {str(image): row for row, image in enumerate(images)}
    entries = read_subset(path)
    if absent := [image for image, _ in entries if image not in index]:
        raise DataError(
            f"{path}: {len(absent)} of {len(entries)} pictures are not among the person's usable rows, the "
            f"first is {absent[0]}; mend the person's text file or use --subset all"
        )
    return [(index[image], eye) for image, eye in entries if index[image] in usable]


def _refuse_foreign_screen(person: RawPerson, check: Consistency, bad: np.ndarray, tolerance: float) -> None:
    if np.count_nonzero(bad) * 2 > len(bad):
        raise DataError(
            f"{person.folder / 'Calibration'}: monitorPose.mat and screenSize.mat do not explain the gaze "
            f"targets (median deviation {np.median(check.screen_deviation_mm):.1f} mm, "
            f"tolerance {tolerance:g}); "
            "is the folder another person's? The labels themselves come from the targets: "
            "--no-consistency-check goes on without this check"
        )


def _refuse_mixed_columns(person: RawPerson, check: Consistency) -> None:
    centre, rms = np.median(check.centre_deviation_mm), np.median(check.landmark_rms_px)
    if centre <= CENTRE_REFUSAL_MM and rms <= LANDMARK_REFUSAL_PX:
        return
    text = (
        f"face centres (columns 22-24) lie {centre:.1f} mm (median) from those of the head poses (16-21)"
        if centre > CENTRE_REFUSAL_MM
        else f"landmarks (columns 4-15) lie {rms:.0f} px (median) from where the head poses (16-21) put them"
    )
    raise DataError(
        f"{person.folder / person.name}.txt: {text}; are columns swapped, in other units, or is "
        "Calibration/Camera.mat another person's? --no-consistency-check goes on without this check"
    )


def _warnings(name: str, check: Consistency) -> list[str]:
    texts = []
    centre, rms = np.median(check.centre_deviation_mm), np.median(check.landmark_rms_px)
    if centre > CENTRE_WARNING_MM:
        texts.append(
            f"{name}: stored face centres lie {centre:.1f} mm (median) from those of the stored head poses"
        )
    if rms > LANDMARK_WARNING_PX:
        texts.append(
            f"{name}: stored head poses project {rms:.0f} px (median RMS) beside the stored landmarks; "
            "is Camera.mat another person's?"
        )
    if off := int(np.count_nonzero(check.off_screen)):
        texts.append(
            f"{name}: {off} of {len(check.off_screen)} gaze targets lie off the screen (kept, flagged)"
        )
    return texts


def _warp_points(
    landmarks_px: np.ndarray, camera: Camera, R: np.ndarray, centre: np.ndarray, target: NormalizedCamera
) -> np.ndarray:
    points = np.c_[camera.undistort(landmarks_px), np.ones(len(landmarks_px))]
    warped = points @ normalizing_warp(camera.K, R, centre, target).T
    return warped[:, :2] / warped[:, 2:]
