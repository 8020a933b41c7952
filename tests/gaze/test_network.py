"""The network against FACTS: size, names, preprocessing, gradients, start weights, files."""

import contextlib
import datetime
import io

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from torch import nn

from gaze.errors import ModelError
from gaze.network import (
    CHECKPOINT_SCHEMA,
    FacePreprocess,
    GazeNet,
    InvertedResidual,
    load_checkpoint,
    load_imagenet,
    save_checkpoint,
)


def small(**options) -> GazeNet:
    torch.manual_seed(1)
    return GazeNet(**{"input_size": 64, "width": 0.25, **options})


def faces(count: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8))


def test_parameter_count_and_names():
    net = GazeNet()
    backbone = 1_811_712 + 320 * 256 + 2 * 256
    spatial = 2 * (256 * 256 + 256) + 257
    connected = (4096 * 512 + 512) + (512 * 512 + 512) + (512 * 2 + 2)
    assert sum(p.numel() for p in net.parameters()) == backbone + spatial + connected == 4_387_331
    names = set(net.state_dict())
    for name in (
        "backbone.0.0.weight",
        "backbone.1.conv.0.1.running_var",
        "backbone.17.conv.2.weight",
        "backbone.18.0.weight",
        "Conv1.weight",
        "Conv2.bias",
        "Conv3.weight",
        "fc1.0.weight",
        "fc2.0.bias",
        "fc_final.weight",
    ):
        assert name in names
    assert {name.split(".")[0] for name in names} == {
        "backbone", "Conv1", "Conv2", "Conv3", "fc1", "fc2", "fc_final",
    }  # fmt: skip


def test_initialisation_of_the_spatial_weights():
    net = GazeNet()
    for conv, std, bias in ((net.Conv1, 0.01, 0.1), (net.Conv2, 0.01, 0.1), (net.Conv3, 0.001, 1.0)):
        assert float(conv.weight.detach().std()) == pytest.approx(std, rel=0.2)
        assert torch.all(conv.bias == bias)


@pytest.mark.parametrize(("size", "side"), [(64, 2), (112, 4), (128, 4), (144, 5), (160, 5), (224, 7)])
def test_sizes(size, side):
    net = small(input_size=size, predict_sigma=True).eval()
    angles, log_sigma, weight_map = net.forward_with_map(torch.zeros(2, 3, size, size))
    assert angles.shape == log_sigma.shape == (2, 2)
    assert weight_map.shape == (2, side, side)


@pytest.mark.parametrize(("size", "face", "eyes"), [(128, 2, (2, 4)), (160, 3, (2, 5)), (224, 4, (3, 6))])
def test_sizes_with_the_eyes_apart(size, face, eyes):
    net = small(input_size=size, eyes=True).eval()
    maps = net.features(torch.zeros(2, 3, size, size))
    assert [tuple(each.shape) for each in maps] == [(2, 256, face, face), (2, 256, *eyes)]
    angles, _, weight_map = net.forward_with_map(torch.zeros(2, 3, size, size))
    assert angles.shape == (2, 2)
    assert weight_map.shape == (2, face, face)


@pytest.mark.parametrize("size", [96, 144])
def test_an_input_too_odd_for_the_eyes_apart_is_refused(size):
    with pytest.raises(ValueError, match="a multiple of 32 from 128 on"):
        small(input_size=size, eyes=True)


def test_what_the_backbones_see():
    net = small(input_size=224, eyes=True)
    picture = torch.arange(224 * 224.0).reshape(1, 1, 224, 224).expand(1, 3, -1, -1)
    face, eyes = net.looks(picture)
    # The mean of a square of four, in numpy; the window of the eyes as gaze.network_inputs states it.
    wanted = picture.numpy().reshape(1, 3, 112, 2, 112, 2).mean((3, 5))
    np.testing.assert_allclose(face.numpy(), wanted)
    np.testing.assert_array_equal(eyes.numpy(), picture.numpy()[:, :, 36:116, 16:208])
    assert len(small().looks(picture)) == 1


def test_details_about_the_eyes_reach_the_eyes_alone():
    net = small(input_size=128, eyes=True).eval()
    picture = torch.rand(1, 3, 128, 128)
    # The mean of four stays as it is, so the face's backbone sees no difference.
    pattern = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(64, 64)
    below = pattern.clone()
    below[:70] = 0
    with torch.no_grad():
        face, eyes = net.features(picture)
        face_changed, eyes_changed = net.features(picture + pattern)
        _, eyes_below = net.features(picture + below)
    torch.testing.assert_close(face_changed, face, rtol=0, atol=1e-5 * float(face.max()))
    torch.testing.assert_close(eyes_below, eyes, rtol=0, atol=0)
    assert (eyes_changed - eyes).abs().max() > 0.1 * eyes.max()


def test_a_checkpoint_with_the_eyes_apart_comes_back(tmp_path):
    net = small(input_size=128, eyes=True).eval()
    save_checkpoint(tmp_path / "eyes.pt", net, {})
    again, _ = load_checkpoint(tmp_path / "eyes.pt")
    picture = torch.rand(2, 3, 128, 128)
    torch.testing.assert_close(again(picture)[0], net(picture)[0], rtol=0, atol=0)


def test_without_spatial_weights_or_sigma():
    net = small(spatial_weights=False)
    angles, log_sigma, weight_map = net.forward_with_map(torch.zeros(2, 3, 64, 64))
    assert angles.shape == (2, 2)
    assert log_sigma is None
    assert weight_map is None


def test_preprocessing_is_rgb_with_imagenet_statistics():
    picture = faces(2, 64)
    expected = picture.numpy()[..., ::-1].astype(np.float64) / 255.0
    expected = (expected - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    got = FacePreprocess()(picture).numpy()
    assert got.shape == (2, 3, 64, 64)
    np.testing.assert_allclose(got, expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_eval_is_deterministic_and_batched_equals_single():
    net = small(dropout=0.5).eval()
    x = FacePreprocess()(faces(5, 64))
    with torch.no_grad():
        first, _ = net(x)
        second, _ = net(x)
        singles = torch.cat([net(x[i : i + 1])[0] for i in range(5)])
    assert torch.equal(first, second)
    torch.testing.assert_close(first, singles, atol=1e-6, rtol=1e-5)


def test_dropout_acts_in_training_only():
    net = small(dropout=0.5)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    x = FacePreprocess()(faces(3, 64))
    assert not torch.equal(net(x)[0], net(x)[0])


def test_gradient_of_the_weight_map_is_divided_by_the_channels():
    x = FacePreprocess()(faces(4, 64))
    gradients = []
    for divide in (True, False):
        net = small(dropout=0.0, divide_map_gradient=divide)
        net(x)[0].square().sum().backward()
        gradients.append((net.Conv3.weight.grad.clone(), net.fc1[0].weight.grad.clone()))
    torch.testing.assert_close(gradients[0][0] * 256, gradients[1][0], rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(gradients[0][1], gradients[1][1])


def test_checkpoint_round_trip(tmp_path):
    net = small(predict_sigma=True).eval()
    save_checkpoint(tmp_path / "net.pt", net, {"data": "synthetic", "steps": 3})
    other, meta = load_checkpoint(tmp_path / "net.pt")
    assert meta == {"data": "synthetic", "steps": 3}
    x = torch.rand(2, 3, 64, 64)
    assert torch.equal(net(x)[0], other(x)[0])
    assert other.config == net.config


@pytest.mark.parametrize("size", [112, 224])
def test_bare_public_state_dict(tmp_path, size):
    net = GazeNet(size).eval()
    torch.save({f"module.{name}": value for name, value in net.state_dict().items()}, tmp_path / "public.pt")
    other, meta = load_checkpoint(tmp_path / "public.pt")
    assert meta == {}
    assert other.config["input_size"] == size
    x = torch.rand(1, 3, size, size)
    assert torch.equal(net(x)[0], other(x)[0])


def test_damaged_checkpoints_are_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_checkpoint(tmp_path / "absent.pt")
    save_checkpoint(tmp_path / "net.pt", small(), {})
    whole = (tmp_path / "net.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="truncated"):
        load_checkpoint(tmp_path / "cut.pt")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match="no gaze checkpoint"):
        load_checkpoint(tmp_path / "other.pt")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    with pytest.raises(ModelError, match="not a state dict"):
        load_checkpoint(tmp_path / "tensor.pt")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("empty", r"is no checkpoint, or it is truncated \(0 bytes\); copy it again"),
        ("cut in the middle", r"is no checkpoint, or it is truncated \(\d+ bytes\); copy it again"),
        ("cut near the start", r"is no checkpoint, or it is truncated \(1000 bytes\); copy it again"),
        ("text", r"is no checkpoint, or it is truncated \(6 bytes\); copy it again"),
        ("an object", "holds more than tensors and plain values.* save the state dict alone"),
        ("no state", "lacks its state; train a new one"),
        ("a folder", "cannot be read"),
    ],
)
def test_what_is_no_checkpoint_is_told_in_one_line(tmp_path, damage, told):
    path = tmp_path / "net.pt"
    save_checkpoint(path, small(), {})
    whole = path.read_bytes()
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut in the middle":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "cut near the start":
        path.write_bytes(whole[:1000])
    elif damage == "text":
        path.write_text("hello\n")
    elif damage == "an object":
        torch.save({"state": {}, "made": datetime.date(2024, 1, 1)}, path)
    elif damage == "no state":
        torch.save({"schema": CHECKPOINT_SCHEMA, "config": {}, "meta": {}}, path)
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(ModelError, match=told) as error:
        load_checkpoint(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value) and len(str(error.value)) < len(str(path)) + 160


def test_damaged_bytes_give_one_kind_of_error(tmp_path):
    """Legacy files without zip around them reach the most branches of torch's reader."""
    content = io.BytesIO()
    torch.save({"a": torch.zeros(3), "b": [1, "x"]}, content, _use_new_zipfile_serialization=False)
    rng = np.random.default_rng(0)
    path = tmp_path / "net.pt"
    for _ in range(300):
        damaged = np.frombuffer(content.getvalue(), dtype=np.uint8).copy()
        places = rng.integers(0, len(damaged), 4)
        damaged[places] = rng.integers(0, 256, 4)
        path.write_bytes(damaged[: rng.integers(1, len(damaged) + 1)].tobytes())
        with contextlib.suppress(ModelError):
            load_checkpoint(path)


def test_full_disk_leaves_the_older_checkpoint(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "net.pt", small(), {"step": 1})

    def half_written(content, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", half_written)
    with pytest.raises(ModelError, match="No space left"):
        save_checkpoint(tmp_path / "net.pt", small(), {"step": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]
    assert load_checkpoint(tmp_path / "net.pt")[1] == {"step": 1}


def test_wrong_sizes_are_refused():
    for size in (100, 48):
        with pytest.raises(ValueError, match="multiple of 16"):
            GazeNet(size)


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


def test_shortcuts_are_where_shapes_agree():
    blocks = [block for block in GazeNet(64).backbone if isinstance(block, InvertedResidual)]
    assert [block.shortcut for block in blocks] == [bool(x) for x in map(int, "00101101110110110")]
