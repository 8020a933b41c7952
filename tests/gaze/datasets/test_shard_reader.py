"""Reading rendered shards: whole, growing, damaged."""

import contextlib

import numpy as np
import pytest
from made_shards import write_shard

from gaze.datasets.shards import Shard, ShardFolder
from gaze.errors import DataError
from gaze.learned_landmarks import LEARNED_COUNT
from gaze.types import NormalizedCamera


def write(folder, index, count=5, size=8):
    rng = np.random.default_rng(index)
    return write_shard(
        folder,
        index,
        faces=rng.integers(0, 256, (count, size, size, 3), np.uint8),
        pitch_yaw_rad=rng.normal(0, 0.2, (count, 2)).astype(np.float32),
        head_pitch_yaw_rad=rng.normal(0, 0.2, (count, 2)).astype(np.float32),
        seed=100 * index + np.arange(count, dtype=np.int64),
        attributes=[{"glasses": row % 2 == 0, "sunglasses": False} for row in range(count)],
    )


def test_reads_across_shards_what_was_written(tmp_path):
    first, second = write(tmp_path / "a", 0), write(tmp_path / "a", 1, count=3)
    source = ShardFolder([tmp_path / "a"])
    assert len(source) == 8
    assert source.size_px == 8
    assert source.normalized_camera == NormalizedCamera(960.0 * 8 / 224, 600.0, 8)
    faces, angles = source.read(np.array([7, 0, 5, 4]))
    np.testing.assert_array_equal(faces[0], second["faces"][2])
    np.testing.assert_array_equal(faces[1], first["faces"][0])
    np.testing.assert_array_equal(faces[3], first["faces"][4])
    np.testing.assert_array_equal(angles[2], second["pitch_yaw_rad"][0])


def test_the_middle_of_every_face(tmp_path):
    arrays = write(tmp_path / "a", 0)  # 8 px show 140 mm
    source = ShardFolder([tmp_path / "a"], view_mm=105.0)
    assert source.size_px == 6
    assert source.normalized_camera.view_mm == pytest.approx(105.0)
    faces, _ = source.read(np.arange(5))
    np.testing.assert_array_equal(faces, arrays["faces"][:, 1:7, 1:7])
    np.testing.assert_array_equal(next(source.samples()).image, faces[0])
    assert ShardFolder([tmp_path / "a"], view_mm=140.0).size_px == 8
    with pytest.raises(DataError, match="150 mm cannot be taken out of one of 140 mm; give a smaller view"):
        ShardFolder([tmp_path / "a"], view_mm=150.0)


def with_landmarks(folder, change=lambda landmarks_px: landmarks_px):
    """Add landmarks to a folder's first shard."""
    path = folder / "shard_000000.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    landmarks_px = (
        np.random.default_rng(5).uniform(0, 8, (len(arrays["seed"]), LEARNED_COUNT, 2)).astype(np.float32)
    )
    np.savez(path, **arrays, landmarks_px=change(landmarks_px))
    return landmarks_px


def test_landmarks_lie_in_the_faces_that_are_read(tmp_path):
    write(tmp_path / "a", 0)
    landmarks_px = with_landmarks(tmp_path / "a")
    rows = np.array([3, 0])
    np.testing.assert_array_equal(ShardFolder([tmp_path / "a"]).read_landmarks(rows), landmarks_px[rows])
    middle = ShardFolder([tmp_path / "a"], view_mm=105.0)  # 6 of 8 px
    np.testing.assert_array_equal(middle.read_landmarks(rows), landmarks_px[rows] - 1)
    bare = ShardFolder([tmp_path / "a"], without=["glasses"])  # rows 1 and 3 are left
    np.testing.assert_array_equal(bare.read_landmarks(np.array([1])), landmarks_px[[3]])


def test_landmarks_that_are_missing_or_damaged_are_told(tmp_path):
    write(tmp_path / "a", 0)
    with pytest.raises(DataError, match="lacks landmarks; render it again"):
        ShardFolder([tmp_path / "a"]).read_landmarks(np.array([0]))
    for name, change, message in (
        ("b", lambda points: points[:, :5], "must be numbers"),
        ("c", lambda points: points * np.nan, "NaN"),
        ("d", lambda points: points.astype(np.int32), "must be numbers"),
    ):
        write(tmp_path / name, 0)
        with_landmarks(tmp_path / name, change)
        with pytest.raises(DataError, match=f"landmarks are damaged.*{message}"):
            ShardFolder([tmp_path / name]).read_landmarks(np.array([0]))


def test_samples_and_attributes(tmp_path):
    arrays = write(tmp_path / "a", 2)
    source = ShardFolder([tmp_path / "a"], limit=3)
    samples = list(source.samples())
    assert len(samples) == len(source) == 3
    np.testing.assert_array_equal(samples[1].image, arrays["faces"][1])
    np.testing.assert_allclose(samples[1].head_pitch_yaw_rad, arrays["head_pitch_yaw_rad"][1])
    assert samples[2].frame_id == "shard_000002/202"
    assert samples[2].label_space == "rotation-only"
    assert source.shards[0].attributes()[0] == {"glasses": True, "sunglasses": False}


def test_pictures_that_show_a_feature_are_left_out(tmp_path):
    first, second = write(tmp_path / "a", 0), write(tmp_path / "a", 1, count=3)
    source = ShardFolder([tmp_path / "a"], without=["glasses"])
    assert len(source) == 3  # rows 1 and 3 of the first, row 1 of the second
    faces, angles = source.read(np.array([2, 0, 1]))
    np.testing.assert_array_equal(faces, [second["faces"][1], first["faces"][1], first["faces"][3]])
    np.testing.assert_array_equal(angles[0], second["pitch_yaw_rad"][1])
    assert [sample.frame_id for sample in source.samples()][2] == "shard_000001/101"
    write(tmp_path / "a", 2, count=2)
    source.rescan()
    assert len(source) == 4


def test_nothing_left_and_attributes_that_were_not_kept(tmp_path):
    write(tmp_path / "a", 0, count=1)
    with pytest.raises(DataError, match="every picture shows some of glasses; leave one away"):
        ShardFolder([tmp_path / "a"], without=["glasses"])
    write(tmp_path / "b", 0)
    with pytest.raises(DataError, match="lacks the attribute 'mask'; render it again"):
        ShardFolder([tmp_path / "b"], without=["masks"])
    (path,) = (tmp_path / "b").glob("shard_*.npz")
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive if name != "attributes"}
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="lacks attributes; render it again"):
        Shard(path).attributes()


def test_growing_folder_is_taken_up_on_rescan(tmp_path):
    write(tmp_path / "a", 0)
    source = ShardFolder([tmp_path / "a"])
    before = source.names()
    write(tmp_path / "a", 1)
    (tmp_path / "a" / "shard_000002.77.tmp.npz").write_bytes(b"half")
    assert len(source) == 5
    source.rescan()
    assert len(source) == 10
    source.rescan(before)
    assert len(source) == 5


def test_several_folders(tmp_path):
    write(tmp_path / "a", 0)
    other = write(tmp_path / "b", 9)
    source = ShardFolder([tmp_path / "a", tmp_path / "b"])
    np.testing.assert_array_equal(source.read(np.array([6]))[0][0], other["faces"][1])
    write(tmp_path / "c", 0, size=16)
    with pytest.raises(DataError, match=r"is rendered for .*; give folders of one size and view"):
        ShardFolder([tmp_path / "a", tmp_path / "c"])


def test_bad_folders_and_files(tmp_path):
    with pytest.raises(DataError, match=r"shards\.json: cannot be read"):
        ShardFolder([tmp_path])
    write(tmp_path / "a", 0)
    path = tmp_path / "a" / "shard_000000.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="no complete shard"):
        ShardFolder([tmp_path / "a"])
    path.unlink()
    with pytest.raises(DataError, match="no shard"):
        ShardFolder([tmp_path / "a"])
    mend = "; render anew with `gaze synthesize shards`, or give a folder of it"
    (tmp_path / "a" / "shards.json").write_text('{"schema": "other"}')
    with pytest.raises(DataError, match=f"schema is 'other', not 'gaze.shards/1'{mend}$"):
        ShardFolder([tmp_path / "a"])
    (tmp_path / "a" / "shards.json").write_text("{}")
    with pytest.raises(DataError, match=f"is not a shard description: .*{mend}$"):
        ShardFolder([tmp_path / "a"])


def test_compressed_or_not_finite_shards_are_refused(tmp_path):
    arrays = write(tmp_path / "a", 0)
    path = tmp_path / "a" / "shard_000000.npz"
    np.savez_compressed(path, **arrays)
    with pytest.raises(DataError, match="compressed"):
        Shard(path)
    arrays["pitch_yaw_rad"][2, 0] = np.nan
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="NaN"):
        Shard(path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("faces", np.array(1), r"faces must be uint8 \(N, S, S, 3\), got int64 \(\)"),
        ("faces", np.zeros((5, 8, 9, 3), np.uint8), r"got uint8 \(5, 8, 9, 3\)"),
        ("faces", np.array([{}] * 5), "plain C-ordered"),
        ("person", np.zeros((5, 2), int), r"person must have shape \(5,\), got \(5, 2\)"),
        ("person", np.array(["p00"] * 5), "person must hold whole numbers, not <U3"),
        ("person", np.array([None] * 5), "no complete shard"),
        ("seed", np.full(5, np.nan), "seed must hold whole numbers"),
        ("head_pitch_yaw_rad", np.full((5, 2), np.inf), "head_pitch_yaw_rad holds NaN or infinity"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, name, array, message):
    arrays = write(tmp_path / "a", 0)
    path = tmp_path / "a" / "shard_000000.npz"
    np.savez(path, **{**arrays, name: array})
    with pytest.raises(DataError, match=rf"{message}.*; remove it and render it again"):
        Shard(path)


@pytest.mark.parametrize(
    "attributes",
    [
        np.array(1),
        np.array(["[]"] * 5),
        np.array(["{}"] * 4),
        np.array(["[" * 100_000] * 5),
        np.array([{}] * 5),
        np.zeros(5, complex),
    ],
)
def test_damaged_attributes_are_told(tmp_path, attributes):
    arrays = write(tmp_path / "a", 0)
    np.savez(tmp_path / "a" / "shard_000000.npz", **{**arrays, "attributes": attributes})
    shard = Shard(tmp_path / "a" / "shard_000000.npz")
    with pytest.raises(DataError, match=r"its attributes are damaged .*; remove it and render it again"):
        shard.attributes()


def test_no_wrong_byte_ends_in_another_error(tmp_path):
    """Every eleventh byte of the archive, its directory and the headers of its arrays among them."""
    write(tmp_path / "a", 0, count=1, size=1)
    path = tmp_path / "a" / "shard_000000.npz"
    whole = path.read_bytes()
    for place in range(0, len(whole), 11):
        for value in (0, 40, 255):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            with contextlib.suppress(DataError):
                list(ShardFolder([tmp_path / "a"], without=["glasses"]).samples())
