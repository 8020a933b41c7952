"""A folder of small training shards with made faces."""

from __future__ import annotations

import json

import numpy as np
from smooth_pictures import made_faces


def write_shards(folder, focal_px=240.0, size=32, count=10):
    """Write one shard into ``folder``; returns its faces and angles (pitch, yaw) rad."""
    faces = made_faces(size, count, seed=2).faces
    angles = np.linspace(-0.2, 0.2, 2 * count, dtype=np.float32).reshape(count, 2)
    np.savez(
        folder / "shard_000000.npz",
        faces=faces,
        pitch_yaw_rad=angles,
        head_pitch_yaw_rad=np.zeros_like(angles),
        person=np.zeros(count, np.int32),
        seed=np.arange(count),
        attributes=np.array(["{}"] * count),
    )
    camera = {"focal_px": focal_px, "distance_mm": 600.0, "size_px": size}
    description = {"schema": "gaze.shards/1", "size": size, "normalized_camera": camera}
    (folder / "shards.json").write_text(json.dumps(description))
    return faces, angles
