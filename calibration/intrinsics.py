"""The camera's intrinsics from views of a board: outliers left out, the distortion model chosen by held-out
error, the result judged in plain words."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.planar_pose import flat_points
from gaze.camera import Camera
from gaze.errors import CalibrationError, GazeError
from gaze.geometry import FloatArray

MIN_VIEWS = 6
MIN_POINTS = 8
# Plain: k1 k2 p1 p2 k3. Rational: k4 k5 k6 besides, for wide lenses.
MODELS = {"plain": 0, "rational": cv2.CALIB_RATIONAL_MODEL}
# The richer model must be better by this part on views that it did not see.
RICHER_MUST_GAIN = 0.03
OUTLIER_FACTOR = 2.5
# Views are held out in so many parts.
FOLDS = 5
# A fit as good as this has found the camera.
GOOD_RMS_PX = 1.0
COVERAGE_CELLS = (6, 4)
# Two views say little more than one if the board's tilts differ by less; a fit needs three that differ.
ALIKE_DEG = 5.0
MIN_TILTS = 3


@dataclass(frozen=True, slots=True)
class BoardView:
    """One picture of the board: points (N, 2) in board mm and where they are seen (N, 2), raw px."""

    points_mm: FloatArray
    points_px: FloatArray
    name: str = ""


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """``camera``; ``views``: the V that have enough corners; ``model`` plain or rational; ``rms_px`` over the
    views used; ``view_rms_px`` (V,) of all views; ``used`` (V,); ``held_out_px`` error of each model on views
    it did not see; ``coverage``: part of the picture that corners were seen in; ``tilts_deg`` (V,) of the
    board; ``residuals`` a view (N, 2) px; ``warnings`` in plain words."""

    camera: Camera
    views: tuple[BoardView, ...]
    model: str
    rms_px: float
    view_rms_px: NDArray[np.float64]
    used: NDArray[np.bool_]
    held_out_px: dict[str, float]
    coverage: float
    tilts_deg: NDArray[np.float64]
    residuals: tuple[FloatArray, ...]
    warnings: tuple[str, ...]

    @property
    def used_views(self) -> list[BoardView]:
        """Those that the camera was fitted to."""
        return [view for view, used in zip(self.views, self.used, strict=True) if used]


def fit_intrinsics(views: list[BoardView], size_px: tuple[int, int], model: str = "auto") -> Intrinsics:
    """Fit a camera of pictures of ``size_px`` (width, height).

    Raises:
        CalibrationError: too few usable views, all views alike, or a fit that is no camera.
    """
    views = [view for view in views if len(view.points_px) >= MIN_POINTS]
    if len(views) < MIN_VIEWS:
        raise CalibrationError(
            f"{len(views)} views of the board are too few; {MIN_VIEWS} are needed and 15 are good, "
            "tilted differently and in all parts of the picture"
        )
    if model != "auto" and model not in MODELS:
        raise CalibrationError(f"no distortion model {model!r}; there are auto, {', '.join(MODELS)}")
    used = np.ones(len(views), dtype=bool)
    for _ in range(5):
        K, distortion = _calibrate([view for view, good in zip(views, used, strict=True) if good], size_px, 0)
        errors = np.array([_rms(_reproject(view, K, distortion)[0]) for view in views])
        limit = max(OUTLIER_FACTOR * float(np.median(errors[used])), 0.25)
        keep = errors <= limit
        if keep.sum() < MIN_VIEWS or np.array_equal(keep, used):
            break
        used = keep
    good = [view for view, ok in zip(views, used, strict=True) if ok]
    wanted = list(MODELS) if model == "auto" else [model]
    held_out = {name: _held_out(good, size_px, MODELS[name]) for name in wanted}
    chosen = wanted[0]
    if model == "auto" and held_out["rational"] < (1 - RICHER_MUST_GAIN) * held_out["plain"]:
        chosen = "rational"
    K, distortion = _calibrate(good, size_px, MODELS[chosen])
    fitted = [_reproject(view, K, distortion) for view in views]
    residuals = tuple(residual for residual, _ in fitted)
    normals = np.array([normal for _, normal in fitted])
    try:
        camera = Camera(K, distortion[:8] if chosen == "rational" else distortion[:5], *size_px)
    except GazeError as error:
        raise CalibrationError(f"the fit gives no camera ({error})") from error
    rms = _rms(np.concatenate([residual for residual, ok in zip(residuals, used, strict=True) if ok]))
    covered = coverage_grid(np.concatenate([view.points_px for view in good]), size_px)
    return Intrinsics(
        camera=camera,
        views=tuple(views),
        model=chosen,
        rms_px=rms,
        view_rms_px=np.array([_rms(residual) for residual in residuals]),
        used=used,
        held_out_px=held_out,
        coverage=float(covered.mean()),
        tilts_deg=_tilts_deg(normals),
        residuals=residuals,
        warnings=tuple(_judge(camera, rms, float(covered.mean()), normals[used])),
    )


def coverage_grid(points_px: FloatArray, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Which cells (rows, columns) of the picture hold at least one of the points (N, 2)."""
    columns, rows = COVERAGE_CELLS
    x = np.clip((points_px[:, 0] / size_px[0] * columns).astype(int), 0, columns - 1)
    y = np.clip((points_px[:, 1] / size_px[1] * rows).astype(int), 0, rows - 1)
    grid = np.zeros((rows, columns), dtype=bool)
    grid[y, x] = True
    return grid


def _calibrate(views: list[BoardView], size_px: tuple[int, int], flags: int) -> tuple[FloatArray, FloatArray]:
    """K (3, 3) and distortion of the fit.

    OpenCV's own start can be three times the focal length where corners are noisy or the lens is bent, and 30
    steps, its default, then end far from the views. An ordinary webcam's field of view is the first start;
    the other one is for lenses that are far from ordinary.
    """
    objects = [flat_points(view.points_mm).astype(np.float32) for view in views]
    images = [view.points_px.astype(np.float32).reshape(-1, 1, 2) for view in views]
    start = Camera.guessed(*size_px).K.copy(), np.zeros(8 if flags & cv2.CALIB_RATIONAL_MODEL else 5)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-7)
    best = np.inf, None, None
    try:
        for K, distortion, use in ((*start, flags | cv2.CALIB_USE_INTRINSIC_GUESS), (None, None, flags)):
            fit = cv2.calibrateCamera(objects, images, size_px, K, distortion, flags=use, criteria=stop)[:3]
            if fit[0] < best[0] and all(np.all(np.isfinite(value)) for value in fit):
                best = fit
            if best[0] < GOOD_RMS_PX:
                break
    except cv2.error as error:
        raise CalibrationError(
            "the views do not determine the camera (they are too alike); tilt the board to the left, right, "
            "up and down by 20 to 40 degrees"
        ) from error
    if best[1] is None:
        raise CalibrationError("the views do not determine the camera; tilt the board more")
    return best[1], best[2].ravel()


def _reproject(view: BoardView, K: FloatArray, distortion: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residuals (N, 2) of a view with its own best pose, and the board's normal (3,) in the camera frame."""
    board = flat_points(view.points_mm)
    _, rvec, tvec = cv2.solvePnP(board, view.points_px, K, distortion, flags=cv2.SOLVEPNP_ITERATIVE)
    projected, _ = cv2.projectPoints(board, rvec, tvec, K, distortion)
    return projected.reshape(-1, 2) - view.points_px, cv2.Rodrigues(rvec)[0][:, 2]


def _tilts_deg(normals_cam: FloatArray) -> FloatArray:
    """Angles (V,) of boards with these normals (V, 3) against the plane of the picture."""
    return np.rad2deg(np.arccos(np.minimum(np.abs(normals_cam[:, 2]), 1.0)))


def _different_tilts(normals_cam: FloatArray) -> int:
    """How many of the normals (V, 3) differ from each other, by ALIKE_DEG or more."""
    kept: list[FloatArray] = []
    for normal in normals_cam:
        if all(abs(float(normal @ other)) < np.cos(np.deg2rad(ALIKE_DEG)) for other in kept):
            kept.append(normal)
    return len(kept)


def _held_out(views: list[BoardView], size_px: tuple[int, int], flags: int) -> float:
    """RMS in px on views that the fit did not see; only their poses are fitted."""
    folds = min(FOLDS, len(views))
    residuals = []
    for fold in range(folds):
        rest = [view for i, view in enumerate(views) if i % folds != fold]
        K, distortion = _calibrate(rest, size_px, flags)
        residuals += [_reproject(view, K, distortion)[0] for view in views[fold::folds]]
    return _rms(np.concatenate(residuals))


def _judge(camera: Camera, rms: float, coverage: float, normals_cam: FloatArray) -> list[str]:
    K, width, height = camera.K, camera.width, camera.height
    warnings = []
    if not 35.0 <= camera.hfov_deg <= 120.0:
        warnings.append(
            f"a horizontal field of view of {camera.hfov_deg:.0f} degrees is unusual for a webcam (55 to "
            "95); check the number of squares and their size"
        )
    if abs(K[0, 0] / K[1, 1] - 1.0) > 0.03:
        warnings.append(
            f"focal lengths across and down differ by {100 * abs(K[0, 0] / K[1, 1] - 1):.1f} %: the pictures "
            "may be stretched, or the board is not flat"
        )
    off = np.hypot(K[0, 2] - (width - 1) / 2, K[1, 2] - (height - 1) / 2) / width
    if off > 0.06:
        warnings.append(
            f"the principal point lies {100 * off:.0f} % of the width from the middle; more tilted views in "
            "the corners will mend it, unless the pictures are cropped"
        )
    if rms > 1.0 * width / 1280.0 + 0.2:
        warnings.append(
            f"the corners miss by {rms:.2f} px (RMS); good is below 0.5: hold the board still and flat, in "
            "bright light"
        )
    if coverage < 0.7:
        warnings.append(
            f"corners were seen in {100 * coverage:.0f} % of the picture only; hold the board "
            "into the corners"
        )
    if (different := _different_tilts(normals_cam)) < MIN_TILTS:
        warnings.append(
            f"the {len(normals_cam)} views show the board in {different} different tilt"
            f"{'' if different == 1 else 's'} only; turn it between the pictures: left, right, up and down"
        )
    if np.percentile(_tilts_deg(normals_cam), 80) < 15.0:
        warnings.append(
            "the board was hardly tilted, so the focal length is weak; tilt it by 20 to 40 degrees"
        )
    return warnings


def _rms(residual: FloatArray) -> float:
    return float(np.sqrt((residual**2).sum(axis=-1).mean()))
