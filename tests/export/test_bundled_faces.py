"""The faces in the package: whole, labelled, spread over many people, and what was packed."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from made_shards import write_shards

from deploy.runtimes import create_runtime
from export.bundled_faces import bundled_faces, pack
from export.parity import predict_batched
from gaze.errors import DataError
from gaze.geometry import angular_error_deg
from gaze.types import NormalizedCamera


def test_the_labels_are_those_of_the_faces():
    """Faces and labels shuffled against each other would read 15 degrees and more."""
    with create_runtime(None, "onnxruntime") as network:
        given = bundled_faces(network.spec.normalized_camera)
        read_rad = predict_batched(network, given.faces)
    assert len(given) >= 100
    assert angular_error_deg(read_rad, given.pitch_yaw_rad).mean() < 9.0
    assert angular_error_deg(read_rad, given.pitch_yaw_rad[::-1]).mean() > 15.0


def test_what_was_packed_comes_back_but_for_jpeg(tmp_path):
    camera = NormalizedCamera(240.0, 600.0, 32)
    faces, angles = write_shards(tmp_path)
    assert pack([tmp_path], 4, tmp_path / "packed.npz") == 4
    given = bundled_faces(camera, tmp_path / "packed.npz")
    np.testing.assert_allclose(given.pitch_yaw_rad, angles[[0, 3, 6, 9]], atol=1e-6)
    assert np.abs(given.faces.astype(int) - faces[[0, 3, 6, 9]]).mean() < 8.0


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.npz.*install the package again"):
        bundled_faces(NormalizedCamera(240.0, 600.0, 32), tmp_path / "none.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(DataError, match=r"cut\.npz.*install the package again"):
        bundled_faces(NormalizedCamera(240.0, 600.0, 32), tmp_path / "cut.npz")
