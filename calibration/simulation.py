"""Thousands of simulated people through the real calibration: session, fit, profile, point of gaze."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from calibration.locate import View, points_mm
from calibration.look import LookSettings
from calibration.part import USUAL_POSITION
from calibration.person import Correction, fit
from calibration.plan import Plan
from calibration.samples import condense
from calibration.screen import Screen
from calibration.screen_pose import estimate_screen_pose
from calibration.screen_presets import placed_screen, preset
from calibration.session import Session, require_samples
from calibration.simulated_person import PLAIN, ErrorModel, Frames, HeadState, perturbed_screen
from calibration.simulated_viewer import SimulatedViewer
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray, angular_error_rad

# A 15.6 inch laptop.
LAPTOP_PX, LAPTOP_MM = (1920, 1080), (344.0, 194.0)
USE_TARGETS, USE_FRAMES = 16, 20
FRAMES_PER_S = 30.0
NINE_POINTS = Plan(points=9, validation=0)
# A calibration that takes longer than this is given up.
LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of a table.

    ``screen_known`` False: the screen stands elsewhere than assumed, by the deviations of its preset;
    ``estimate_screen``: its pose is then estimated from the gazes;
    ``shift_mm`` and ``turn_deg``: RMS length of the head's move between calibration and use.
    """

    name: str
    plan: Plan = NINE_POINTS
    errors: ErrorModel = PLAIN
    kind: str = "auto"
    preset: str = "laptop"
    screen_known: bool = True
    estimate_screen: bool = False
    shift_mm: float = 0.0
    turn_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class PersonResult:
    """One simulated person: mean error of one frame and of the mean of a look, in degrees, before and
    after; the model that was chosen; how far the screen's middle (mm) and its turn (deg) are off, before and
    after; ``seconds`` that the session took; ``failed``: why there is no calibration."""

    before_deg: float
    after_deg: float
    before_look_deg: float
    after_look_deg: float
    kind: str
    seconds: float
    pose_error: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A condition over all people.

    Means over people of what PersonResult holds; ``p95_deg``: the error after, below which 95 % of them lie;
    ``worse_part`` 0..1 of them whose error grew; ``kinds``: how often each model was chosen; ``pose_rms``: of
    the screen's middle (mm) and turn (deg), before and after.
    """

    condition: Condition
    people: int
    before_deg: float
    after_deg: float
    p95_deg: float
    before_look_deg: float
    after_look_deg: float
    worse_part: float
    failed: int
    seconds: float
    kinds: dict[str, int] = field(default_factory=dict)
    pose_rms: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def assumed_screen(name: str) -> Screen:
    """The laptop's screen, where the preset of this name says it is."""
    return placed_screen(preset(name, LAPTOP_MM[1]), LAPTOP_PX, LAPTOP_MM)


def run_session(session: Session, viewer: SimulatedViewer) -> float:
    """Drive a session with a simulated viewer; returns the seconds that it took."""
    t, step = 0.0, 1.0 / FRAMES_PER_S
    while not session.done and t < LONGEST_S:
        viewer.head_moves = session.stage == "head"
        viewer.coming = session.target_px if session.stage == "pursuit" else None
        viewer.go_to(session.position)
        session.take(viewer.observe(t, session.target_px(t)))
        t += step
    return t


def calibrate(condition: Condition, seed: int) -> tuple[Correction, SimulatedViewer, Screen, float]:
    """One person through session and fit: correction, viewer, assumed screen, seconds.

    Raises:
        CalibrationError: the session gave too little.
    """
    assumed = assumed_screen(condition.preset)
    true = assumed if condition.screen_known else perturbed_screen(assumed, seed)
    viewer = SimulatedViewer(seed, true, condition.errors, frames_per_s=FRAMES_PER_S)
    plan = replace(condition.plan, seed=seed)
    session = Session(plan, assumed, LookSettings())
    seconds = run_session(session, viewer)
    samples = require_samples(session)
    if condition.estimate_screen:
        assumed = estimate_screen_pose(samples, assumed).screen
    correction = fit(condense(samples, assumed), condition.kind)
    return correction, viewer, assumed, seconds


def run_person(condition: Condition, seed: int) -> PersonResult:
    """Calibrate one person, then let them look at other targets, with the head moved as asked."""
    try:
        correction, viewer, assumed, seconds = calibrate(condition, seed)
    except CalibrationError as error:
        nan = float("nan")
        return PersonResult(
            before_deg=nan,
            after_deg=nan,
            before_look_deg=nan,
            after_look_deg=nan,
            kind="none",
            seconds=nan,
            failed=str(error),
        )
    nothing = correction.switched_off()
    rng = np.random.default_rng([seed, 99])
    shift = rng.normal(0, 1, 3) * condition.shift_mm / np.sqrt(3)
    turn = rng.normal(0, 1, 2) * condition.turn_deg / np.sqrt(2)
    viewer.go_to(USUAL_POSITION)
    head = viewer.head.moved(shift, turn)
    targets = rng.uniform(0.05, 0.95, (USE_TARGETS, 2)) * np.array([assumed.width_px, assumed.height_px])
    before, after = use(viewer, head, targets, assumed, (nothing, correction))
    pose_error = (
        *pose_distance(assumed_screen(condition.preset), viewer.screen),
        *pose_distance(assumed, viewer.screen),
    )
    return PersonResult(
        before_deg=before[0],
        after_deg=after[0],
        before_look_deg=before[1],
        after_look_deg=after[1],
        kind=correction.kind,
        seconds=seconds,
        pose_error=pose_error,
    )


def pose_distance(first: Screen, second: Screen) -> tuple[float, float]:
    """How far apart two poses of one screen are: its middle in mm, its turn in degrees."""
    middle = [first.width_mm / 2, first.height_mm / 2]
    shift = np.linalg.norm(first.to_camera(middle) - second.to_camera(middle))
    cosine = (np.trace(first.R_cam_screen.T @ second.R_cam_screen) - 1) / 2
    return float(shift), float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


def use(
    viewer: SimulatedViewer,
    head: HeadState,
    targets_px: FloatArray,
    assumed: Screen,
    corrections: tuple[Correction, ...],
) -> list[tuple[float, float]]:
    """Mean errors in degrees with each correction: of one frame, and of the mean point of a look.

    ``targets_px`` (N, 2) are looked at for USE_FRAMES each. The error is the angle, seen from where the face
    truly is, between the target and the point on the true screen that the pixel of the answer is.
    """
    aims = np.repeat(targets_px, USE_FRAMES, axis=0)
    frames: Frames = viewer.person.look(viewer.screen, aims, head)
    view = View(frames.pitch_yaw_rad, frames.R_norm_cam, frames.R_cam_head, frames.origin_cam_mm)
    true = viewer.screen
    eye = frames.true_centre_cam_mm
    to_target = true.to_camera(true.px_to_mm(aims)) - eye
    errors = []
    for correction in corrections:
        hits = points_mm(view, correction, assumed)
        # A gaze that misses the plane altogether is as wrong as one at a right angle.
        hits = np.where(np.isfinite(hits), hits, 1e5)
        means = np.repeat(hits.reshape(-1, USE_FRAMES, 2).mean(axis=1), USE_FRAMES, axis=0)
        errors.append(
            tuple(
                float(np.rad2deg(angular_error_rad(true.to_camera(points) - eye, to_target).mean()))
                for points in (hits, means)
            )
        )
    return errors


def run_condition(condition: Condition, people: int, first_seed: int = 0) -> Row:
    """A row of a table: the same people for every condition.

    Raises:
        CalibrationError: nobody could be calibrated.
    """
    results = [run_person(condition, first_seed + i) for i in range(people)]
    good = [result for result in results if result.failed is None]
    if not good:
        raise CalibrationError(f"{condition.name}: nobody could be calibrated ({results[0].failed})")
    after = np.array([result.after_deg for result in good])
    before = np.array([result.before_deg for result in good])
    return Row(
        condition=condition,
        people=people,
        before_deg=float(before.mean()),
        after_deg=float(after.mean()),
        p95_deg=float(np.percentile(after, 95)),
        before_look_deg=float(np.mean([result.before_look_deg for result in good])),
        after_look_deg=float(np.mean([result.after_look_deg for result in good])),
        worse_part=float(np.mean(after > before)),
        failed=len(results) - len(good),
        seconds=float(np.mean([result.seconds for result in good])),
        kinds=dict(Counter(result.kind for result in good).most_common()),
        pose_rms=tuple(np.sqrt(np.mean(np.square([result.pose_error for result in good]), axis=0)).tolist()),
    )
