"""Simulated calibrations by the mirror method: whether the screen lies as near to the answer as is stated.

Each one has a webcam and a screen of its own, calibrates the camera with a printed board first, and sees the
screen's board in three to eight mirror poses. What the method does not know: the camera's true intrinsics,
the screen's true size (displays state whole millimetres), and how large the errors of the corners are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import Board
from calibration.camera_spread import CameraSpread
from calibration.intrinsics import BoardView, fit_intrinsics
from calibration.intrinsics_covariance import intrinsics_covariance
from calibration.mirror import MirrorPose, MirrorView, solve_mirror
from calibration.mirror_capture import NEW_PART, POINTS_MIN, moved_px, shown_board
from calibration.mirror_start import reflect
from calibration.planar_pose import flat_points
from calibration.screen import Screen
from calibration.screen_presets import PRESETS, placed_screen, preset
from calibration.simulated_person import perturbed_screen
from gaze.camera import Camera
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray, unit

SIZE_PX = (1280, 720)
# Resolution and diagonal of laptops and monitors.
SCREENS = (((1920, 1200), 13.3), ((1920, 1080), 15.6), ((1920, 1080), 24.0), ((2560, 1440), 27.0))
BOARD_VIEWS, BOARD_NOISE_PX = 15, 0.15
MIRROR_NOISE_PX = (0.1, 0.5)
MIRROR_VIEWS = (3, 8)
MIRROR_TURN_RAD = 0.12
EDGE_PX = 8.0
# A large screen may not show its board in so many different mirrors; the views that there are then do.
TRIES = 4000


@dataclass(frozen=True, slots=True)
class MirrorCondition:
    """A row of the table: corners err alone, and by ``shared_px`` together with those within ``reach_px``."""

    name: str
    shared_px: float = 0.0
    reach_px: float = 200.0


CONDITIONS = (
    MirrorCondition("each alone"),
    MirrorCondition("and 0.2 px together within 200 px", 0.2),
    MirrorCondition("and 0.4 px together within 200 px", 0.4),
    MirrorCondition("and 0.3 px together within 80 px", 0.3, 80.0),
)


@dataclass(frozen=True, slots=True)
class MirrorRow:
    """A condition over all calibrations: medians of how far the screen's middle (mm) and its axes (deg) are
    off and of what is stated of that; parts of the errors, axis by axis, within one and two stated deviations
    (0.683 and 0.954 are right); how many of the calibrations were ``refused``."""

    condition: MirrorCondition
    calibrations: int
    refused: int
    off_mm: float
    stated_mm: float
    off_deg: float
    stated_deg: float
    within_one: float
    within_two: float


def run_mirrors(
    conditions: tuple[MirrorCondition, ...], calibrations: int, first_seed: int = 0
) -> list[MirrorRow]:
    """Rows of a table: the same cameras, screens and mirrors for every condition."""
    tried: dict[str, list[tuple[FloatArray, MirrorPose] | None]] = {item.name: [] for item in conditions}
    for seed in range(first_seed, first_seed + calibrations):
        camera, found = calibrated_camera(seed)
        screen = true_screen(seed)
        for condition in conditions:
            tried[condition.name].append(_calibrate(condition, camera, found, screen, seed))
    return [_row(condition, tried[condition.name]) for condition in conditions]


def calibrated_camera(seed: int) -> tuple[Camera, CameraSpread]:
    """A webcam as it is, and as views of a printed board show it."""
    rng = np.random.default_rng([seed, 31])
    focal = rng.uniform(850.0, 1000.0)
    middle = rng.normal(0.0, 8.0, 2) + (np.array(SIZE_PX) - 1) / 2
    K = [[focal, 0, middle[0]], [0, focal * (1 + rng.normal(0, 0.002)), middle[1]], [0, 0, 1]]
    lens = rng.normal([0.05, -0.1, 0.0, 0.0, 0.0], [0.05, 0.1, 0.0007, 0.0007, 0.0])
    camera = Camera(K, lens, *SIZE_PX)
    board, views = Board(), []
    points = flat_points(board.corners_mm - np.array(board.size_mm) / 2)
    while len(views) < BOARD_VIEWS:
        turn = cv2.Rodrigues(rng.normal(0, [0.35, 0.35, 0.18]))[0]
        at = rng.uniform(300.0, 650.0) * np.array([rng.uniform(-0.6, 0.6), rng.uniform(-0.33, 0.33), 1.0])
        px = camera.project(points @ turn.T + at)
        seen = _inside(px)
        if seen.sum() >= POINTS_MIN:
            noise = rng.normal(0, BOARD_NOISE_PX, (seen.sum(), 2))
            views.append(BoardView(board.corners_mm[seen], px[seen] + noise))
    result = fit_intrinsics(views, SIZE_PX)
    return camera, CameraSpread(result.camera, intrinsics_covariance(result.used_views, result.camera))


def true_screen(seed: int) -> Screen:
    """A screen of some size, where one of the presets roughly says."""
    rng = np.random.default_rng([seed, 37])
    size_px, inches = SCREENS[rng.integers(len(SCREENS))]
    side = inches * rng.uniform(0.97, 1.03) * 25.4 / np.hypot(*size_px)
    size_mm = (size_px[0] * side, size_px[1] * side)
    placement = preset(list(PRESETS)[rng.integers(len(PRESETS))], size_mm[1])
    return perturbed_screen(placed_screen(placement, size_px, size_mm), seed)


def mirror_views(condition: MirrorCondition, camera: Camera, screen: Screen, seed: int) -> list[MirrorView]:
    """The screen's board in a hand mirror, as `gaze calibrate screen --mirror` takes it."""
    rng = np.random.default_rng([seed, 41])
    errors = np.random.default_rng([seed, 43])
    stated = replace(screen, width_mm=round(screen.width_mm), height_mm=round(screen.height_mm))
    shown = shown_board((screen.width_px, screen.height_px))
    true_mm, stated_mm = (
        shown.to_screen_mm(shown.board.corners_mm, item) for item in (screen, stated.with_square_pixels())
    )
    middle = screen.to_camera([screen.width_mm / 2, screen.height_mm / 2])
    noise_px = rng.uniform(*MIRROR_NOISE_PX)
    nearest_mm = 0.9 * max(300.0, 0.9 * screen.width_mm)
    wanted = rng.integers(MIRROR_VIEWS[0], MIRROR_VIEWS[1] + 1)
    views: list[MirrorView] = []
    for _ in range(TRIES):
        if len(views) == wanted:
            break
        at = np.array([*rng.normal(0, 0.07, 2), 1.0]) * nearest_mm * rng.uniform(1.0, 1.7)
        # Held so that the camera sees the screen's middle, and turned a little from that.
        tilt = np.append(rng.normal(0, MIRROR_TURN_RAD, 2), 0.0)
        normal = unit(unit(unit(-at) + unit(middle - at)) + tilt)
        image = reflect(screen.to_camera(true_mm), normal, -float(normal @ at))
        px = camera.project(image)
        seen = _inside(px) & (image[:, 2] > 0)
        if seen.sum() < POINTS_MIN:
            continue
        view = MirrorView(stated_mm[seen], px[seen])
        if all(moved_px(other, view) >= NEW_PART * camera.width for other in views):
            views.append(view)
    return [
        MirrorView(
            view.points_mm,
            view.points_px
            + errors.normal(0, noise_px, view.points_px.shape)
            + condition.shared_px * shared_errors(view.points_px, errors, condition.reach_px),
        )
        for view in views
    ]


def shared_errors(points_px: FloatArray, rng: np.random.Generator, reach_px: float) -> FloatArray:
    """Errors (N, 2) of unit deviation that points (N, 2) of one picture share with those within reach."""
    square = ((points_px[:, None] - points_px[None]) ** 2).sum(axis=2)
    values, vectors = np.linalg.eigh(np.exp(-0.5 * square / reach_px**2))
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ rng.normal(0, 1, points_px.shape)


def pose_errors(pose: MirrorPose, screen: Screen) -> FloatArray:
    """How far a pose is off (6,), to compare with its ``sd``: turn in deg and shift of the screen's middle in
    mm, about and along the screen's own axes."""
    middle = np.array([screen.width_mm / 2, screen.height_mm / 2])
    R = pose.R_cam_screen
    turn = np.rad2deg(cv2.Rodrigues(R.T @ screen.R_cam_screen)[0].ravel())
    return np.concatenate([turn, R.T @ (screen.to_camera(middle) - R[:, :2] @ middle - pose.t_cam_mm)])


def _calibrate(
    condition: MirrorCondition, camera: Camera, found: CameraSpread, screen: Screen, seed: int
) -> tuple[FloatArray, MirrorPose] | None:
    """Errors and pose of one calibration; None: refused."""
    views = mirror_views(condition, camera, screen, seed)
    try:
        pose = solve_mirror(views, found, [screen.width_mm / 2, screen.height_mm / 2])
    except CalibrationError:
        return None
    return pose_errors(pose, screen), pose


def _row(condition: MirrorCondition, tried: list[tuple[FloatArray, MirrorPose] | None]) -> MirrorRow:
    good = [item for item in tried if item is not None]
    if not good:
        raise CalibrationError(f"mirror method, {condition.name}: all {len(tried)} calibrations were refused")
    off = np.array([errors for errors, _ in good])
    stated = np.array([pose.sd for _, pose in good])
    medians = [
        float(np.median(np.linalg.norm(values[:, axes], axis=1)))
        for axes in (slice(3, 6), slice(0, 3))
        for values in (off, stated)
    ]
    parts = [float(np.mean(np.abs(off) < count * stated)) for count in (1, 2)]
    return MirrorRow(condition, len(tried), len(tried) - len(good), *medians, *parts)


def _inside(points_px: FloatArray) -> NDArray[np.bool_]:
    """Which points (N, 2) the picture shows (N,)."""
    return np.all((points_px > EDGE_PX) & (points_px < np.array(SIZE_PX) - 1 - EDGE_PX), axis=1)
