"""Small made-up training data: faces whose two dark spots move with the label."""

from pathlib import Path

import cv2
import made_shards
import numpy as np

from gaze.learned_landmarks import EYE_COUNT, LEARNED_COUNT


def spots(count: int, size: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.uniform(-0.5, 0.5, (count, 2))).astype(np.float32)
    faces = np.empty((count, size, size, 3), np.uint8)
    for row, (pitch, yaw) in enumerate(labels):
        face = cv2.resize(rng.integers(60, 200, (5, 5, 3)).astype(np.uint8), (size, size))
        for x in (0.3, 0.7):
            centre = (round(size * (x - 0.2 * yaw)), round(size * (0.33 - 0.2 * pitch)))
            cv2.circle(face, centre, size // 10, (10, 10, 10), -1)
        faces[row] = face
    return faces, labels


def spot_landmarks(labels: np.ndarray, size: int = 64) -> np.ndarray:
    """Landmarks (N, 60, 2) px: all of an eye at its spot, those of the face in the picture's middle."""
    landmarks_px = np.full((len(labels), LEARNED_COUNT, 2), (size - 1) / 2, np.float32)
    for first, x in ((0, 0.7), (EYE_COUNT, 0.3)):  # the subject's left eye is at the picture's right
        places = np.stack([size * (x - 0.2 * labels[:, 1]), size * (0.33 - 0.2 * labels[:, 0])], -1)
        landmarks_px[:, first : first + EYE_COUNT] = np.round(places)[:, None]
    return landmarks_px


def write_shard(
    folder: Path, index: int, count: int, size: int = 64, seed: int = 0, landmarks: bool = False
) -> None:
    """A shard of ``count`` spotted faces, four of each person."""
    faces, labels = spots(count, size, seed)
    known = {"landmarks_px": spot_landmarks(labels, size)} if landmarks else {}
    made_shards.write_shard(
        folder,
        index,
        **known,
        faces=faces,
        pitch_yaw_rad=labels,
        head_pitch_yaw_rad=labels * 0.5,
        person=np.arange(count, dtype=np.int32) // 4,
        seed=np.arange(count, dtype=np.int64) + 1000 * index,
        attributes=[{"row": row} for row in range(count)],
    )
