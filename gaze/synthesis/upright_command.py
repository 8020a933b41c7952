"""`gaze synthesize upright`: fit gaze.upright on rendered faces, turned about, as MediaPipe sees them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.datasets.shards import Shard
from gaze.errors import DataError
from gaze.files import prepare_outputs, write_json
from gaze.geometry import head_roll_from_rotation
from gaze.head_pose import estimate_head_pose, face_centre_cam_mm
from gaze.help_format import HelpFormatter
from gaze.landmarks import FaceDetector, create_detector
from gaze.normalization import normalize_face
from gaze.option_types import at_least, at_least_one
from gaze.types import Frame
from gaze.upright import WEIGHTS_FILE, edges

SIDE_PX, FACE_PX = 640, 288
RIDGE = 1e-3


def main(argv: Sequence[str] | None = None) -> int:
    """Fit and write the weights; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="gaze synthesize upright",
        description="Fit what tells upright faces from landmarks laid over a face upside down: crops of "
        "rendered people are turned, MediaPipe looks at them, and the angle it missed is the label.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--shards", type=Path, required=True, help="folder of `gaze synthesize shards`")
    parser.add_argument(
        "--crops",
        type=at_least_one,
        default=1100,
        metavar="N",
        help="how many crops, each turned three times",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the choice of crops and turns")
    parser.add_argument("--out", type=Path, default=WEIGHTS_FILE, help="JSON to write")
    args = parser.parse_args(argv)
    files = sorted(args.shards.glob("shard_*.npz"))
    if not files:
        raise DataError(f"{args.shards}: holds no shard_*.npz; run `gaze synthesize shards`")
    prepare_outputs(args.out)
    rng = np.random.default_rng(args.seed)
    rows, labels = [], []
    each = -(-args.crops // len(files))
    with create_detector(max_faces=3, static=True) as detector:
        for file in files:
            faces = Shard(file).faces
            for number in rng.choice(len(faces), min(each, len(faces)), replace=False):
                for turn in range(3):
                    degrees = rng.uniform(-40, 40) if turn == 0 else rng.uniform(120, 240)
                    for face, missed_deg in seen_turned(faces[number], degrees, detector, rng):
                        if missed_deg < 60 or missed_deg > 120:
                            rows.append(edges(face))
                            labels.append(1.0 if missed_deg < 60 else -1.0)
    if len(set(labels)) < 2:
        raise DataError(
            f"{args.shards}: MediaPipe finds {len(labels)} faces in them, not both upright and upside down; "
            "give more shards, or more --crops"
        )
    weights, bias = fit_logistic(np.array(rows, np.float64), np.array(labels))
    write_json(args.out, {"weights": [round(float(w), 4) for w in weights], "bias": round(bias, 4)})
    upright = sum(label > 0 for label in labels)
    print(
        f"{args.out}: fitted on {upright} upright faces and {len(labels) - upright} upside down, "
        f"by MediaPipe's {detector.name}"
    )
    return 0


def seen_turned(
    crop: NDArray[np.uint8], degrees: float, detector: FaceDetector, rng: np.random.Generator
) -> list[tuple[NDArray[np.uint8], float]]:
    """A crop turned in a larger picture: (normalised face, degrees of roll that the landmarks missed)."""
    size = crop.shape[0]
    camera = Camera.from_hfov(56.0, SIDE_PX, SIDE_PX)
    scale = FACE_PX / size * rng.uniform(0.7, 1.4)
    M = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), degrees, scale)
    M[:, 2] += (SIDE_PX - size) / 2 + rng.uniform(-60, 60, 2)
    rim = tuple(int(value) for value in crop.reshape(-1, 3).mean(axis=0))
    frame = Frame(cv2.warpAffine(crop, M, (SIDE_PX, SIDE_PX), borderValue=rim))
    found = []
    for face in detector.detect(frame):
        pose = estimate_head_pose(face, camera)
        if pose is not None:
            view = normalize_face(frame, camera, pose, face_centre_cam_mm(pose))
            # Positive roll is clockwise in the picture, OpenCV turns anticlockwise.
            missed = np.rad2deg(head_roll_from_rotation(pose.R_cam_head)) + degrees
            found.append((view.image, abs((missed + 180) % 360 - 180)))
    return found


def fit_logistic(rows: NDArray[np.float64], labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Ridge logistic regression of labels of +1 and -1 on rows (N, K), by Newton's method."""
    X = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    ridge = np.full(X.shape[1], 2.0 * RIDGE)
    ridge[-1] = 0.0
    w = np.zeros(X.shape[1])
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(np.clip(labels * (X @ w), -50, 50)))
        gradient = -X.T @ (labels * chance) / len(X) + ridge * w
        curvature = (X * (chance * (1 - chance))[:, None]).T @ X / len(X) + np.diag(ridge + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        w -= step
        if np.abs(step).max() < 1e-8:
            break
    return w[:-1], float(w[-1])
