"""MediaPipe -> Face: one adapter for each of its two Python APIs, with the same result.

``mesh`` is `mediapipe.solutions.face_mesh` with irises (its models are in the wheel up to 0.10.21);
``tasks`` is the Face Landmarker, which needs a ``.task`` file (`gaze download-models`). Landmarks are in
OpenCV's pixels, whose centres are whole numbers, on the raw picture; they may lie outside it where a face
does. Of the two, only ``tasks`` smooths landmarks over time by itself, and only when tracking one face.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import ModelError, RuntimeUnavailableError, UsageError
from gaze.landmark_model import SHA256
from gaze.landmark_model import model_path as model_path_in_use
from gaze.later_import import imported_later
from gaze.mesh_landmarks import EYES
from gaze.model_spec import sha256_of
from gaze.types import LANDMARK_COUNT, Face, Frame

log = logging.getLogger("gaze")

# What the Tasks interface of newer releases loads from the system.
LIBRARIES_MEND = "Debian and Ubuntu: sudo apt-get install libegl1 libgles2"
KINDS = ("auto", "mesh", "tasks")

# MediaPipe works on 192 px crops: a larger picture only costs time.
MAX_SIDE_PX = 1920
# A face of fewer pixels carries no gaze, and MediaPipe rejects pictures of a single pixel.
MIN_SIDE_PX = 16

# Of the subject's (right, left) eye: the two corners, then upper-lower pairs.
_CORNERS = np.array([[eye.outer, eye.inner] for eye in EYES])
_UPPER = np.array([eye.upper for eye in EYES])
_LOWER = np.array([eye.lower for eye in EYES])
# Lid gap over eye width: of closed eyes (0.02 to 0.10 measured) and of widely open ones.
_CLOSED_RATIO, _OPEN_RATIO = 0.08, 0.30

# Wire format of one landmark: a length-delimited field of three tagged floats.
_LANDMARK_WIRE = np.dtype(
    [("head", "u1", 2), ("tx", "u1"), ("x", "<f4"), ("ty", "u1"), ("y", "<f4"), ("tz", "u1"), ("z", "<f4")]
)
_LANDMARK_TAGS = ((0x0A, 0x0F), 0x0D, 0x15, 0x1D)


class FaceDetector(Protocol):
    """Finds faces and their landmarks; keeps track of them from frame to frame unless made static."""

    name: str

    def detect(self, frame: Frame) -> list[Face]:
        """The faces of a frame, in no particular order; none found is an empty list."""

    def close(self) -> None:
        """Free the models."""

    def __enter__(self) -> FaceDetector: ...

    def __exit__(self, *exc_info: object) -> None: ...


def _import_mediapipe() -> ModuleType:
    """MediaPipe without what it imports for drawing and sound alone, which takes longer than all the rest."""
    with imported_later("matplotlib", "matplotlib.pyplot", "sounddevice"):
        import mediapipe
    return mediapipe


def create_detector(
    kind: str = "auto",
    max_faces: int = 1,
    model_path: str | os.PathLike[str] | None = None,
    static: bool = False,
) -> FaceDetector:
    """Open a detector for up to ``max_faces`` faces.

    ``auto`` is ``tasks`` where a model path is given or this mediapipe has no face mesh, else ``mesh``.
    ``static`` treats every frame as unrelated to the one before, as for a folder of photos.

    Raises:
        UsageError: an unknown kind, fewer than one face, or a model path for ``mesh``.
        RuntimeUnavailableError: ``mesh`` is asked for and the installed mediapipe has no such API, or the
            system lacks a library that ``tasks`` needs.
        ModelError: the ``.task`` file is missing or unusable, or the one that was fetched is altered. Of a
            file given by its path another checksum than the known one is a warning.
    """
    if kind not in KINDS:
        raise UsageError(f"landmarks: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if max_faces < 1:
        raise UsageError(f"landmarks: the number of faces must be at least 1, got {max_faces}")
    if kind == "mesh" and model_path is not None:
        raise UsageError(f"landmarks: mesh has its models built in and takes no file, got {model_path}")
    mediapipe = _import_mediapipe()
    has_mesh = hasattr(mediapipe, "solutions")
    if kind == "mesh" and not has_mesh:
        raise RuntimeUnavailableError(
            f"landmarks: mediapipe {mediapipe.__version__} has no face mesh API (0.10.21 is the last that "
            "has); use --landmarks tasks, after `gaze download-models`"
        )
    if kind == "tasks" or model_path is not None or not has_mesh:
        return TasksDetector(max_faces, model_path, static)
    return MeshDetector(max_faces, static)


class MeshDetector:
    """`mediapipe.solutions.face_mesh` with refined eyes and irises."""

    name = "mesh"

    def __init__(self, max_faces: int = 1, static: bool = False) -> None:
        self._mesh = _import_mediapipe().solutions.face_mesh.FaceMesh(
            static_image_mode=static, max_num_faces=max_faces, refine_landmarks=True
        )

    def detect(self, frame: Frame) -> list[Face]:
        """See FaceDetector."""
        rgb = _rgb(frame.image)
        if rgb is None:
            return []
        rgb.flags.writeable = False  # lets MediaPipe read the picture in place
        found = self._mesh.process(rgb).multi_face_landmarks or ()
        return _faces((_decode(message) for message in found), frame.image.shape)

    def close(self) -> None:
        """Free the models; closing twice is harmless."""
        if self._mesh is not None:
            self._mesh.close()
            self._mesh = None

    def __enter__(self) -> MeshDetector:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class TasksDetector:
    """MediaPipe's Face Landmarker task."""

    name = "tasks"

    def __init__(
        self, max_faces: int = 1, model_path: str | os.PathLike[str] | None = None, static: bool = False
    ) -> None:
        path = model_path_in_use() if model_path is None else Path(model_path)
        if not path.is_file():
            raise ModelError(
                f"{path}: no such Face Landmarker file; run `gaze download-models` or give "
                "--landmark-model face_landmarker.task"
            )
        actual = sha256_of(path)
        if actual != SHA256 and model_path is None:
            raise ModelError(
                f"{path}: checksum is {actual[:12]}…, expected {SHA256[:12]}…; the file is truncated or "
                "altered: run `gaze download-models`"
            )
        mediapipe = _import_mediapipe()
        vision = mediapipe.tasks.vision
        self._image, self._srgb = mediapipe.Image, mediapipe.ImageFormat.SRGB
        options = vision.FaceLandmarkerOptions(
            base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(path)),
            running_mode=vision.RunningMode.IMAGE if static else vision.RunningMode.VIDEO,
            num_faces=max_faces,
        )
        try:
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).strip().partition("\n")[0]
            if ".so" in reason:  # newer releases load their library only now
                raise RuntimeUnavailableError(
                    f"landmarks: MediaPipe cannot be loaded ({reason}); {LIBRARIES_MEND}"
                ) from error
            raise ModelError(
                f"{path}: is not a usable Face Landmarker file ({reason}); run `gaze download-models`"
            ) from error
        if actual != SHA256:
            log.warning(
                "%s: checksum is %s…, that of the file tested here %s…; landmarks may lie elsewhere",
                path,
                actual[:12],
                SHA256[:12],
            )
        self._static = static
        self._last_ms = -1

    def detect(self, frame: Frame) -> list[Face]:
        """See FaceDetector."""
        rgb = _rgb(frame.image)
        if rgb is None:
            return []
        picture = self._image(image_format=self._srgb, data=rgb)
        if self._static:
            result = self._landmarker.detect(picture)
        else:
            # MediaPipe refuses a timestamp that does not grow.
            self._last_ms = max(self._last_ms + 1, round(frame.t_s * 1000.0))
            result = self._landmarker.detect_for_video(picture, self._last_ms)
        found = (np.array([(p.x, p.y, p.z) for p in face]) for face in result.face_landmarks)
        return _faces(found, frame.image.shape)

    def close(self) -> None:
        """Free the models; closing twice is harmless."""
        if self._landmarker is not None:
            self._landmarker.close()
            self._landmarker = None

    def __enter__(self) -> TasksDetector:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """RGB copy of a BGR picture, made smaller where that loses nothing; None where no face can be seen."""
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        return None
    if max(height, width) > MAX_SIDE_PX:
        scale = MAX_SIDE_PX / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _decode(message) -> NDArray[np.float64]:
    """(N, 3) of a NormalizedLandmarkList, straight from its bytes: 20 times faster than field by field."""
    content = message.SerializeToString()
    if len(content) == len(message.landmark) * _LANDMARK_WIRE.itemsize:
        wire = np.frombuffer(content, _LANDMARK_WIRE)
        head, tx, ty, tz = _LANDMARK_TAGS
        if np.all(wire["head"] == head) and np.all(
            (wire["tx"] == tx) & (wire["ty"] == ty) & (wire["tz"] == tz)
        ):
            return np.stack([wire["x"], wire["y"], wire["z"]], axis=1).astype(np.float64)
    return np.array([(p.x, p.y, p.z) for p in message.landmark], dtype=np.float64)


def _faces(found: Iterable[NDArray[np.float64]], shape: tuple[int, ...]) -> list[Face]:
    """Faces of MediaPipe's points: x and y as fractions of the picture, z in units of its width."""
    height, width = shape[:2]
    faces = []
    for fractions in found:
        points = fractions[:LANDMARK_COUNT] * (width, height, width)
        # A fraction counts from the picture's edge, a pixel from its centre.
        landmarks_px = points[:, :2] - 0.5
        if len(landmarks_px) != LANDMARK_COUNT or not np.isfinite(points).all():
            continue
        box_px = np.concatenate([landmarks_px.min(axis=0), landmarks_px.max(axis=0)])
        faces.append(Face(box_px, landmarks_px, eye_openness(points)))
    return faces


def eye_openness(points_px: NDArray[np.float64]) -> NDArray[np.float64]:
    """How open the (right, left) eye is, 0 closed to 1 open, from MediaPipe's landmarks (478, 3) in px.

    Lid gap over eye width, both as lengths in space: with MediaPipe's depth the ratio of an open eye changes
    by 6 % over head pitches of -25 to 25 degrees, in the picture alone by 15 %, and by 25 % at 30 of yaw.
    """
    gap = np.linalg.norm(points_px[_UPPER] - points_px[_LOWER], axis=2).mean(axis=1)
    width = np.linalg.norm(points_px[_CORNERS[:, 0]] - points_px[_CORNERS[:, 1]], axis=1)
    ratio = gap / np.maximum(width, 1e-9)
    return np.clip((ratio - _CLOSED_RATIO) / (_OPEN_RATIO - _CLOSED_RATIO), 0.0, 1.0)
