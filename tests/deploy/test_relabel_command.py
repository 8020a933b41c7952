"""`gaze relabel` with a network that gives one answer to all."""

import json

import numpy as np
import pytest
from fixed_model import write_fixed_model
from made_shards import write_shards

from gaze.cli import main
from gaze.geometry import angular_error_deg
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA

ANSWER_RAD = (0.3, -0.2)


@pytest.fixture
def shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    size = 32
    write_shards(folder, focal_px=DEFAULT_NORMALIZED_CAMERA.resized(size).focal_px, size=size)
    return folder


@pytest.fixture
def relabel(shards, tmp_path):
    model = write_fixed_model(tmp_path / "fixed.onnx", *ANSWER_RAD)

    def call(*options, out="out", source=shards):
        argv = ["--shards", str(source), "--out", str(tmp_path / out), "--model", str(model), *options]
        return main(["relabel", *argv])

    return call


def arrays(folder):
    with np.load(next(folder.glob("shard_*.npz"))) as archive:
        return {name: archive[name] for name in archive.files}


def test_labels_lie_halfway_and_all_else_stays(relabel, shards, tmp_path, capsys):
    assert relabel("--no-average-mirror") == 0
    before, after = arrays(shards), arrays(tmp_path / "out")
    assert before.keys() == after.keys()
    for name in before.keys() - {"pitch_yaw_rad"}:
        assert np.array_equal(before[name], after[name])
    truth, label = before["pitch_yaw_rad"], after["pitch_yaw_rad"]
    answer = np.broadcast_to(ANSWER_RAD, truth.shape)
    whole_deg = angular_error_deg(truth, answer)
    assert whole_deg.min() > 1.0
    np.testing.assert_allclose(angular_error_deg(truth, label), whole_deg / 2, atol=0.01)
    np.testing.assert_allclose(angular_error_deg(answer, label), whole_deg / 2, atol=0.01)
    assert f"answers are {whole_deg.mean():.2f}° off the truth" in capsys.readouterr().out


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_ends_of_the_share(relabel, shards, tmp_path, share):
    assert relabel("--no-average-mirror", "--share", str(share)) == 0
    wanted = arrays(shards)["pitch_yaw_rad"] if share == 0.0 else ANSWER_RAD
    assert angular_error_deg(arrays(tmp_path / "out")["pitch_yaw_rad"], wanted).max() < 0.01


def test_the_network_is_read_as_its_sidecar_says(relabel, tmp_path):
    sidecar = tmp_path / "fixed.json"
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "average_mirror": True}))
    assert relabel("--share", "1") == 0
    # Of a mirrored face the yaw's sign is turned back: the mean of both is 0.
    label = arrays(tmp_path / "out")["pitch_yaw_rad"]
    np.testing.assert_allclose(label[:, 1], 0.0, atol=1e-3)
    assert json.loads((tmp_path / "out" / "shards.json").read_text())["taught_by"]["mirrored"] is True


def test_what_is_whole_is_kept_and_other_answers_are_not_mixed_in(relabel, tmp_path, capsys):
    assert relabel() == 0
    path = next((tmp_path / "out").glob("shard_*.npz"))
    written = path.stat().st_mtime_ns
    assert relabel() == 0
    assert path.stat().st_mtime_ns == written
    assert "1 shards are already whole" in capsys.readouterr().out
    assert relabel("--share", "0.25") == 1
    assert "holds shards of other settings (taught_by); give another --out" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:1000])
    assert relabel() == 0
    assert len(arrays(tmp_path / "out")["pitch_yaw_rad"]) > 0


def test_such_labels_are_not_measured_on(relabel, tmp_path, capsys):
    assert relabel() == 0
    assert main(["evaluate", "rendered", "--shards", str(tmp_path / "out")]) == 1
    assert "in part a network's answers (`gaze relabel`); measure on" in capsys.readouterr().err
    assert relabel(out="twice", source=tmp_path / "out") == 1
    assert not (tmp_path / "twice").exists()


def test_wrong_use(relabel, shards, tmp_path, capsys):
    assert relabel(out="shards") == 2
    assert "is the folder of --shards; give another" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        relabel("--share", "1.5")
    assert ended.value.code == 2
    (tmp_path / "file").touch()
    assert relabel(out="file") == 1
    assert "give another --out" in capsys.readouterr().err
