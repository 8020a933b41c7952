"""Two processes give what one with the doubled batch gives."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")

import torch
from spot_faces import write_shard

from gaze.errors import RuntimeUnavailableError, UsageError
from gaze.network import GazeNet
from gaze.network_checkpoint import load_checkpoint, save_checkpoint
from gaze.training import batch_norm
from gaze.training.ddp import join


def command(tmp_path, name, batch):
    return [
        "train", "--data", "synthetic", "--shards", tmp_path / "s", "--out", tmp_path / name,
        "--start", tmp_path / "start.pt", "--width", "0.25", "--input-size", "64", "--batch-size", batch,
        "--steps", "4", "--dropout", "0", "--batch-norm", "frozen", "--precision", "fp32", "--threads", "1",
        "--learning-rate", "1e-4", "--device", "cpu",
    ]  # fmt: skip


def run(arguments, environment):
    """Run to the end; on a hang end it gently, so that torchrun ends its children too."""
    with subprocess.Popen(arguments, env=environment) as process:
        try:
            assert process.wait(timeout=200) == 0
        except subprocess.TimeoutExpired:
            process.terminate()
            raise


def test_two_processes_equal_one_with_the_doubled_batch(tmp_path):
    """Bound: weights after four steps agree to 1e-5; the order of float32 sums is all that differs."""
    write_shard(tmp_path / "s", 0, 64)
    torch.manual_seed(0)
    net = GazeNet(64, width=0.25, predict_sigma=True)
    batch_norm.match_statistics(net, [torch.randn(16, 3, 64, 64)])
    save_checkpoint(tmp_path / "start.pt", net, {})
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    for prefix, name, batch in (
        ([*torchrun, "-m", "--", "gaze.cli"], "two", "8"),
        ([sys.executable, "-m", "gaze.cli"], "one", "16"),
    ):
        run([*map(str, prefix), *map(str, command(tmp_path, name, batch))], environment)
    one, meta_one = load_checkpoint(tmp_path / "one" / "final.pt")
    two, meta_two = load_checkpoint(tmp_path / "two" / "final.pt")
    assert meta_one["samples"] == meta_two["samples"] == 64
    start, other = net.state_dict(), two.state_dict()
    moved = max(float((value - start[name]).abs().max()) for name, value in one.state_dict().items())
    apart = max(float((value - other[name]).abs().max()) for name, value in one.state_dict().items())
    assert moved > 1e-4
    assert apart < 1e-5


@pytest.mark.parametrize(
    ("device", "environment", "error", "message"),
    [
        ("nope", {}, UsageError, "--device nope: no such device; choose auto, cpu, cuda or cuda:N"),
        ("meta", {}, UsageError, "--device meta: no such device"),
        ("cuda:-1", {}, UsageError, "--device cuda:-1: no such device"),
        ("cuda:99", {}, RuntimeUnavailableError, "so no cuda:99; .* choose --device cpu"),
        ("cpu", {"WORLD_SIZE": "two"}, UsageError, "WORLD_SIZE is 'two' in the environment"),
        ("cpu", {"RANK": "-1"}, UsageError, "RANK is '-1' in the environment"),
        ("cpu", {"WORLD_SIZE": "2"}, UsageError, "start them with torchrun, or unset WORLD_SIZE"),
    ],
)
def test_devices_and_processes_that_are_not_there(monkeypatch, device, environment, error, message):
    for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=message), join(device):
        pass
