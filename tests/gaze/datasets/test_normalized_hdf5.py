"""The prepared file: reading in any order, in other processes, and refusing what is not whole."""

import multiprocessing
import pickle
import shutil

import h5py
import numpy as np
import pytest

from gaze.datasets.normalized_hdf5 import NormalizedFile, NormalizedHeader, merge_normalized, write_normalized
from gaze.datasets.normalized_rows import NormalizedRows
from gaze.datasets.normalized_source import PersonSource
from gaze.errors import DataError
from gaze.types import NormalizedCamera

SIZE = 16
HEADER = NormalizedHeader("test", "rotation-only", NormalizedCamera(70, 600, SIZE), "centre", "1")


def _rows(n, person="p00", seed=0):
    rng = np.random.default_rng(seed)
    return NormalizedRows.from_dicts(
        [
            {
                "person": person,
                "frame_id": f"é{seed}-{i}",
                "pitch_yaw_rad": rng.normal(0, 0.1, 2),
                "brightness": i,
            }
            for i in range(n)
        ]
    )


def _faces(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def small(tmp_path):
    """A file of ten faces of two people, joined from two parts."""
    write_normalized(tmp_path / "a.h5", HEADER, _faces(6, 1), _rows(6, "p00", 1))
    write_normalized(tmp_path / "b.h5", HEADER, _faces(4, 2), _rows(4, "p01", 2))
    merge_normalized([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "all.h5", HEADER)
    return tmp_path / "all.h5"


def test_joining_keeps_every_face_and_row(small):
    faces = np.concatenate([_faces(6, 1), _faces(4, 2)])
    with NormalizedFile(small) as file:
        assert len(file) == 10
        assert file.persons == ("p00", "p01")
        np.testing.assert_array_equal(file.read(np.arange(10)), faces)
        order = [7, 0, 7, 3]
        np.testing.assert_array_equal(file.read(order), faces[order])
        assert file.rows.frame_id[6] == "é2-0"
        np.testing.assert_array_equal(file.rows_of(["p01"]), [6, 7, 8, 9])
        assert np.isnan(file.rows.head_pitch_yaw_rad).all()
        sample = file.sample(8)
        assert (sample.person, sample.day, sample.frame_id) == ("p01", None, "é2-2")
        assert sample.head_pitch_yaw_rad is None
        np.testing.assert_array_equal(sample.image, faces[8])


def test_reading_fills_a_given_buffer(small):
    out = np.zeros((3, SIZE, SIZE, 3), np.uint8)
    with NormalizedFile(small) as file:
        assert file.read([9, 1, 4], out) is out
        np.testing.assert_array_equal(out, file.read(np.arange(10))[[9, 1, 4]])
        with pytest.raises(IndexError):
            file.read([10])
        with pytest.raises(IndexError):
            file.read([-1])


def _sum(file):
    return int(file.read([0, 9]).sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_file_can_be_handed_to_other_processes(small, method):
    with NormalizedFile(small) as file:
        expected = _sum(file)
        assert _sum(pickle.loads(pickle.dumps(file))) == expected
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(_sum, (file,)) == expected
        assert _sum(file) == expected


def test_the_id_follows_the_data_and_not_the_path(small, tmp_path):
    with NormalizedFile(small) as file:
        first = file.header.provenance_id
    again = merge_normalized([tmp_path / "a.h5", tmp_path / "b.h5"], tmp_path / "again.h5", HEADER)
    assert again.provenance_id == first
    other = merge_normalized([tmp_path / "b.h5", tmp_path / "a.h5"], tmp_path / "other.h5", HEADER)
    assert other.provenance_id != first
    assert len(first) == 64


def test_two_label_spaces_are_not_joined(small, tmp_path):
    scaled = NormalizedHeader("test", "scaled", HEADER.normalized_camera, "centre", "1")
    write_normalized(tmp_path / "s.h5", scaled, _faces(2), _rows(2))
    with pytest.raises(DataError, match="label space or camera differ"):
        merge_normalized([tmp_path / "a.h5", tmp_path / "s.h5"], tmp_path / "mixed.h5", HEADER)
    assert not (tmp_path / "mixed.h5").exists()
    with pytest.raises(DataError, match="label space"):
        NormalizedHeader("test", "camera", HEADER.normalized_camera, "centre", "1")


def test_truncated_incomplete_and_foreign_files_are_refused(small, tmp_path):
    data = small.read_bytes()
    (tmp_path / "cut.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"cut.h5: is not a whole HDF5 file"):
        NormalizedFile(tmp_path / "cut.h5")
    with pytest.raises(DataError, match="no such file; make it with `gaze prepare`"):
        NormalizedFile(tmp_path / "none.h5")
    shutil.copy(small, tmp_path / "open.h5")
    with h5py.File(tmp_path / "open.h5", "a") as file:
        del file.attrs["complete"]
    with pytest.raises(DataError, match="was not finished"):
        NormalizedFile(tmp_path / "open.h5")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(DataError, match=r"is HDF5 but not a gaze.normalized/1 file"):
        NormalizedFile(tmp_path / "foreign.h5")
    shutil.copy(small, tmp_path / "gone.h5")
    with h5py.File(tmp_path / "gone.h5", "a") as file:
        del file["rows/eye"]
    with pytest.raises(DataError, match="is damaged"):
        NormalizedFile(tmp_path / "gone.h5")


def test_a_damaged_face_is_named(small, tmp_path):
    with h5py.File(small) as file:
        info = file["faces"].id.get_chunk_info(3)
    data = bytearray(small.read_bytes())
    data[info.byte_offset : info.byte_offset + 40] = b"\xff" * 40
    (tmp_path / "bad.h5").write_bytes(data)
    with NormalizedFile(tmp_path / "bad.h5") as file:
        file.read([0])
        with pytest.raises(DataError, match="face 3 cannot be unpacked"):
            file.read([3])


def test_an_unknown_person_is_named(small):
    with NormalizedFile(small) as file, pytest.raises(DataError, match="has no p07; its people are p00, p01"):
        file.rows_of(["p00", "p07"])


def test_some_people_are_a_source_of_batches(small):
    with NormalizedFile(small) as file:
        faces = PersonSource(file, ["p01"])
        assert (len(faces), faces.size_px, faces.label_space) == (4, SIZE, "rotation-only")
        assert faces.normalized_camera == HEADER.normalized_camera
        pictures, labels = faces.read([3, 0])
        np.testing.assert_array_equal(pictures, _faces(4, 2)[[3, 0]])
        np.testing.assert_array_equal(labels, _rows(4, "p01", 2).pitch_yaw_rad[[3, 0]])
        faces.rescan()
        faces.rescan(faces.names())
        with pytest.raises(DataError, match="give its --data"):
            faces.rescan(["another file"])
