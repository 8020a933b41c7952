"""Our reader and preparation against an independent reader of the same files, field by field."""

import numpy as np
import pytest
import second_reader

from gaze.datasets.mpiifacegaze_annotations import consistency
from gaze.datasets.mpiifacegaze_raw import RawDataset
from gaze.datasets.normalized_hdf5 import NormalizedFile


@pytest.fixture(scope="module")
def second(standin):
    """All rows of the stand-in, read the other way."""
    return second_reader.read(standin, 112)


def test_every_raw_column_agrees(standin, second):
    dataset = RawDataset(standin)
    ours = []
    for name in dataset.persons:
        person = dataset.person(name)
        notes, check = person.annotations, consistency(person.annotations, person.calibration)
        assert person.problems == ()
        targets = person.calibration.screen.to_camera(notes.screen_px)
        for row in range(len(notes)):
            ours.append((name, notes, check, targets, row))
    assert len(ours) == len(second) == 24
    for (name, notes, check, targets, row), other in zip(ours, second, strict=True):
        assert (name, notes.image[row], notes.eye[row]) == (other["person"], other["image"], other["eye"])
        for mine, theirs in (
            (notes.screen_px, "screen_px"),
            (notes.landmarks_px, "landmarks_px"),
            (notes.head_rvec, "rvec"),
            (notes.head_tvec_mm, "tvec"),
            (notes.centre_cam_mm, "centre"),
            (notes.target_cam_mm, "target"),
        ):
            np.testing.assert_array_equal(mine[row], other[theirs])
        np.testing.assert_allclose(targets[row], other["screen_target"], atol=1e-9)
        deviation = np.linalg.norm(other["screen_target"] - other["target"])
        assert check.screen_deviation_mm[row] == pytest.approx(deviation, abs=1e-9)
        assert deviation < 1e-3
        assert check.off_screen[row] == other["off_screen"]
        centre_deviation = np.linalg.norm(other["model_centre"] - other["centre"])
        assert check.centre_deviation_mm[row] == pytest.approx(centre_deviation, abs=1e-4)
        assert centre_deviation < 1e-3


def test_every_prepared_column_agrees(prepared, second):
    with NormalizedFile(prepared) as file:
        rows, faces = file.rows, file.read(np.arange(len(file)))
    assert len(rows) == len(second)
    for row, other in enumerate(second):
        assert rows.person[row] == other["person"]
        assert (rows.day[row], rows.frame_id[row]) == (other["day"], other["image"])
        assert (rows.eye[row], rows.off_screen[row]) == (other["eye"], other["off_screen"])
        np.testing.assert_allclose(np.rad2deg(rows.pitch_yaw_rad[row]), other["gaze_deg"], atol=1e-5)
        np.testing.assert_allclose(np.rad2deg(rows.head_pitch_yaw_rad[row]), other["head_deg"], atol=1e-5)
        np.testing.assert_allclose(rows.R_norm_cam[row], other["R"], atol=1e-9)
        np.testing.assert_allclose(rows.distance_scale[row], other["scale"], rtol=1e-9)
        np.testing.assert_array_equal(rows.centre_cam_mm[row], other["centre"])
        np.testing.assert_array_equal(rows.target_cam_mm[row], other["target"])
        np.testing.assert_allclose(rows.landmarks_norm_px[row], other["landmarks_norm_px"], atol=0.02)
        assert rows.brightness[row] == pytest.approx(faces[row].mean(), abs=0.01)
        # Ours interpolates once and averages when shrinking, theirs interpolates twice: edges differ.
        difference = np.abs(faces[row].astype(int) - other["face"].astype(int))
        assert difference.mean() < 3.0
        assert np.percentile(difference, 90) < 8


def test_raw_samples_carry_the_same_labels(standin, second):
    person = RawDataset(standin).person("p01")
    others = [row for row in second if row["person"] == "p01"]
    for sample, other in zip(person.samples(), others, strict=True):
        assert not sample.normalized
        assert sample.image.shape == (720, 1280, 3)
        np.testing.assert_allclose(np.rad2deg(sample.gaze_pitch_yaw_rad), other["gaze_deg"], atol=1e-9)
        np.testing.assert_allclose(np.rad2deg(sample.head_pitch_yaw_rad), other["head_deg"], atol=1e-9)
