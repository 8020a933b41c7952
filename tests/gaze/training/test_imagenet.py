"""ImageNet start weights against the packed network and torchvision's names."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from small_networks import faces, small
from torch import nn

from gaze.errors import ModelError
from gaze.network import FacePreprocess, GazeNet
from gaze.training.imagenet import load_imagenet


def folded_reference(archive, x01: torch.Tensor) -> torch.Tensor:
    """The packed ImageNet network up to 320 channels, from the layer table of the paper; x01 RGB in 0..1."""
    mean = torch.tensor([0.485, 0.456, 0.406])

    def layer(x, index, stride=1, groups=1, relu=True):
        name = f"{index:02d}_{'dw' if groups > 1 else 'conv'}"
        weight, bias = (torch.from_numpy(archive[f"{name}.{part}"]) for part in ("weight", "bias"))
        pad = weight.shape[-1] // 2 if index else 0
        x = F.conv2d(x, weight, bias, stride, pad, groups=groups)
        return x.clamp(0, 6) if relu else x

    # Zero padding in our input is the mean colour in theirs.
    x = torch.empty(x01.shape[0], 3, x01.shape[2] + 2, x01.shape[3] + 2)
    x[:] = (2 * mean - 1).view(1, 3, 1, 1)
    x[:, :, 1:-1, 1:-1] = 2 * x01 - 1
    x = layer(x, 0, stride=2)
    x = layer(layer(x, 1, groups=32), 2, relu=False)
    index = 3
    for channels, repeats, stride in (
        (24, 2, 2),
        (32, 3, 2),
        (64, 4, 2),
        (96, 3, 1),
        (160, 3, 2),
        (320, 1, 1),
    ):
        for repeat in range(repeats):
            y = layer(x, index)
            y = layer(y, index + 1, stride if repeat == 0 else 1, groups=y.shape[1])
            y = layer(y, index + 2, relu=False)
            x = x + y if repeat else y
            index += 3
        assert x.shape[1] == channels
    return x


def test_packed_imagenet_start_computes_the_packed_network(shared_dir):
    path = shared_dir / "assets/mobilenetv2_imagenet/mobilenet_v2_imagenet_bn_folded.npz"
    net = GazeNet(96).eval()
    assert load_imagenet(net, path) is True
    picture = faces(2, 96, seed=5)
    with torch.no_grad(), np.load(path) as archive:
        ours = net.backbone[:-1](FacePreprocess()(picture))
        theirs = folded_reference(archive, picture.flip(3).permute(0, 3, 1, 2).float() / 255.0)
    assert float(theirs.abs().max()) > 1.0
    torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-3)


def test_torchvision_checkpoint(tmp_path):
    donor = GazeNet(64)
    nn.init.normal_(donor.backbone[5].conv[0][1].running_mean)
    state = {f"features.{name}": value for name, value in donor.backbone.state_dict().items()}
    state["features.18.0.weight"] = torch.zeros(1280, 320, 1, 1)
    state["classifier.1.weight"] = torch.zeros(1000, 1280)
    torch.save(state, tmp_path / "mobilenet_v2.pth")
    net = GazeNet(64)
    own_last = net.backbone[18][0].weight.clone()
    assert load_imagenet(net, tmp_path / "mobilenet_v2.pth") is False
    for name, value in donor.backbone[:18].state_dict().items():
        assert torch.equal(net.backbone[:18].state_dict()[name], value), name
    assert torch.equal(net.backbone[18][0].weight, own_last)


def test_imagenet_files_that_do_not_fit(tmp_path):
    with pytest.raises(ModelError, match="width 1"):
        load_imagenet(small(), tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    with pytest.raises(ModelError, match="not the packed"):
        load_imagenet(GazeNet(64), tmp_path / "x.npz")
    torch.save({"features.0.0.weight": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(ModelError, match="no MobileNetV2 checkpoint"):
        load_imagenet(GazeNet(64), tmp_path / "x.pth")
