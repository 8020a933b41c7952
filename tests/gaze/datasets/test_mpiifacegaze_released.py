"""The released normalised layout, its label space, and preparing from it."""

import h5py
import numpy as np
import pytest
import second_reader

from gaze.datasets.label_space import detect_label_space
from gaze.datasets.mpiifacegaze_normalized import ReleasedFile
from gaze.datasets.mpiifacegaze_raw import RawDataset
from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.prepare import prepare
from gaze.datasets.prepare_converted import ReleasedSource
from gaze.datasets.prepare_raw import RawSource
from gaze.errors import DataError
from gaze.geometry import angles_from_vector, vector_from_angles
from gaze.normalization import scale_direction
from gaze.synthesis.mpiifacegaze_standin import SUBSET_FOLDER
from gaze.synthesis.standin_released import write_released


def _evaluation_rows(root, person):
    """The independent reader's rows at 448 px, those of right eyes mirrored."""
    rows = second_reader.read(root, 448, person)
    for row in rows:
        if row["eye"] == "right":
            for key in ("gaze_deg", "scaled_gaze_deg", "head_deg"):
                row[key] = [row[key][0], -row[key][1]]
            points = row["landmarks_norm_px"] * [-1, 1] + [447, 0]
            row["landmarks_norm_px"] = points[[3, 2, 1, 0, 5, 4]]
            row["face"] = row["face"][:, ::-1]
    return rows


@pytest.fixture(scope="module")
def released(standin, tmp_path_factory):
    """The stand-in's released layout in both label spaces: {label space: folder}."""
    import shutil

    folders = {}
    for space in ("rotation-only", "scaled"):
        root = shutil.copytree(standin, tmp_path_factory.mktemp(space) / "raw")
        folders[space] = write_released(root, space, progress=False)
    return folders


@pytest.mark.parametrize("space", ["rotation-only", "scaled"])
def test_labels_and_faces_agree_with_the_independent_reader(standin, released, space):
    others = _evaluation_rows(standin, "p02")
    assert {other["eye"] for other in others} == {"left", "right"}
    key = "gaze_deg" if space == "rotation-only" else "scaled_gaze_deg"
    with ReleasedFile(released[space] / "p02.mat", space) as file:
        assert len(file) == len(others)
        np.testing.assert_allclose(np.rad2deg(file.gaze_pitch_yaw_rad), [o[key] for o in others], atol=1e-4)
        np.testing.assert_allclose(
            np.rad2deg(file.head_pitch_yaw_rad), [o["head_deg"] for o in others], atol=1e-4
        )
        np.testing.assert_allclose(file.landmarks_px, [o["landmarks_norm_px"] for o in others], atol=0.05)
        samples = list(file.samples(block=3))
        for sample, other in zip(samples, others, strict=True):
            assert sample.image.shape == (448, 448, 3)
            assert (sample.person, sample.day, sample.label_space) == ("p02", None, space)
            assert np.abs(sample.image.astype(int) - other["face"]).mean() < 3.0
        np.testing.assert_array_equal(file.read(2, 5), np.stack([s.image for s in samples[2:5]]))


@pytest.mark.parametrize("space", ["rotation-only", "scaled"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_label_space_is_found_from_the_raw_targets(standin, released, space, mirrored):
    notes = RawDataset(standin).person("p01").annotations
    with ReleasedFile(released[space] / "p01.mat", space) as file:
        flip = [1, -1] if mirrored else [1, 1]
        verdict = detect_label_space(
            file.gaze_pitch_yaw_rad * flip, file.head_pitch_yaw_rad * flip, notes, distance_mm=600
        )
    assert verdict.space == space
    right, wrong = sorted([verdict.rotation_only_deg, verdict.scaled_deg])
    assert right < 1e-3 < 0.05 < wrong


@pytest.mark.parametrize(("distance_mm", "scaled_deg"), [(400, 10.1), (600, 15.0), (700, 17.4)])
def test_fifteen_degrees_in_the_scaled_space(distance_mm, scaled_deg):
    gaze = vector_from_angles(np.deg2rad([0.0, 15.0]))
    yaw = np.rad2deg(angles_from_vector(scale_direction(gaze, 600 / distance_mm)))[1]
    assert yaw == pytest.approx(scaled_deg, abs=0.05)


def test_labels_of_another_person_have_no_label_space(standin, released):
    notes = RawDataset(standin).person("p00").annotations
    with ReleasedFile(released["scaled"] / "p01.mat", "scaled") as file:
        verdict = detect_label_space(file.gaze_pitch_yaw_rad, file.head_pitch_yaw_rad, notes, 600)
    assert verdict.space is None


def test_preparing_checks_the_declared_label_space(standin, released, tmp_path):
    root = released["scaled"]
    with pytest.raises(DataError, match=r"p00.mat: is not 'rotation-only'.*give --label-space scaled"):
        prepare(
            ReleasedSource(root, 112, "rotation-only", check_against=standin),
            tmp_path / "x.h5",
            progress=False,
        )
    source = ReleasedSource(root, 112, "scaled", ("p00",), check_against=standin)
    report = prepare(source, tmp_path / "x.h5", workers=1, progress=False)
    assert report["warnings"] == ["label space 'scaled' agrees with the raw 3-D targets"]
    with NormalizedFile(tmp_path / "x.h5") as file:
        assert file.header.label_space == "scaled"
        assert file.read([0]).shape == (1, 112, 112, 3)


def test_a_prepared_released_file_shows_the_same_faces_as_the_raw_one(standin, released, tmp_path):
    prepare(RawSource(standin, 112, (), standin / SUBSET_FOLDER), tmp_path / "raw.h5", 1, progress=False)
    source = ReleasedSource(released["rotation-only"], 112, "rotation-only")
    report = prepare(source, tmp_path / "x.h5", workers=1, progress=False)
    assert "not checked" in report["warnings"][0]
    with NormalizedFile(tmp_path / "x.h5") as file, NormalizedFile(tmp_path / "raw.h5") as raw:
        np.testing.assert_allclose(file.rows.pitch_yaw_rad, raw.rows.pitch_yaw_rad, atol=1e-6)
        both = [f.read(np.arange(len(f))).astype(int) for f in (file, raw)]
        assert np.abs(both[0] - both[1]).mean() < 4.0


def test_floats_are_read_as_bytes_and_values_out_of_range_refused(tmp_path):
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 256, (2, 3, 448, 448)).astype(np.float32)
    with h5py.File(tmp_path / "p00.mat", "w") as file:
        file["Data/data"], file["Data/label"] = faces, np.zeros((2, 16))
    with ReleasedFile(tmp_path / "p00.mat", "scaled") as file:
        np.testing.assert_array_equal(file.read(0, 2), faces.transpose(0, 2, 3, 1).astype(np.uint8))
    with h5py.File(tmp_path / "p00.mat", "a") as file:
        file["Data/data"][1, 0, 0, 0] = 300
    with (
        ReleasedFile(tmp_path / "p00.mat", "scaled") as file,
        pytest.raises(DataError, match=r"beyond 0..255"),
    ):
        file.read(0, 2)


def test_damaged_released_files_are_refused(released, tmp_path):
    data = (released["scaled"] / "p00.mat").read_bytes()
    path = tmp_path / "p00.mat"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"p00.mat: is not a whole HDF5"):
        ReleasedFile(path, "scaled")
    with pytest.raises(DataError, match="no such file"):
        ReleasedFile(tmp_path / "p01.mat", "scaled")
    with pytest.raises(DataError, match="label space must be one of"):
        ReleasedFile(path, "unknown")
    with pytest.raises(DataError, match=r"holds no p00.mat"):
        ReleasedSource(tmp_path / "empty", 112, "scaled").blocks()
    labels = np.zeros((1, 16))
    labels[0, 1] = np.nan
    for content, message in (
        ({"Data/data": np.zeros((1, 3, 448, 448), np.uint8), "Data/label": labels}, "label row 0 holds NaN"),
        ({"Data/data": np.zeros((1, 3, 224, 224), np.uint8), "Data/label": labels * 0}, "expected data"),
        ({"Data/label": labels}, "cannot be read"),
    ):
        with h5py.File(path, "w") as file:
            for name, value in content.items():
                file[name] = np.nan_to_num(value) if "expected" in message else value
        with pytest.raises(DataError, match=message):
            ReleasedFile(path, "scaled")
