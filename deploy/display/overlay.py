"""What is drawn over a frame: gaze arrows, head axes, boxes, statuses, timings, help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.display.canvas import AMBER, GREY, PALETTE, RED, WHITE, Canvas, Colour
from deploy.pipeline import FrameResult
from gaze.camera import Camera
from gaze.geometry import angles_from_vector
from gaze.types import Estimate, Status

ARROW_MM = 220.0
HEAD_AXIS_MM = 40.0
# Where the head's axes are drawn, in the head frame: on the forehead, clear of the eyes.
HEAD_AXES_AT_MM = np.array([0.0, -44.0, 0.0])
# Nothing nearer to the camera than this is projected.
NEAR_MM = 40.0
KEYS = (
    ("q", "quit"),
    ("space", "pause"),
    ("m", "mirror"),
    ("l", "landmarks"),
    ("w", "weight map of the network"),
    ("t", "timings"),
    ("s", "snapshot (PNG)"),
    ("r", "record (MP4)"),
    ("h", "this help"),
)


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """What to draw."""

    mirror: bool = False
    landmarks: bool = False
    weight_map: bool = False
    timings: bool = True
    help: bool = False


@dataclass(frozen=True, slots=True)
class Hud:
    """What the loop knows beside the frame: rate, dropped frames, a short message, recording."""

    fps: float | None = None
    dropped: int = 0
    recording: bool = False
    paused: bool = False
    messages: Sequence[str] = field(default=())


def draw_overlay(
    result: FrameResult, options: OverlayOptions | None = None, hud: Hud | None = None
) -> Canvas:
    """The frame with everything drawn on it, as a new picture."""
    options, hud = options or OverlayOptions(), hud or Hud()
    canvas = Canvas(result.frame.image, options.mirror)
    for estimate in result.estimates:
        _draw_frame_of_face(canvas, estimate, options)
    for estimate in result.estimates:
        _draw_directions(canvas, estimate, result.camera)
    if options.weight_map:
        _draw_weight_maps(canvas, result.estimates)
    if options.timings:
        _draw_timings(canvas, result, hud)
    _draw_frame_status(canvas, result.status, hud)
    if options.help:
        _draw_help(canvas)
    return canvas


def arrow_ends_px(estimate: Estimate, camera: Camera, length_mm: float = ARROW_MM) -> NDArray[np.float64]:
    """Raw px (2, 2) of start and tip of a face's gaze arrow, shortened before it passes the camera."""
    origin, direction = estimate.ray.origin_cam_mm, estimate.ray.direction_cam
    if origin[2] + length_mm * direction[2] < NEAR_MM and direction[2] < 0:
        length_mm = max(0.0, (origin[2] - NEAR_MM) / -direction[2])
    return camera.project([origin, origin + length_mm * direction])


def _colour(estimate: Estimate) -> Colour:
    return PALETTE[estimate.face.track_id % len(PALETTE)]


def _draw_frame_of_face(canvas: Canvas, estimate: Estimate, options: OverlayOptions) -> None:
    face = estimate.face
    good = estimate.status is Status.OK
    colour = _colour(estimate)
    if options.landmarks:
        canvas.points(face.landmarks_px, colour if good else GREY)
    _draw_corners(canvas, face.box_px, colour if good else GREY)
    left, top, right, _ = face.box_px
    corner = canvas.at([right if canvas.mirror else left, top])[0]
    label = f"{face.track_id}"
    if estimate.ray is not None and good:
        pitch, yaw = (
            round(float(angle)) for angle in np.rad2deg(angles_from_vector(estimate.ray.direction_cam))
        )
        label += f"   pitch {pitch:+d}  yaw {yaw:+d}"
    else:
        label += f"   {estimate.status.value.replace('_', ' ').lower()}"
    canvas.chip(label, round(corner[0]), round(corner[1] - 4 * canvas.unit), colour if good else AMBER)


def _draw_directions(canvas: Canvas, estimate: Estimate, camera: Camera | None) -> None:
    """Head axes and gaze arrow, over everything else; a face with another status has neither."""
    if camera is None or estimate.status is not Status.OK:
        return
    if estimate.head_pose is not None:
        _draw_head_axes(canvas, estimate, camera)
    if estimate.ray is not None:
        _draw_arrow(canvas, estimate, camera, _colour(estimate))


def _draw_corners(canvas: Canvas, box_px: NDArray[np.float64], colour: Colour) -> None:
    left, top, right, bottom = box_px
    arm = 0.14 * min(right - left, bottom - top)
    for x, dx in ((left, arm), (right, -arm)):
        for y, dy in ((top, arm), (bottom, -arm)):
            canvas.line((x, y), (x + dx, y), colour, 1.2)
            canvas.line((x, y), (x, y + dy), colour, 1.2)


def _draw_head_axes(canvas: Canvas, estimate: Estimate, camera: Camera) -> None:
    """Red towards the subject's left, green downwards, blue out of the face."""
    pose = estimate.head_pose
    start = pose.t_cam_mm + pose.R_cam_head @ HEAD_AXES_AT_MM
    ends = start + HEAD_AXIS_MM * (pose.R_cam_head @ np.diag([1.0, 1.0, -1.0])).T
    if min(start[2], ends[:, 2].min()) < NEAR_MM:
        return
    points = camera.project(np.vstack([start, ends]))
    for end, colour in zip(points[1:], ((80, 80, 255), (90, 220, 90), (255, 150, 70)), strict=True):
        canvas.line(points[0], end, colour, 1.3)


def _draw_arrow(canvas: Canvas, estimate: Estimate, camera: Camera, colour: Colour) -> None:
    if estimate.ray.origin_cam_mm[2] < NEAR_MM:
        return
    start, tip = arrow_ends_px(estimate, camera)
    along = tip - start
    length = float(np.hypot(*along))
    face_px = float(np.sqrt(np.prod(np.abs(estimate.face.box_px[2:] - estimate.face.box_px[:2]))))
    width = float(np.clip(face_px / 34.0, 2.2 * canvas.unit, 10.0 * canvas.unit))
    if length < 2.0 * width:  # straight into the camera: an arrow would be all head
        canvas.dot(start, 2.2 * width / canvas.unit, colour, hollow=True)
        canvas.dot(tip, 0.8 * width / canvas.unit, colour)
        return
    direction = along / length
    side = np.array([-direction[1], direction[0]])
    head = min(4.2 * width, 0.6 * length)
    neck = tip - head * direction
    canvas.polygon(
        [
            start + 0.25 * width * side,
            neck + 0.5 * width * side,
            neck + 0.42 * head * side,
            tip,
            neck - 0.42 * head * side,
            neck - 0.5 * width * side,
            start - 0.25 * width * side,
        ],
        colour,
    )
    canvas.dot(start, 0.7 * width / canvas.unit, colour)


def _draw_weight_maps(canvas: Canvas, estimates: Sequence[Estimate]) -> None:
    """The normalised faces as the network sees them, its spatial weights over them, along the lower edge."""
    side = round(min(0.28 * canvas.height, 0.22 * canvas.width))
    gap = round(8 * canvas.unit)
    if side < 16:
        return
    shown = [estimate for estimate in estimates if estimate.normalized is not None]
    for position, estimate in enumerate(shown[: max(1, canvas.width // (side + gap))]):
        face = cv2.resize(estimate.normalized.image, (side, side), interpolation=cv2.INTER_CUBIC)
        if estimate.weight_map is not None:
            weights = np.asarray(estimate.weight_map, dtype=np.float32)
            spread = float(weights.max() - weights.min())
            scaled = (weights - weights.min()) / (spread if spread > 0 else 1.0)
            heat = cv2.resize(scaled, (side, side), interpolation=cv2.INTER_CUBIC)
            heat = cv2.applyColorMap(np.uint8(np.clip(heat, 0, 1) * 255), cv2.COLORMAP_TURBO)
            face = cv2.addWeighted(face, 0.55, heat, 0.45, 0.0)
        cv2.rectangle(face, (0, 0), (side - 1, side - 1), _colour(estimate), max(1, round(1.5 * canvas.unit)))
        left = canvas.width - (position + 1) * (side + gap)
        canvas.paste(face, left, canvas.height - side - gap)


def _draw_timings(canvas: Canvas, result: FrameResult, hud: Hud) -> None:
    rows = [(name.replace("_", " "), value) for name, value in result.stage_ms.items()]
    rows.append(("total", result.total_ms))
    unit, size = canvas.unit, 0.92
    line = round(15 * unit)
    name_width = max(canvas.text_size(name, size)[0] for name, _ in rows)
    value_width = canvas.text_size("000.0 ms", size)[0]
    pad = round(9 * unit)
    width = name_width + value_width + round(14 * unit) + 2 * pad
    height = (len(rows) + 1) * line + 2 * pad
    if width > canvas.width or height > canvas.height:
        return
    left = top = round(8 * unit)
    canvas.panel(left, top, left + width, top + height)
    baseline = top + pad + round(10 * unit)
    title = f"{hud.fps:.0f} fps" if hud.fps is not None else f"frame {result.frame.index}"
    canvas.text(title, left + pad, baseline, WHITE, 1.1)
    if hud.dropped:
        text = f"{hud.dropped} dropped"
        canvas.text(text, left + width - pad - canvas.text_size(text, 0.8)[0], baseline, GREY, 0.8)
    for name, value in rows:
        baseline += line
        colour = WHITE if name == "total" else GREY
        canvas.text(name, left + pad, baseline, colour, size)
        text = f"{value:.1f} ms"
        canvas.text(text, left + width - pad - canvas.text_size(text, size)[0], baseline, colour, size)


def _draw_frame_status(canvas: Canvas, status: Status, hud: Hud) -> None:
    lines = list(hud.messages)
    if status is Status.NO_FACE:
        lines.append("no face")
    elif status is Status.FROZEN:
        lines.append("the camera is frozen: the same picture again and again")
    if hud.paused:
        lines.append("paused")
    bottom = canvas.height - round(10 * canvas.unit)
    for text in lines:
        width, height = canvas.text_size(text, 1.1)
        canvas.chip(text, (canvas.width - width) // 2, bottom, AMBER, 1.1)
        bottom -= height + round(16 * canvas.unit)
    if hud.recording:
        radius = round(6 * canvas.unit)
        centre = (canvas.width - 3 * radius, 3 * radius)
        cv2.circle(canvas.image, centre, radius, RED, -1, cv2.LINE_AA)
        width, height = canvas.text_size("rec", 1.0)
        canvas.text("rec", centre[0] - 2 * radius - width, centre[1] + height // 2, RED, 1.0)


def _draw_help(canvas: Canvas) -> None:
    unit = canvas.unit
    line, pad = round(18 * unit), round(14 * unit)
    key_width = max(canvas.text_size(key)[0] for key, _ in KEYS) + round(16 * unit)
    width = key_width + max(canvas.text_size(text)[0] for _, text in KEYS) + 2 * pad
    height = len(KEYS) * line + 2 * pad
    left, top = (canvas.width - width) // 2, (canvas.height - height) // 2
    canvas.panel(left, top, left + width, top + height, 0.8)
    for row, (key, text) in enumerate(KEYS):
        baseline = top + pad + round(12 * unit) + row * line
        canvas.text(key, left + pad, baseline, AMBER)
        canvas.text(text, left + pad + key_width, baseline, WHITE)
