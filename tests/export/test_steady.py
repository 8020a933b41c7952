"""The steadied network computes the same; rounding for bf16 keeps the mean output."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export.faces import made_faces  # noqa: E402
from export.steady import rounded_to_bf16, steadied  # noqa: E402
from gaze.network import FacePreprocess, load_checkpoint  # noqa: E402


@pytest.fixture(scope="module")
def net_and_pictures(checkpoint):
    net, _ = load_checkpoint(checkpoint)
    preprocess = FacePreprocess()
    shown, asked = (torch.from_numpy(made_faces(64, 16, seed=seed).faces) for seed in (5, 6))
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


def test_rounded_weights_are_exact_in_bf16_and_the_mean_output_is_kept(net_and_pictures):
    net, shown, _ = net_and_pictures
    steady = steadied(net, shown)
    rounded = rounded_to_bf16(steady, shown)
    layers = [item for item in rounded.modules() if isinstance(item, (torch.nn.Conv2d, torch.nn.Linear))]
    assert layers and not any(isinstance(item, torch.nn.BatchNorm2d) for item in rounded.modules())
    for layer in layers:
        assert torch.equal(layer.weight, layer.weight.bfloat16().float())
    # Without the correction the same weights are further off.
    plain = rounded_to_bf16(steady, torch.zeros_like(shown[:1]))
    wanted = angles(net, shown)
    corrected_off = np.abs(angles(rounded, shown) - wanted).mean()
    assert corrected_off < np.abs(angles(plain, shown) - wanted).mean()
