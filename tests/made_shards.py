"""A folder of small training shards with made faces."""

from __future__ import annotations

import json

import numpy as np
from smooth_pictures import smooth_faces

# The renderer's own: crops that show 140 mm at 600 mm. Reading brings it to the size of the faces.
CAMERA = {"focal_px": 960.0, "distance_mm": 600.0, "size_px": 224}


def write_shard(folder, index=0, *, faces, camera=None, attributes=None, **arrays):
    """Write shard ``index`` of a folder and the folder's description; returns the shard's arrays.

    ``faces`` (N, S, S, 3); ``attributes``: a dict for each face, empty if not given. Where ``arrays`` says
    nothing else, every face looks straight at the camera and is of a person and a seed of its own.
    """
    count, size = faces.shape[:2]
    folder.mkdir(parents=True, exist_ok=True)
    description = {"schema": "gaze.shards/1", "size": size, "normalized_camera": camera or CAMERA}
    (folder / "shards.json").write_text(json.dumps(description))
    written = {
        "faces": faces,
        "pitch_yaw_rad": np.zeros((count, 2), np.float32),
        "head_pitch_yaw_rad": np.zeros((count, 2), np.float32),
        "person": np.arange(count, dtype=np.int32),
        "seed": np.arange(count, dtype=np.int64),
        "attributes": np.array([json.dumps(row) for row in attributes or [{}] * count]),
        **arrays,
    }
    np.savez(folder / f"shard_{index:06d}.npz", **written)
    return written


def write_shards(folder, focal_px=240.0, size=32, count=10):
    """Write one shard of one person into ``folder``; returns its faces and angles (pitch, yaw) rad."""
    faces = smooth_faces(size, count, seed=2).faces
    angles = np.linspace(-0.2, 0.2, 2 * count, dtype=np.float32).reshape(count, 2)
    camera = {"focal_px": focal_px, "distance_mm": 600.0, "size_px": size}
    write_shard(folder, faces=faces, camera=camera, pitch_yaw_rad=angles, person=np.zeros(count, np.int32))
    return faces, angles
