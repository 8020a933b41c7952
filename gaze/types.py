"""The frozen values that flow from a camera frame to a point of gaze.

Frame -> Face -> HeadPose -> NormalizedFace -> GazeAngles -> GazeRay -> PointOfGaze, gathered in one
Estimate per face. Names carry unit and frame; ``R_a_b`` takes b-vectors to a. Camera frame: x right,
y down, z forward, millimetres. Every value is checked when it is made.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import is_rotation, unit

LANDMARK_COUNT = 478


def _frozen(value, shape: tuple[int, ...], name: str, dtype=np.float64) -> NDArray:
    # An array that a value was made of before, as in dataclasses.replace, is taken as it is.
    known = isinstance(value, np.ndarray) and value.flags.owndata and not value.flags.writeable
    array = np.asarray(value, dtype=dtype) if known else np.array(value, dtype=dtype)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    array.setflags(write=False)
    return array


def _image(value, name: str) -> NDArray[np.uint8]:
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 3:
        got = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} must be a uint8 BGR array (H, W, 3), got {got}")
    if value.shape[0] == 0 or value.shape[1] == 0:
        raise ValueError(f"{name} is empty: {value.shape}")
    return value


class Status(str, enum.Enum):
    """What became of a face or a frame."""

    OK = "OK"
    NO_FACE = "NO_FACE"
    POSE_FAILED = "POSE_FAILED"
    BLINK = "BLINK"
    BLUR = "BLUR"
    FROZEN = "FROZEN"
    UNSURE = "UNSURE"


@dataclass(frozen=True, slots=True)
class Frame:
    """A raw (distorted) picture. ``image`` (H, W, 3) uint8 BGR; ``t_s`` monotonic seconds."""

    image: NDArray[np.uint8]
    index: int = 0
    t_s: float = 0.0

    def __post_init__(self) -> None:
        _image(self.image, "Frame.image")


@dataclass(frozen=True, slots=True)
class Face:
    """A found face. Boxes are xyxy; landmarks are MediaPipe's 478 on the raw, distorted picture.

    ``eye_open``: (subject's right, left), about 0 closed to 1 open. ``track_id`` is -1 when untracked.
    """

    box_px: NDArray[np.float64]
    landmarks_px: NDArray[np.float64]
    eye_open: NDArray[np.float64]
    track_id: int = -1

    def __post_init__(self) -> None:
        object.__setattr__(self, "box_px", _frozen(self.box_px, (4,), "Face.box_px"))
        object.__setattr__(
            self, "landmarks_px", _frozen(self.landmarks_px, (LANDMARK_COUNT, 2), "Face.landmarks_px")
        )
        object.__setattr__(self, "eye_open", _frozen(self.eye_open, (2,), "Face.eye_open"))

    @property
    def width_px(self) -> float:
        """Width of the box."""
        return float(self.box_px[2] - self.box_px[0])


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Pose of the head model (origin between the eyes, see face_model) in the camera frame, mm."""

    R_cam_head: NDArray[np.float64]
    t_cam_mm: NDArray[np.float64]
    reprojection_rms_px: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "R_cam_head", _frozen(self.R_cam_head, (3, 3), "HeadPose.R_cam_head"))
        object.__setattr__(self, "t_cam_mm", _frozen(self.t_cam_mm, (3,), "HeadPose.t_cam_mm"))
        if not is_rotation(self.R_cam_head):
            raise ValueError("HeadPose.R_cam_head must be a rotation")


@dataclass(frozen=True, slots=True)
class NormalizedFace:
    """A face as the virtual, normalised camera sees it.

    ``image`` (S, S, 3) uint8 BGR; ``R_norm_cam`` takes camera vectors to normalised ones;
    ``centre_cam_mm`` is the gaze origin; ``distance_scale`` is normalised over true distance; ``view_mm`` is
    the width of what the image shows at the centre.
    """

    image: NDArray[np.uint8]
    R_norm_cam: NDArray[np.float64]
    centre_cam_mm: NDArray[np.float64]
    distance_scale: float
    view_mm: float = 140.0

    def __post_init__(self) -> None:
        image = _image(self.image, "NormalizedFace.image")
        if image.shape[0] != image.shape[1]:
            raise ValueError(f"NormalizedFace.image must be square, got {image.shape}")
        object.__setattr__(self, "R_norm_cam", _frozen(self.R_norm_cam, (3, 3), "NormalizedFace.R_norm_cam"))
        object.__setattr__(
            self, "centre_cam_mm", _frozen(self.centre_cam_mm, (3,), "NormalizedFace.centre_cam_mm")
        )
        if not is_rotation(self.R_norm_cam):
            raise ValueError("NormalizedFace.R_norm_cam must be a rotation")


@dataclass(frozen=True, slots=True)
class GazeAngles:
    """Gaze in the normalised frame, radians; ``sigma_rad`` is the predicted deviation, if any."""

    pitch_rad: float
    yaw_rad: float
    sigma_rad: float | None = None


@dataclass(frozen=True, slots=True)
class GazeRay:
    """A line of sight in the camera frame: origin in mm, direction of unit length."""

    origin_cam_mm: NDArray[np.float64]
    direction_cam: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin_cam_mm", _frozen(self.origin_cam_mm, (3,), "GazeRay.origin_cam_mm"))
        direction = unit(_frozen(self.direction_cam, (3,), "GazeRay.direction_cam"))
        direction.setflags(write=False)
        object.__setattr__(self, "direction_cam", direction)


@dataclass(frozen=True, slots=True)
class PointOfGaze:
    """Where the line of sight meets the screen: mm and px from the screen's top left corner.

    ``covariance_mm2`` (2, 2) is the uncertainty of ``screen_mm`` where the calibration gives one;
    ``screen`` names the screen where there are several; ``direction_cam`` (3,) is the unit vector from the
    face to the point, which differs from the ray where points are smoothed.
    """

    screen_mm: NDArray[np.float64]
    screen_px: NDArray[np.float64]
    on_screen: bool
    covariance_mm2: NDArray[np.float64] | None = None
    screen: str = ""
    direction_cam: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "screen_mm", _frozen(self.screen_mm, (2,), "PointOfGaze.screen_mm"))
        object.__setattr__(self, "screen_px", _frozen(self.screen_px, (2,), "PointOfGaze.screen_px"))
        if self.covariance_mm2 is not None:
            object.__setattr__(
                self,
                "covariance_mm2",
                _frozen(self.covariance_mm2, (2, 2), "PointOfGaze.covariance_mm2"),
            )
        if self.direction_cam is not None:
            object.__setattr__(
                self, "direction_cam", _frozen(self.direction_cam, (3,), "PointOfGaze.direction_cam")
            )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Everything known of one face in one frame. Stages that were not reached are None."""

    frame_index: int
    t_s: float
    status: Status
    face: Face | None = None
    head_pose: HeadPose | None = None
    normalized: NormalizedFace | None = None
    gaze: GazeAngles | None = None
    ray: GazeRay | None = None
    point_of_gaze: PointOfGaze | None = None
    weight_map: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a runtime gives for a batch of N normalised faces.

    ``pitch_yaw_rad`` (N, 2) in the normalised frame; ``sigma_rad`` (N, 2), one per angle, and
    ``weight_map`` (N, h, w) where the model has them.
    """

    pitch_yaw_rad: NDArray[np.float32]
    sigma_rad: NDArray[np.float32] | None = None
    weight_map: NDArray[np.float32] | None = None

    @property
    def sigma_of_both_rad(self) -> NDArray[np.float32] | None:
        """One deviation (N,) for both angles: the root mean square of the two; None where there is none."""
        if self.sigma_rad is None:
            return None
        return np.hypot(*self.sigma_rad.T) * np.float32(math.sqrt(0.5))


# Narrowest and widest part of a face, mm, that a network is shown or trained on.
VIEW_LIMITS_MM = (80.0, 250.0)


# Beyond these there is no face in it.
_VIEWS_MM = (5.0, 5000.0)


@dataclass(frozen=True, slots=True)
class NormalizedCamera:
    """The virtual camera of the normalisation. The crop covers ``size_px * distance_mm / focal_px`` mm."""

    focal_px: float
    distance_mm: float
    size_px: int

    def __post_init__(self) -> None:
        for name in ("focal_px", "distance_mm", "size_px"):
            value = getattr(self, name)
            if isinstance(value, bool) or not np.isfinite(value) or value <= 0:
                raise ValueError(f"NormalizedCamera.{name} must be positive, got {value}")
        if self.size_px != int(self.size_px):
            raise ValueError(f"NormalizedCamera.size_px must be a whole number, got {self.size_px}")
        if not _VIEWS_MM[0] <= self.view_mm <= _VIEWS_MM[1]:
            raise ValueError(
                f"NormalizedCamera shows {self.view_mm:.4g} mm and no face: focal_px {self.focal_px:g}, "
                f"distance_mm {self.distance_mm:g}, size_px {self.size_px}"
            )
        object.__setattr__(self, "size_px", int(self.size_px))

    @property
    def K(self) -> NDArray[np.float64]:
        """Intrinsics (3, 3) in px with the principal point at half the size.

        So it is in the normalisation of MPIIFaceGaze and ETH-XGaze, and the golden warp's digits need it,
        though the middle of the pixel centres is (size - 1) / 2.
        """
        half = self.size_px / 2.0
        return np.array([[self.focal_px, 0.0, half], [0.0, self.focal_px, half], [0.0, 0.0, 1.0]])

    def resized(self, size_px: int) -> NormalizedCamera:
        """The same view at another picture size, its principal point at half of that.

        A crop that cv2.resize makes smaller shows it up to 3/8 px (448 to 112 px), or 0.04 degrees, beside.
        """
        return NormalizedCamera(self.focal_px * size_px / self.size_px, self.distance_mm, size_px)

    @property
    def view_mm(self) -> float:
        """Side of what the picture shows of a plane at ``distance_mm``."""
        return self.size_px * self.distance_mm / self.focal_px

    def central(self, view_mm: float) -> NormalizedCamera:
        """The camera of the middle of this one's pictures that shows ``view_mm``, to the whole px a side.

        Raises:
            ValueError: this camera does not show as much.
        """
        if not 0 < view_mm < self.view_mm * (1.0 + 0.5 / self.size_px):
            raise ValueError(f"a view of {view_mm:g} mm cannot be taken out of one of {self.view_mm:g} mm")
        margin_px = max(0, round(0.5 * self.size_px * (1.0 - view_mm / self.view_mm)))
        return NormalizedCamera(self.focal_px, self.distance_mm, self.size_px - 2 * margin_px)


# The gaze label of a normalised face is rotated into the normalised camera, or also scaled as the picture is.
ROTATION_ONLY = "rotation-only"
SCALED = "scaled"
LABEL_SPACES = (ROTATION_ONLY, SCALED)
# Of RGB values in 0..1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# What exported graphs take, type and layout, each with its order of channels. The runtimes feed the first;
# the second is for other tools, which scale the pictures by mean and std themselves.
UINT8_INPUT = "uint8 NHWC"
FLOAT_INPUT = "float32 NCHW"
CHANNEL_ORDERS = {UINT8_INPUT: "BGR", FLOAT_INPUT: "RGB"}
# By what a graph, or for float input its caller, scales; another statement describes another network.
IMPLEMENTED = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What a model file is: the sidecar JSON beside it (see gaze.model_spec).

    ``input_size`` px is that of the normalised camera. ``input_kind`` is one of CHANNEL_ORDERS, which says
    the ``channel_order`` of the faces that go in. ``mean`` and ``std`` are of RGB values in 0..1: a graph
    with uint8 input scales by them itself, and one with float input takes (RGB / 255 - mean) / std. These
    are there for readers of the file: the runtimes implement one value of each. ``label_space`` is
    rotation-only, or scaled as in data sets of 2017 and earlier. ``average_mirror``: the live loop gives the
    mean with the mirrored face unless it is told otherwise.
    """

    name: str
    input_size: int
    normalized_camera: NormalizedCamera
    label_space: str = ROTATION_ONLY
    input_kind: str = UINT8_INPUT
    channel_order: str = "BGR"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    outputs: tuple[str, ...] = ("pitch_yaw_rad",)
    precision: str = "fp32"
    average_mirror: bool = True
    sha256: str = ""
    parity_deg: dict[str, dict[str, float]] = field(default_factory=dict)
    training_data: str = ""
    licence: str = ""
    notes: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", "sha256", "precision", "training_data", "licence"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"ModelSpec: {name} must be a text, got {getattr(self, name)!r}")
        if not all(isinstance(name, str) for name in self.outputs) or "pitch_yaw_rad" not in self.outputs:
            raise ValueError(
                f"ModelSpec: outputs must be names, pitch_yaw_rad among them, got {self.outputs!r}"
            )
        if not isinstance(self.notes, dict):
            raise ValueError(f"ModelSpec: notes must be an object, got {self.notes!r}")
        if self.input_size != self.normalized_camera.size_px:
            raise ValueError(
                f"ModelSpec: input_size {self.input_size!r} differs from its normalised camera's "
                f"{self.normalized_camera.size_px}"
            )
        if self.label_space not in LABEL_SPACES:
            raise ValueError(
                f"ModelSpec: label_space must be one of {LABEL_SPACES}, got {self.label_space!r}"
            )
        if not isinstance(self.average_mirror, bool):
            raise ValueError(f"ModelSpec: average_mirror must be true or false, got {self.average_mirror!r}")
        rows = self.parity_deg.values() if isinstance(self.parity_deg, dict) else [None]
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"ModelSpec: parity_deg must map runtimes to figures, got {self.parity_deg!r}")
        if not isinstance(self.input_kind, str) or self.input_kind not in CHANNEL_ORDERS:
            raise ValueError(
                f"ModelSpec: input_kind must be one of {tuple(CHANNEL_ORDERS)}, got {self.input_kind!r}"
            )
        implemented_values = IMPLEMENTED | {"channel_order": CHANNEL_ORDERS[self.input_kind]}
        for name, implemented in implemented_values.items():
            if getattr(self, name) != implemented:
                raise ValueError(
                    f"ModelSpec: {name} must be {implemented!r}, as the runtimes implement it, "
                    f"got {getattr(self, name)!r}"
                )
