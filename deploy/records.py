"""A frame's result as the JSON object and the table rows that are written; the public format `gaze/1`."""

from __future__ import annotations

import numpy as np

from deploy.pipeline import FrameResult
from gaze.geometry import angles_from_vector, head_angles_from_rotation, head_roll_from_rotation
from gaze.types import Estimate

SCHEMA = "gaze/1"
CSV_COLUMNS = (
    "frame", "t_s", "frame_status", "id", "status",
    "left_px", "top_px", "right_px", "bottom_px",
    "pitch_deg", "yaw_deg", "direction_x", "direction_y", "direction_z",
    "origin_x_mm", "origin_y_mm", "origin_z_mm",
    "head_pitch_deg", "head_yaw_deg", "head_roll_deg", "head_x_mm", "head_y_mm", "head_z_mm",
    "eye_open_right", "eye_open_left", "screen_x_px", "screen_y_px", "on_screen",
    "sigma_deg",  # last, so that the older columns keep their numbers
)  # fmt: skip


def _rounded(values, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def face_record(estimate: Estimate) -> dict[str, object]:
    """One entry of ``faces``; parts that are not known are null. Angles in degrees, camera frame."""
    gaze = head = point = None
    if estimate.ray is not None:
        pitch, yaw = np.rad2deg(angles_from_vector(estimate.ray.direction_cam))
        gaze = {
            "pitch_deg": round(float(pitch), 3),
            "yaw_deg": round(float(yaw), 3),
            "direction_cam": _rounded(estimate.ray.direction_cam, 6),
            "origin_cam_mm": _rounded(estimate.ray.origin_cam_mm, 2),
        }
        if estimate.gaze is not None and estimate.gaze.sigma_rad is not None:
            gaze["sigma_deg"] = round(float(np.rad2deg(estimate.gaze.sigma_rad)), 3)
    if estimate.head_pose is not None:
        R = estimate.head_pose.R_cam_head
        pitch, yaw = np.rad2deg(head_angles_from_rotation(R))
        head = {
            "pitch_deg": round(float(pitch), 3),
            "yaw_deg": round(float(yaw), 3),
            "roll_deg": round(float(np.rad2deg(head_roll_from_rotation(R))), 3),
            "t_cam_mm": _rounded(estimate.head_pose.t_cam_mm, 2),
        }
    if estimate.point_of_gaze is not None:
        point = {
            "screen_mm": _rounded(estimate.point_of_gaze.screen_mm, 2),
            "screen_px": _rounded(estimate.point_of_gaze.screen_px, 1),
            "on_screen": bool(estimate.point_of_gaze.on_screen),
        }
        if estimate.point_of_gaze.screen:
            point["screen"] = estimate.point_of_gaze.screen
        if estimate.point_of_gaze.covariance_mm2 is not None:
            point["covariance_mm2"] = [_rounded(row, 3) for row in estimate.point_of_gaze.covariance_mm2]
        if estimate.point_of_gaze.direction_cam is not None:
            point["direction_cam"] = _rounded(estimate.point_of_gaze.direction_cam, 6)
    return {
        "id": estimate.face.track_id,
        "status": estimate.status.value,
        "box_px": _rounded(estimate.face.box_px, 1),
        "gaze": gaze,
        "head": head,
        "eye_open": _rounded(estimate.face.eye_open, 3),
        "point_of_gaze": point,
    }


def frame_record(result: FrameResult) -> dict[str, object]:
    """The JSON object of one frame; ``events`` only where something was completed."""
    record: dict[str, object] = {
        "schema": SCHEMA,
        "frame": result.frame.index,
        "t_s": round(result.frame.t_s, 6),
        "status": result.status.value,
        "faces": [face_record(estimate) for estimate in result.estimates],
        "ms": {stage: round(value, 3) for stage, value in result.stage_ms.items()},
    }
    if result.events:
        record["events"] = list(result.events)
    return record


def csv_rows(result: FrameResult) -> list[list[object]]:
    """A row a face, or one row without face columns for a frame without a face."""
    start = [result.frame.index, round(result.frame.t_s, 6), result.status.value]
    if not result.estimates:
        return [start + [""] * (len(CSV_COLUMNS) - len(start))]
    rows = []
    for estimate in result.estimates:
        face = face_record(estimate)
        gaze, head, point = face["gaze"], face["head"], face["point_of_gaze"]
        row = [*start, face["id"], face["status"], *face["box_px"]]
        row += [""] * 8 if gaze is None else [
            gaze["pitch_deg"], gaze["yaw_deg"], *gaze["direction_cam"], *gaze["origin_cam_mm"],
        ]  # fmt: skip
        row += [""] * 6 if head is None else [
            head["pitch_deg"], head["yaw_deg"], head["roll_deg"], *head["t_cam_mm"],
        ]  # fmt: skip
        row += face["eye_open"]
        row += [""] * 3 if point is None else [*point["screen_px"], int(point["on_screen"])]
        row.append("" if gaze is None else gaze.get("sigma_deg", ""))
        rows.append(row)
    return rows
