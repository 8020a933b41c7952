"""The steadied network computes the same; rounding for bf16 keeps the mean output."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from smooth_pictures import smooth_faces  # noqa: E402

from export.layers import blocks  # noqa: E402
from export.steady import CentredConvolution, rounded, steadied, to_bf16, to_int8  # noqa: E402
from gaze.network import FacePreprocess, GazeNet  # noqa: E402
from gaze.network_checkpoint import load_checkpoint  # noqa: E402


@pytest.fixture(scope="module")
def net_and_pictures(checkpoint):
    net, _ = load_checkpoint(checkpoint)
    preprocess = FacePreprocess()
    shown, asked = (torch.from_numpy(smooth_faces(64, 16, seed=seed).faces) for seed in (5, 6))
    return net, preprocess(shown), preprocess(asked)


def angles(net, pictures):
    with torch.no_grad():
        return net.eval()(pictures)[0].numpy()


def test_steadied_is_the_same_network(net_and_pictures):
    net, shown, asked = net_and_pictures
    before = {name: value.clone() for name, value in net.state_dict().items()}
    np.testing.assert_allclose(angles(steadied(net, shown), asked), angles(net, asked), atol=2e-5)
    # Exact for any picture, far from those that chose the centre too.
    dark = torch.full_like(asked[:1], -2.0)
    np.testing.assert_allclose(angles(steadied(net, shown), dark), angles(net, dark), atol=2e-5)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_eyes_apart_are_steadied_and_rounded_too():
    torch.manual_seed(3)
    net = GazeNet(128, width=0.25, eyes=True).eval()
    shown = FacePreprocess()(torch.from_numpy(smooth_faces(128, 8, seed=5).faces))
    steady = steadied(net, shown)
    for backbone in steady.backbones:
        assert isinstance(backbone[1].conv[0][0], CentredConvolution)
    np.testing.assert_allclose(angles(steady, shown[:4]), angles(net, shown[:4]), atol=2e-5)
    whole, part = rounded(steady, shown, to_int8), rounded(steady, shown, to_int8, blocks(3))
    for name in ("backbone.3.conv.0.0", "eye_backbone.3.conv.0.0"):
        assert not torch.equal(whole.get_submodule(name).weight, part.get_submodule(name).weight)
    assert torch.equal(whole.eye_backbone[4].conv[2].weight, part.eye_backbone[4].conv[2].weight)


@pytest.mark.parametrize("rounding", [to_bf16, to_int8])
def test_weights_are_rounded_and_the_mean_output_is_kept(net_and_pictures, rounding):
    net, shown, _ = net_and_pictures
    steady = steadied(net, shown)
    coarse = rounded(steady, shown, rounding)
    layers = [item for item in coarse.modules() if isinstance(item, (torch.nn.Conv2d, torch.nn.Linear))]
    assert layers and not any(isinstance(item, torch.nn.BatchNorm2d) for item in coarse.modules())
    for layer in layers:
        torch.testing.assert_close(layer.weight, rounding(layer.weight), rtol=0, atol=1e-6)
    first, kept = coarse.backbone[0][0], steadied(net, shown).backbone[0]
    with torch.no_grad():
        # What the correction promises: the first layer's mean output, to the edge of the picture's padding.
        wanted = kept[1](kept[0](shown))[..., 1:, 1:].mean((0, 2, 3))
        given = first(shown)[..., 1:, 1:].mean((0, 2, 3))
        first.bias.zero_()
    assert (given - wanted).abs().max() < 0.01 * wanted.abs().max()


def test_layers_that_stay_in_float_are_not_rounded(net_and_pictures):
    net, shown, _ = net_and_pictures
    steady = steadied(net, shown)
    whole, part = rounded(steady, shown, to_int8), rounded(steady, shown, to_int8, ("/backbone.0/", "/fc"))
    same = {
        name for name, weight in part.named_parameters() if torch.equal(weight, whole.get_parameter(name))
    }
    kept = {"backbone.0.0.weight", "fc1.0.weight", "fc2.0.weight", "fc_final.weight"}
    assert not kept & same
    for name in ("fc1.0", "fc2.0", "fc_final"):
        assert torch.equal(part.get_submodule(name).weight, net.get_submodule(name).weight)
    assert {"backbone.2.conv.0.0.weight", "backbone.10.conv.2.weight", "Conv1.weight"} <= same


def test_the_steps_of_each_rounding():
    weight = torch.tensor([[1.0, 0.5, -0.254], [100.0, 1.0, 0.2]])
    torch.testing.assert_close(
        to_int8(weight),
        torch.tensor([[127.0, 64.0, -32.0], [127.0, 1.0, 0.0]]) * torch.tensor([[1.0], [100.0]]) / 127,
    )
    assert to_bf16(torch.tensor(1.0 + 2.0**-9)).item() in (1.0, 1.0 + 2.0**-7)
