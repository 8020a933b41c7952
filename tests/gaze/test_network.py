"""The network against FACTS: size, names, preprocessing, gradients, start weights, files."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from small_networks import faces, small
from torch import nn

from gaze.network import FacePreprocess, GazeNet
from gaze.network_mobilenet import InvertedResidual


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
    answers = net.all_answers(torch.zeros(2, 3, size, size))
    assert answers.pitch_yaw.shape == answers.log_sigma.shape == (2, 2)
    assert answers.weight_map.shape == (2, side, side)


@pytest.mark.parametrize(("size", "face", "eyes"), [(128, 2, (2, 4)), (160, 3, (2, 5)), (224, 4, (3, 6))])
def test_sizes_with_the_eyes_apart(size, face, eyes):
    net = small(input_size=size, eyes=True).eval()
    maps = net.features(torch.zeros(2, 3, size, size))
    assert [tuple(each.shape) for each in maps.ends] == [(2, 256, face, face), (2, 256, *eyes)]
    assert maps.taps == []
    answers = net.answers(maps)
    assert answers.pitch_yaw.shape == (2, 2)
    assert answers.weight_map.shape == (2, face, face)


@pytest.mark.parametrize("size", [96, 144])
def test_an_input_too_odd_for_the_eyes_apart_is_refused(size):
    with pytest.raises(ValueError, match="a multiple of 32 from 128 to 1024"):
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
        face, eyes = net.features(picture).ends
        face_changed, eyes_changed = net.features(picture + pattern).ends
        _, eyes_below = net.features(picture + below).ends
    torch.testing.assert_close(face_changed, face, rtol=0, atol=1e-5 * float(face.max()))
    torch.testing.assert_close(eyes_below, eyes, rtol=0, atol=0)
    assert (eyes_changed - eyes).abs().max() > 0.1 * eyes.max()


def test_without_spatial_weights_or_sigma():
    net = small(spatial_weights=False)
    answers = net.all_answers(torch.zeros(2, 3, 64, 64))
    assert answers.pitch_yaw.shape == (2, 2)
    assert answers.log_sigma is None
    assert answers.weight_map is None


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


def test_wrong_sizes_are_refused():
    for size in (100, 48):
        with pytest.raises(ValueError, match="multiple of 16"):
            GazeNet(size)


def test_shortcuts_are_where_shapes_agree():
    blocks = [block for block in GazeNet(64).backbone if isinstance(block, InvertedResidual)]
    assert [block.shortcut for block in blocks] == [bool(x) for x in map(int, "00101101110110110")]
