"""Faces for calibration and parity come from shards and folders, and wrong ones are named."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_shards import write_shards
from smooth_pictures import smooth_faces

from export.faces import load_faces
from gaze.errors import DataError
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.types import NormalizedCamera

CAMERA = NormalizedCamera(240.0, 600.0, 32)


def test_shards_come_with_labels_and_spread(tmp_path):
    faces, angles = write_shards(tmp_path)
    given = load_faces(tmp_path, CAMERA, 4)
    np.testing.assert_array_equal(given.faces, faces[[0, 3, 6, 9]])
    np.testing.assert_allclose(given.pitch_yaw_rad, angles[[0, 3, 6, 9]])


def test_of_larger_shards_the_middle_is_resampled_and_narrower_ones_are_refused(tmp_path):
    (tmp_path / "large").mkdir()
    faces, _ = write_shards(tmp_path / "large", focal_px=480.0, size=64)
    given = load_faces(tmp_path / "large", CAMERA, 10)
    np.testing.assert_array_equal(
        given.faces[0], cv2.resize(faces[0], (32, 32), interpolation=cv2.INTER_AREA)
    )
    given = load_faces(tmp_path / "large", NormalizedCamera(480.0, 600.0, 32), 10)
    np.testing.assert_array_equal(given.faces[0], faces[0][16:48, 16:48])
    (tmp_path / "narrow").mkdir()
    write_shards(tmp_path / "narrow", focal_px=480.0, size=32)
    with pytest.raises(DataError, match="80 mm cannot be taken out of one of 40 mm; render wider"):
        load_faces(tmp_path / "narrow", CAMERA, 10)


def test_a_folder_of_crops(tmp_path):
    face = smooth_faces(32, 1).faces[0]
    shown_mm = CAMERA.view_mm  # less than the 140 mm of such crops
    assert shown_mm == pytest.approx(80.0)
    cv2.imwrite(str(tmp_path / "a.png"), face)
    (tmp_path / "labels.csv").write_text("file,pitch_rad,yaw_rad\n")
    given = load_faces(tmp_path, DEFAULT_NORMALIZED_CAMERA.resized(32), 10)
    np.testing.assert_array_equal(given.faces, face[None])
    with pytest.raises(DataError, match="200 mm cannot be taken out of one of 140 mm"):
        load_faces(tmp_path, NormalizedCamera(96.0, 600.0, 32), 10)
    narrow = load_faces(tmp_path, CAMERA, 10)
    np.testing.assert_array_equal(narrow.faces[0], cv2.resize(face[7:25, 7:25], (32, 32)))
    assert given.pitch_yaw_rad is None


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        load_faces(tmp_path / "none", CAMERA, 1)
    with pytest.raises(DataError, match="holds no face"):
        load_faces(tmp_path, CAMERA, 1)
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"broken\.png: holds no picture"):
        load_faces(tmp_path, CAMERA, 1)
    cv2.imwrite(str(tmp_path / "broken.png"), np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(DataError, match="30x20, a normalised face is square"):
        load_faces(tmp_path, CAMERA, 1)


def test_what_calibrates_does_not_judge():
    used, apart = smooth_faces(16, 20).every_fifth_apart()
    assert (len(used), len(apart)) == (16, 4)
    assert not any((apart.faces[0] == face).all() for face in used.faces)
