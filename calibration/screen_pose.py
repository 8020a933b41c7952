"""Where the screen stands in the camera frame, estimated from a person's own gazes at known targets.

Joint robust least squares over the screen's pose, the person's offset in the eye's frame, the gains of
gaze and head angles and the size of the head (hence its distance), each with a prior. With the head at
rest a shift of the screen and an offset of the eyes look the same; gazes from several places of the head
tell them apart. What the gazes did not tell stays at its prior, and the covariance shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calibration.eye_frame import offset_between
from calibration.least_squares import solve
from calibration.robust import near_middle
from calibration.samples import Samples, independent_frames
from calibration.screen import Screen
from gaze.errors import CalibrationError
from gaze.geometry import DEG, FloatArray, head_angles_from_rotation, unit, vector_from_angles

AXES = ("turn about x", "turn about y", "turn about z", "shift x", "shift y", "shift z")
# One look misses by about this although its frames agree: location-dependent errors of the network.
FLOOR_RAD = 0.6 * DEG
# A head that is asked to sit still stays within this, one that is asked to move leaves it.
MOVED_MM = 100.0
OFFSET_SD_RAD, GAIN_SD, HEAD_GAIN_SD, SIZE_SD = 5.0 * DEG, 0.08, 0.05, 0.05


@dataclass(frozen=True, slots=True)
class ScreenEstimate:
    """``screen`` at its estimated pose; ``sd`` (6,) of its turn (deg) and shift (mm) in the screen's own
    axes about its middle, ``prior_sd`` (6,) of the same before; ``moved`` (6,) from the start;
    ``covariance`` (6, 6) in deg and mm; ``size`` of the person's head found on the way, 1 as assumed;
    ``from_several_places``: the head was moved between the looks.
    """

    screen: Screen
    moved: FloatArray
    sd: FloatArray
    prior_sd: FloatArray
    covariance: FloatArray
    size: float
    from_several_places: bool

    @property
    def learned(self) -> FloatArray:
        """How much of each prior variance the gazes removed (6,): 0 nothing, 1 all."""
        return 1.0 - (self.sd / self.prior_sd) ** 2

    def text(self) -> str:
        """A table for people."""
        lines = ["screen pose from gaze      moved     now +-   before +-   told by the gazes"]
        for i, name in enumerate(AXES):
            unit_name = "deg" if i < 3 else "mm "
            lines.append(
                f"  {name:<14} {unit_name}   {self.moved[i]:9.1f}  {self.sd[i]:9.1f}  {self.prior_sd[i]:9.1f}"
                f"   {100 * self.learned[i]:8.0f} %"
            )
        weak = [name for name, part in zip(AXES, self.learned, strict=True) if part < 0.3]
        if weak:
            mend = "Measure them, use the mirror method, or calibrate from several places (--positions 4)"
            if self.from_several_places:
                mend = "Measure them or use the mirror method"
            lines.append(f"  hardly told by these gazes: {', '.join(weak)}; they stay as assumed. {mend}")
        return "\n".join(lines)


def estimate_screen_pose(samples: Samples, screen: Screen) -> ScreenEstimate:
    """The screen's pose from gazes at targets on it; the given one is the start and the prior.

    Raises:
        CalibrationError: too few looks, or a fit that determines nothing.
    """
    looks = _representatives(samples)
    if (count := len(looks.sd_rad)) < 4:
        raise CalibrationError(
            f"{count} looks are too few for the pose of the screen; calibrate with 9 points or more"
        )
    points_mm = screen.px_to_mm(looks.target_px)
    middle_mm = np.array([screen.width_mm / 2, screen.height_mm / 2])
    middle_cam = screen.to_camera(middle_mm)
    turn_sd, shift_sd = max(screen.rotation_sd_deg, 0.05) * DEG, max(screen.position_sd_mm, 0.1)
    # x: the screen's turn (rad) and shift (mm) in its own axes, the person's offset (rad), the error of the
    # head's size, and what gaze and head angles add to the offset, rad for each rad.
    prior_sd = np.array(
        [turn_sd] * 3 + [shift_sd] * 3 + [OFFSET_SD_RAD] * 2 + [SIZE_SD] + [GAIN_SD] * 4 + [HEAD_GAIN_SD] * 4
    )
    sd_rad = np.sqrt(looks.sd_rad**2 + looks.looks_there * FLOOR_RAD**2)

    def residuals(x: FloatArray) -> FloatArray:
        R = screen.R_cam_screen @ cv2.Rodrigues(x[:3])[0]
        corner = middle_cam + screen.R_cam_screen @ x[3:6]
        target = (points_mm - middle_mm) @ R[:, :2].T + corner
        true = unit(target - looks.origin_cam_mm * (1.0 + x[8]))
        true_norm = np.einsum("nij,nj->ni", looks.R_norm_cam, true)
        offset = offset_between(looks.direction_norm, true_norm, looks.R_norm_head)
        gains, head_gains = x[9:13].reshape(2, 2), x[13:].reshape(2, 2)
        expected = x[6:8] + looks.pitch_yaw_rad @ gains.T + looks.head_pitch_yaw_rad @ head_gains.T
        return np.concatenate([((offset - expected) / sd_rad[:, None]).ravel(), x / prior_sd])

    fit = solve(residuals, np.zeros(len(prior_sd)), prior_sd * 1e-3, robust=2.5, group=2, fixed=len(prior_sd))
    R = screen.R_cam_screen @ cv2.Rodrigues(fit.x[:3])[0]
    corner = middle_cam + screen.R_cam_screen @ fit.x[3:6] - R[:, :2] @ middle_mm
    to_units = np.array([1 / DEG] * 3 + [1.0] * 3)
    covariance = fit.covariance[:6, :6] * np.outer(to_units, to_units)
    deviations = np.sqrt(np.diag(covariance))
    found = screen.moved(
        R,
        corner,
        pose_source="gaze",
        rotation_sd_deg=float(np.sqrt((deviations[:3] ** 2).mean())),
        position_sd_mm=float(np.sqrt((deviations[3:] ** 2).mean())),
    )
    return ScreenEstimate(
        screen=found,
        moved=fit.x[:6] * to_units,
        sd=deviations,
        prior_sd=prior_sd[:6] * to_units,
        covariance=covariance,
        size=float(1.0 + fit.x[8]),
        from_several_places=bool(np.ptp(looks.origin_cam_mm, axis=0).max() > MOVED_MM),
    )


@dataclass(frozen=True, slots=True)
class _Representatives:
    """One row for each of N looks: its means, seen from the one picture whose gaze lies nearest to them.

    ``pitch_yaw_rad`` (N, 2) and ``direction_norm`` (N, 3): the mean gaze, normalised frame; ``sd_rad`` (N,)
    of that mean on one axis, by the noise of the frames alone; ``head_pitch_yaw_rad`` (N, 2), normalised
    frame; ``origin_cam_mm`` (N, 3); ``looks_there`` (N,): how many looks were taken at the same place.
    """

    pitch_yaw_rad: FloatArray
    direction_norm: FloatArray
    R_norm_cam: FloatArray
    R_norm_head: FloatArray
    origin_cam_mm: FloatArray
    target_px: FloatArray
    sd_rad: FloatArray
    head_pitch_yaw_rad: FloatArray
    looks_there: FloatArray


def _representatives(samples: Samples) -> _Representatives:
    """One frame's geometry a look, with the look's mean gaze in it."""
    if len(samples) == 0:
        raise CalibrationError("no usable frame was collected for the pose of the screen")
    R_norm_head = samples.R_norm_head
    order = np.argsort(samples.look, kind="stable")
    order = order[near_middle(samples.pitch_yaw_rad[order], samples.look[order])]
    rows = []
    places = []
    for index in np.split(order, np.flatnonzero(np.diff(samples.look[order])) + 1):
        angles = samples.pitch_yaw_rad[index]
        independent = independent_frames(len(index), np.ptp(samples.t_s[index]))
        nearest = index[int(np.argmin(np.linalg.norm(angles - angles.mean(axis=0), axis=1)))]
        places.append(int(samples.place[index[0]]))
        rows.append(
            (
                angles.mean(axis=0),
                samples.R_norm_cam[nearest],
                R_norm_head[nearest],
                samples.origin_cam_mm[index].mean(axis=0),
                samples.target_px[index].mean(axis=0),
                np.sqrt(angles.var(axis=0).mean() / independent),
            )
        )
    angles, R_norm_cam, R_head, origin, target, sd = (np.array(column) for column in zip(*rows, strict=True))
    _, inverse, counts = np.unique(places, return_inverse=True, return_counts=True)
    # The misfit of a place is shared by all looks at it, so many of them must not make it smaller.
    return _Representatives(
        pitch_yaw_rad=angles,
        direction_norm=vector_from_angles(angles),
        R_norm_cam=R_norm_cam,
        R_norm_head=R_head,
        origin_cam_mm=origin,
        target_px=target,
        sd_rad=sd,
        head_pitch_yaw_rad=head_angles_from_rotation(R_head),
        looks_there=counts[inverse].astype(np.float64),
    )
