"""The fast backbone computes what the plain one computes, forward and backward."""

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from gaze.network import FacePreprocess, GazeNet
from gaze.training import batch_norm, cpu_features
from gaze.training.forward import predict

pytestmark = pytest.mark.skipif(not cpu_features.available(), reason="no bfloat16 convolutions on this CPU")


@pytest.mark.parametrize("frozen", [True, False])
def test_same_values_and_gradients_as_the_plain_backbone(frozen):
    torch.manual_seed(0)
    net = GazeNet(64, width=0.5)
    x = torch.randn(8, 3, 64, 64)
    batch_norm.match_statistics(net, [x])
    # Two blocks behind the stem, the strided depthwise convolution among them: deeper, rounding hides errors.
    backbone = net.backbone[:3].train()
    if frozen:
        batch_norm.freeze(backbone)
    weights = torch.randn_like(backbone(x).detach())
    results = []
    for run in (lambda: backbone(x), lambda: cpu_features.features(backbone, x).float()):
        backbone.zero_grad()
        y = run()
        (y * weights).sum().backward()
        results.append((y.detach(), {name: p.grad.clone() for name, p in backbone.named_parameters()}))
    (plain, plain_grads), (fast, fast_grads) = results
    assert float((fast - plain).abs().mean() / plain.abs().mean()) < 0.02
    for name, gradient in plain_grads.items():
        # Behind live BatchNorm the gradients of its own scales nearly cancel: there rounding is all there is.
        if frozen or gradient.ndim > 1:
            similarity = F.cosine_similarity(gradient.flatten(), fast_grads[name].flatten(), dim=0)
            assert float(similarity) > (0.98 if frozen else 0.9), name


def test_prediction_equals_the_plain_network_in_float32():
    torch.manual_seed(0)
    net = GazeNet(64, width=0.5)
    faces = torch.randint(0, 256, (5, 64, 64, 3), dtype=torch.uint8)
    x = FacePreprocess()(faces)
    batch_norm.reestimate(net, [x])
    net.eval()
    torch.nn.init.normal_(net.fc_final.weight)
    with torch.no_grad():
        plain = net(x)[0]
    assert float(plain.std()) > 0.01
    torch.testing.assert_close(predict(net, faces, batch=2), plain, atol=2e-3, rtol=1e-3)


def test_input_gradient_of_a_strided_depthwise_convolution():
    torch.manual_seed(0)
    x = torch.randn(2, 16, 14, 14).bfloat16().contiguous(memory_format=torch.channels_last)
    weight = torch.randn(16, 1, 3, 3).bfloat16()
    dy = torch.randn(2, 16, 7, 7).bfloat16().contiguous(memory_format=torch.channels_last)
    a = x.clone().requires_grad_()
    cpu_features._Convolution.apply(a, weight, None, 2, 16, False).backward(dy)
    b = x.float().requires_grad_()
    F.conv2d(b, weight.float(), None, 2, 1, groups=16).backward(dy.float())
    torch.testing.assert_close(a.grad.float(), b.grad, atol=0.05, rtol=0.02)
