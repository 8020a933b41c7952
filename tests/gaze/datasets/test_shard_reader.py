"""Reading rendered shards: whole, growing, damaged."""

import json

import numpy as np
import pytest

from gaze.datasets.shards import Shard, ShardFolder
from gaze.errors import DataError
from gaze.types import NormalizedCamera


def write(folder, index, count=5, size=8):
    folder.mkdir(exist_ok=True)
    camera = {"focal_px": 960.0, "distance_mm": 600.0, "size_px": 224}
    (folder / "shards.json").write_text(
        json.dumps({"schema": "gaze.shards/1", "size": size, "normalized_camera": camera})
    )
    rng = np.random.default_rng(index)
    arrays = {
        "faces": rng.integers(0, 256, (count, size, size, 3), np.uint8),
        "pitch_yaw_rad": rng.normal(0, 0.2, (count, 2)).astype(np.float32),
        "head_pitch_yaw_rad": rng.normal(0, 0.2, (count, 2)).astype(np.float32),
        "person": np.arange(count, dtype=np.int32),
        "seed": 100 * index + np.arange(count, dtype=np.int64),
        "attributes": np.array(
            [json.dumps({"glasses": row % 2 == 0, "sunglasses": False}) for row in range(count)]
        ),
    }
    np.savez(folder / f"shard_{index:06d}.npz", **arrays)
    return arrays


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
    with pytest.raises(DataError, match="is rendered for"):
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
    (tmp_path / "a" / "shards.json").write_text('{"schema": "other"}')
    with pytest.raises(DataError, match="schema"):
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
