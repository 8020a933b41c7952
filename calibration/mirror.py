"""The pose of something the camera cannot see, from its images in a flat mirror held in several poses.

A board shown on the screen is seen in the mirror. From a start in closed form (mirror_start) the screen and
all mirrors are refined together over the pixels of all views (Rodrigues, Barreto, Nunes: Camera Pose
Estimation Using Images of Planar Mirror Reflections, ECCV 2010, use the same cost). What is stated of its
accuracy comes from the residuals, with the errors that corners of one picture share and those of the camera's
intrinsics counted in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.camera_spread import CameraSpread
from calibration.least_squares import jacobian, solve
from calibration.mirror_start import Layout, normals_of_subsets
from calibration.planar_pose import flat_points, planar_pose
from calibration.robust import deviation_per_axis
from calibration.shared_noise import posterior
from gaze.camera import Camera
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray

MIN_POSES = 3
# Corners that miss by more than this many deviations, and by more than the least, locked onto something else.
OUTLIER_DEVIATIONS, OUTLIER_MIN_PX = 6.0, 0.5
# Three points to carry a plane by: its middle and one along each axis, in parts of its size.
CORNERS = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
FAR_PX = 50.0
# Views are not of one screen, or not of a flat mirror, where so few corners fit, or where corners of one view
# miss together by more than this (px of a picture 1280 wide); it is 0 to 0.5 as a rule.
KEPT_MIN = 0.75
SHARED_MAX_PX = 0.8
MISFIT = (
    "the mirror views do not fit together: use a flat mirror, hold it still, keep screen and camera where "
    "they are, and tilt it another way each time"
)
# Steps with the errors' sizes known; the first two do nearly all.
REFINEMENTS = 3


@dataclass(frozen=True, slots=True)
class MirrorView:
    """One picture: board points (N, 2) in mm of the screen, and where they are seen (N, 2), raw px."""

    points_mm: FloatArray
    points_px: FloatArray


@dataclass(frozen=True, slots=True)
class MirrorPose:
    """The screen's pose in the camera frame and how well it is known.

    ``covariance`` (6, 6) of its turn (deg) and of the shift (mm) of the point it was asked about, in the
    screen's own axes: right, down, into the screen. ``rms_px`` of the residuals, ``view_rms_px`` (V,) of each
    view; ``own_px`` and ``shared_px``: a corner's own error per axis, and the part that its neighbours share.
    """

    R_cam_screen: NDArray[np.float64]
    t_cam_mm: NDArray[np.float64]
    covariance: NDArray[np.float64]
    rms_px: float
    view_rms_px: NDArray[np.float64]
    own_px: float
    shared_px: float

    @property
    def sd(self) -> FloatArray:
        """Deviations (6,): turn about the three axes in deg, shift along them in mm."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def rotation_sd_deg(self) -> float:
        """Per axis, root mean square of the three."""
        return float(np.sqrt((self.sd[:3] ** 2).mean()))

    @property
    def position_sd_mm(self) -> float:
        """Per axis, root mean square of the three."""
        return float(np.sqrt((self.sd[3:] ** 2).mean()))

    def text(self) -> str:
        """Errors of the views and deviations, for people."""
        per_view = ", ".join(f"{value:.2f}" for value in self.view_rms_px)
        across, down, depth = self.sd[3:]
        return (
            f"mirror method: RMS {self.rms_px:.2f} px over {len(self.view_rms_px)} views ({per_view})\n"
            f"one standard deviation of the screen's middle: {np.linalg.norm(self.sd[3:]):.1f} mm in all, "
            f"{across:.1f} across, {down:.1f} up and down, {depth:.1f} in depth; of its axes: "
            f"{np.linalg.norm(self.sd[:3]):.2f} degrees"
        )


def solve_mirror(
    views: list[MirrorView], intrinsics: CameraSpread, about_mm: ArrayLike | None = None
) -> MirrorPose:
    """The screen's pose from views of it in a mirror.

    ``about_mm`` (2,): the point on the screen whose deviation is stated; the middle of the board's points.

    Raises:
        CalibrationError: fewer than three views, mirrors that are nearly parallel to each other, points
            that do not form a board, or views that do not fit together.
    """
    if len(views) < MIN_POSES:
        raise CalibrationError(
            f"{len(views)} mirror views; at least {MIN_POSES} are needed, with the mirror tilted differently"
        )
    camera = intrinsics.camera
    points = np.concatenate([view.points_mm for view in views])
    about = points.mean(axis=0) if about_mm is None else np.asarray(about_mm, dtype=np.float64)
    corners = about + float(np.ptp(points, axis=0).max()) * CORNERS
    images = np.array([_mirrored_corners(view, camera, corners) for view in views])
    measured = np.concatenate([view.points_px for view in views])
    flat = flat_points(points)
    mirror_of = np.repeat(np.arange(len(views)), [len(view.points_mm) for view in views])
    starts = [
        Layout.of(images, chosen, normals, corners, flat, mirror_of)
        for chosen, normals in normals_of_subsets(images)
    ]
    best = min(starts, key=lambda layout: _misfit(layout, camera, measured))
    return _refine(measured, intrinsics, best)


def _mirrored_corners(view: MirrorView, camera: Camera, corners_mm: FloatArray) -> FloatArray:
    """Three points (3, 2) of the mirrored board in the camera frame (3, 3), mm.

    A plane and its mirror image are the same plane seen with its axes as they fall, so an ordinary pose of
    planar points gives them.
    """
    if len(view.points_mm) < 6:
        raise CalibrationError(f"a mirror view shows only {len(view.points_mm)} board points; 6 are needed")
    pose = planar_pose(view.points_mm, camera.undistort(view.points_px), camera.K)
    if pose is None:
        raise CalibrationError("a mirror view does not show a flat board; take it again")
    R, origin = pose
    return corners_mm @ R[:, :2].T + origin


def _misfit(layout: Layout, camera: Camera, measured_px: FloatArray) -> float:
    """Mean distance in px of points from where they are seen; none counts as more than FAR_PX."""
    images = layout.images(np.zeros(6 + 3 * len(layout.normals_cam)))
    missed = np.linalg.norm(camera.project(images) - measured_px, axis=1)
    missed[(images[:, 2] <= 0) | ~(missed < FAR_PX)] = FAR_PX
    return float(missed.mean())


def _refine(measured_px: FloatArray, intrinsics: CameraSpread, layout: Layout) -> MirrorPose:
    """Least squares over the pixels of all views, then again with what their errors were found to be."""
    camera, count = intrinsics.camera, len(layout.normals_cam)
    steps = np.concatenate([[1e-5] * 3, [1e-2] * 3, [1e-5, 1e-5, 1e-2] * count])

    def residuals(x: FloatArray) -> FloatArray:
        return (camera.project(layout.images(x)) - measured_px).ravel()

    x = solve(residuals, np.zeros(len(steps)), steps, robust=3.0, group=2).x
    missed = np.linalg.norm(residuals(x).reshape(-1, 2), axis=1)
    kept = missed <= max(OUTLIER_DEVIATIONS * deviation_per_axis(missed), OUTLIER_MIN_PX)
    if kept.mean() < KEPT_MIN:
        raise CalibrationError(f"{np.mean(~kept):.0%} of the corners miss by much; {MISFIT}")
    rows = np.repeat(kept, 2)
    places = [measured_px[kept & (layout.mirror_of == i)] for i in range(count)]
    for _ in range(REFINEMENTS):
        shifts = intrinsics.shifts_px(layout.images(x))
        found = posterior(
            residuals(x)[rows], jacobian(residuals, x, steps)[rows], shifts[rows], places, camera.width
        )
        x = x + found.step
    if found.shared_px > SHARED_MAX_PX * camera.width / 1280.0:
        raise CalibrationError(f"the corners of a view miss together by {found.shared_px:.1f} px; {MISFIT}")
    turned, corner = layout.pose(x)
    # Of the camera as the views show it, within what is known of it.
    square = ((residuals(x) + shifts @ found.common).reshape(-1, 2) ** 2).sum(axis=1)
    units = np.array([np.rad2deg(1.0)] * 3 + [1.0] * 3)
    return MirrorPose(
        R_cam_screen=turned,
        t_cam_mm=corner,
        covariance=found.covariance[:6, :6] * np.outer(units, units),
        rms_px=float(np.sqrt(square.mean())),
        view_rms_px=np.array([np.sqrt(square[layout.mirror_of == i].mean()) for i in range(count)]),
        own_px=found.own_px,
        shared_px=found.shared_px,
    )
