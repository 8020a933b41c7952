"""Faces that are too small in the picture to be found: a detector that also looks at parts of it.

MediaPipe looks for faces in the whole picture made small, and so misses those narrower than about a tenth of
it: people more than a metre from an ordinary webcam. In a part of half its width they are twice as large.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import FloatArray
from gaze.types import Face, Frame

if TYPE_CHECKING:
    from gaze.landmarks import FaceDetector

# Side of a part, of the picture's longer one; parts overlap by half, so that each face is whole in one.
PART = 0.5
# A face wider than this share of the picture's longer side is surely found in the whole of it again.
NEAR_SHARE = 0.16
# How far from a part's middle a face may be before the part is moved, as a share of its side.
OFF_MIDDLE = 0.2
# In smaller pictures a face that the whole does not show has too few pixels for a gaze.
LEAST_SIDE_PX = 480
# With more than one face wanted, how often the whole picture is looked at for nearer ones, in frames.
WHOLE_EVERY = 30


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A part of the picture, which may be the whole: its left upper pixel, width and height."""

    x_px: int
    y_px: int
    width_px: int
    height_px: int

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part of a picture (H, W, 3)."""
        return image[self.y_px : self.y_px + self.height_px, self.x_px : self.x_px + self.width_px]

    def holds_in_the_middle(self, face: Face) -> bool:
        """Whether a face is not near the part's edges."""
        sides = np.array([self.width_px, self.height_px])
        middle = np.array([self.x_px, self.y_px]) + sides / 2
        return bool((np.abs(_middle(face) - middle) <= OFF_MIDDLE * sides).all())


def parts_of(width_px: int, height_px: int) -> list[Part]:
    """Parts of a picture that overlap by half, those at its middle first; together they are all of it."""
    across, down = _sides_px(width_px, height_px)
    parts = [Part(x, y, across, down) for y in _starts(height_px, down) for x in _starts(width_px, across)]
    return sorted(parts, key=lambda part: _off_middle_px(part, width_px, height_px))


def part_about(face: Face, width_px: int, height_px: int) -> Part:
    """The part of a picture that has a face in its middle, or as near to it as the edges allow."""
    sides = _sides_px(width_px, height_px)
    corner = [
        int(np.clip(round(at - own / 2), 0, whole - own))
        for at, own, whole in zip(_middle(face), sides, (width_px, height_px), strict=True)
    ]
    return Part(*corner, *sides)


class CloserLook:
    """A detector that looks at parts of a picture where the whole shows no face.

    Of a stream one part a frame is looked at, until one has a face; then that part, as long as the face is in
    it and small. Pictures that are unrelated are searched whole.

    Args:
        detector: closed with this one.
        max_faces: how many the detector finds.
        static: whether the detector treats every frame by itself.
    """

    def __init__(self, detector: FaceDetector, max_faces: int = 1, static: bool = False) -> None:
        self.name = detector.name
        self._detector = detector
        self._several = max_faces > 1
        self._static = static
        self._whole = self._first = Part(0, 0, 0, 0)  # the whole picture; what to look at first
        self._followed: Part | None = None  # what the detector follows faces in, while it follows any
        self._turn = 0

    def detect(self, frame: Frame) -> list[Face]:
        """See FaceDetector."""
        height, width = frame.image.shape[:2]
        if (width, height) != (self._whole.width_px, self._whole.height_px):
            self._whole = self._first = Part(0, 0, width, height)
        self._turn += 1
        for part in self._looks():
            faces = self._faces(frame, part)
            if not faces:
                continue
            better = self._next_part(faces, part)
            if part != self._first and better not in (self._whole, part):
                # Found by chance near a part's edge, which may have cut it.
                faces = self._faces(frame, better) or faces
            if not self._static:
                self._first = better
            return faces
        self._first = self._whole
        return []

    def close(self) -> None:
        """Free the models; closing twice is harmless."""
        self._detector.close()

    def __enter__(self) -> CloserLook:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _looks(self) -> Iterator[Part]:
        """What to look at, one after the other, until there is a face."""
        whole = self._whole
        if self._first != whole:
            if self._several and self._turn % WHOLE_EVERY == 0:
                yield whole
            yield self._first
        yield whole
        if max(whole.width_px, whole.height_px) >= LEAST_SIDE_PX:
            parts = parts_of(whole.width_px, whole.height_px)
            yield from parts if self._static else [parts[self._turn % len(parts)]]

    def _faces(self, frame: Frame, part: Part) -> list[Face]:
        """The faces of a part, in px of the whole picture."""
        seen = dataclasses.replace(frame, image=part.of(frame.image))
        faces = self._detector.detect(seen)
        if not faces and self._followed not in (None, part):
            # It followed a face of elsewhere to where there is none here; from now on it searches.
            faces = self._detector.detect(seen)
        self._followed = part if faces and not self._static else None
        return [_moved(face, part) for face in faces]

    def _next_part(self, faces: list[Face], part: Part) -> Part:
        """Where to look first in the next frame."""
        largest = max(faces, key=lambda face: face.width_px)
        width_px, height_px = self._whole.width_px, self._whole.height_px
        if part == self._whole or largest.width_px > NEAR_SHARE * max(width_px, height_px):
            return self._whole
        return part if part.holds_in_the_middle(largest) else part_about(largest, width_px, height_px)


def _sides_px(width_px: int, height_px: int) -> tuple[int, int]:
    """Width and height of a part of a picture."""
    side = math.ceil(PART * max(width_px, height_px))
    return min(side, width_px), min(side, height_px)


def _starts(whole: int, side: int) -> list[int]:
    """Where parts of a side begin along a whole so that neighbours overlap by half."""
    if whole <= side:
        return [0]
    count = 1 + math.ceil((whole - side) / (side / 2))
    return [round(at) for at in np.linspace(0, whole - side, count)]


def _off_middle_px(part: Part, width_px: int, height_px: int) -> float:
    return math.hypot(
        part.x_px + (part.width_px - width_px) / 2, part.y_px + (part.height_px - height_px) / 2
    )


def _middle(face: Face) -> FloatArray:
    return (face.box_px[:2] + face.box_px[2:]) / 2


def _moved(face: Face, part: Part) -> Face:
    """A face of a part in px of the whole picture."""
    if part.x_px == part.y_px == 0:
        return face  # in every frame of a near face
    corner = np.array([part.x_px, part.y_px])
    return dataclasses.replace(
        face, box_px=face.box_px + np.tile(corner, 2), landmarks_px=face.landmarks_px + corner
    )
