"""One network as the mean of several runs."""

import shutil

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from spot_faces import write_shard

from gaze.cli import main
from gaze.datasets.shards import ShardFolder
from gaze.network import GazeNet
from gaze.network_checkpoint import load_checkpoint, save_checkpoint
from gaze.normalization import resize_face
from gaze.training.forward import predict
from gaze.training.seen_people import people_seen
from gaze.types import ROTATION_ONLY


@pytest.fixture
def runs(tmp_path):
    """Three checkpoints of one kind, and a folder of faces."""
    write_shard(tmp_path / "s", 0, 64)
    nets = []
    for seed in range(3):
        torch.manual_seed(seed)
        nets.append(GazeNet(64, 0.25, predict_sigma=True))
        save_checkpoint(
            tmp_path / f"{seed}.pt", nets[-1], {"label_space": ROTATION_ONLY, "data": "synthetic"}
        )
    return nets, [str(tmp_path / f"{seed}.pt") for seed in range(3)]


def average(tmp_path, *paths, more=()):
    options = ["--data", "synthetic", "--shards", str(tmp_path / "s"), "--out", str(tmp_path / "mean")]
    return main(["train", *options, "--average", *paths, *more])


def test_weights_are_the_mean_and_the_error_is_centred(tmp_path, runs):
    nets, paths = runs
    assert average(tmp_path, *paths) == 0
    found, meta = load_checkpoint(tmp_path / "mean" / "final.pt")
    assert meta["average_of"] == [f"{tmp_path.name}/{seed}.pt" for seed in range(3)]
    for name, value in found.named_parameters():
        if name != "fc_final.bias":
            wanted = sum(dict(net.named_parameters())[name] for net in nets) / 3
            torch.testing.assert_close(value, wanted, rtol=0, atol=1e-6)
    source = ShardFolder([tmp_path / "s"])
    faces, gaze = source.read(np.arange(64))
    small = np.stack([resize_face(face, 64) for face in faces])
    # The mean error was taken out on augmented faces, so little of it is left on plain ones.
    error = (predict(found, torch.from_numpy(small)).numpy() - gaze).mean(axis=0)
    assert np.abs(np.rad2deg(error)).max() < 3.0


@pytest.mark.parametrize(
    ("last", "seen"),
    [
        (
            {"data": "mpiifacegaze-raw", "train_persons": ["p00", "p02"], "test_person": "p01"},
            ["p00", "p01", "p02"],
        ),
        ({"data": "synthetic", "seen_people": ["mpiifacegaze:p04"]}, ["p01", "p02", "p04"]),
        ({"data": "gazehub", "train_persons": ["p00"], "seen_people": None}, None),
        ({}, None),
    ],
)
def test_a_mean_has_seen_whom_any_of_its_runs_saw(tmp_path, runs, last, seen):
    nets, paths = runs
    first = {"data": "mpiifacegaze-raw", "train_persons": ["p01", "p02"], "test_person": "p00"}
    for path, net, meta in zip(paths, nets, ({"data": "synthetic"}, first, last), strict=True):
        save_checkpoint(path, net, {"label_space": ROTATION_ONLY, "seen_people": [], **meta})
    assert average(tmp_path, *paths) == 0
    mean = tmp_path / "mean" / "final.pt"
    assert people_seen(str(mean)) == (seen and [f"mpiifacegaze:{name}" for name in seen])
    # It is of no fold, whatever its last run was.
    assert "test_person" not in load_checkpoint(mean)[1]


def test_another_network_and_a_single_one_are_refused(tmp_path, runs, capsys):
    nets, paths = runs
    save_checkpoint(
        tmp_path / "wide.pt", GazeNet(64, 0.5, predict_sigma=True), {"label_space": ROTATION_ONLY}
    )
    assert average(tmp_path, paths[0], str(tmp_path / "wide.pt")) == 1
    assert "is of another network" in capsys.readouterr().err
    camera = {"focal_px": 64 * 600 / 122.5, "distance_mm": 600.0, "size_px": 64}
    save_checkpoint(
        tmp_path / "near.pt", nets[0], {"label_space": ROTATION_ONLY, "normalized_camera": camera}
    )
    assert average(tmp_path, paths[0], str(tmp_path / "near.pt")) == 1
    assert "sees 122 mm, the faces show 140 mm; give --view-mm" in capsys.readouterr().err
    assert average(tmp_path, paths[0], str(tmp_path / "near.pt"), more=("--view-mm", "122.5")) == 0
    _, meta = load_checkpoint(tmp_path / "mean" / "final.pt")
    assert meta["normalized_camera"] == camera
    shutil.rmtree(tmp_path / "mean")
    assert average(tmp_path, paths[0]) == 1
    assert "at least two checkpoints" in capsys.readouterr().err
    assert average(tmp_path, *paths, more=("--steps", "5")) == 2
    assert "--steps does not go with --average: it trains nothing" in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()
