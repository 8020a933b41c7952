"""Starting a narrow network from a wide one."""

import pytest

pytest.importorskip("torch")

import torch
from spot_faces import write_shard

from gaze.datasets.shards import ShardFolder
from gaze.errors import ModelError
from gaze.network import FacePreprocess, GazeNet
from gaze.network_checkpoint import save_checkpoint
from gaze.network_mobilenet import InvertedResidual
from gaze.normalization import resize_face
from gaze.training.config import TrainConfig
from gaze.training.narrowing import take_over_backbone
from gaze.training.start import build


def _shuffled(net):
    """BatchNorm as after a training: every channel with a scale, shift and statistics of its own."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net.eval()


def _pairs(backbone):
    """(convolution, norm) in order."""
    for layer in backbone:
        parts = layer.conv if isinstance(layer, InvertedResidual) else [layer]
        flat = [m for part in parts for m in (part if isinstance(part, torch.nn.Sequential) else [part])]
        yield from zip(
            (m for m in flat if isinstance(m, torch.nn.Conv2d)),
            (m for m in flat if isinstance(m, torch.nn.BatchNorm2d)),
            strict=True,
        )


@torch.no_grad()
def _widened(narrow, width):
    """The narrow network in a wider one: its channels in random places, all others silent."""
    wide = GazeNet(narrow.input_size, width, predict_sigma=True).eval()
    places = {}
    inputs = torch.arange(3)
    for (old, norm), (conv, wide_norm) in zip(_pairs(narrow.backbone), _pairs(wide.backbone), strict=True):
        if conv.groups > 1:
            outputs = inputs
            rows = outputs
        else:
            # A shortcut adds channels of equal places, so each number of channels has one choice of places.
            whole = conv.out_channels == old.out_channels
            chosen = torch.randperm(conv.out_channels)[: old.out_channels].sort().values
            key = (conv.out_channels, conv.in_channels < conv.out_channels)
            outputs = torch.arange(len(chosen)) if whole else places.setdefault(key, chosen)
            rows = (outputs[:, None], inputs[None, :])
        conv.weight.zero_()
        conv.weight[rows] = old.weight
        for name, silent in (("weight", 0.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            value = getattr(wide_norm, name)
            value.fill_(silent)
            value[outputs] = getattr(norm, name)
        inputs = outputs
    return wide


def test_silent_channels_are_the_ones_dropped():
    torch.manual_seed(3)
    narrow = _shuffled(GazeNet(64, 0.25, predict_sigma=True))
    wide = _widened(narrow, 0.5)
    found = GazeNet(64, 0.25, predict_sigma=True).eval()
    take_over_backbone(found.backbone, wide.backbone)
    x = torch.randn(3, 3, 64, 64)
    wanted = narrow.backbone(x)
    assert wanted.std() > 0.01
    torch.testing.assert_close(wide.backbone(x), wanted, rtol=0, atol=1e-4)
    torch.testing.assert_close(found.backbone(x), wanted, rtol=0, atol=1e-4)


def test_a_run_starts_with_the_wide_head_and_statistics_of_its_own(tmp_path):
    torch.manual_seed(4)
    wide = _shuffled(GazeNet(64, 0.5, predict_sigma=True))
    save_checkpoint(tmp_path / "wide.pt", wide, {})
    write_shard(tmp_path / "s", 0, 16)
    source = ShardFolder([tmp_path / "s"])
    config = TrainConfig(steps=1, input_size=64, width=0.25, start=str(tmp_path / "wide.pt"))
    net = build(config, source).eval()
    for name, value in wide.state_dict().items():
        if not name.startswith("backbone."):
            assert torch.equal(net.state_dict()[name], value), name
    faces, _ = source.read(torch.arange(16).numpy())
    seen = []
    norm = net.backbone[3].conv[0][1]
    norm.register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    small = torch.stack([torch.from_numpy(resize_face(face, 64)) for face in faces])
    net(FacePreprocess()(small))
    output = seen[0]
    # With statistics that fit, a channel leaves its norm with that norm's shift and scale.
    torch.testing.assert_close(output.mean((0, 2, 3)), norm.bias, rtol=0, atol=0.05)
    torch.testing.assert_close(output.std((0, 2, 3)), norm.weight.abs(), rtol=0.1, atol=0.02)


def test_a_wider_network_than_the_start_is_refused(tmp_path):
    save_checkpoint(tmp_path / "narrow.pt", GazeNet(64, 0.25, predict_sigma=True), {})
    write_shard(tmp_path / "s", 0, 16)
    config = TrainConfig(steps=1, input_size=64, width=0.5, start=str(tmp_path / "narrow.pt"))
    with pytest.raises(ModelError, match="does not fit"):
        build(config, ShardFolder([tmp_path / "s"]))
