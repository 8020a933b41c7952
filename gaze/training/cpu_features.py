"""A faster way through the same backbone for training on CPUs with bfloat16 convolutions.

It runs the modules of a `gaze.network_mobilenet` backbone with the same weights and, but for bfloat16
rounding, the same result. What it changes: ReLU6 is fused into the convolution; a frozen BatchNorm is folded
into the convolution's weights (the gradient flows through the folding); and the gradient into the input of a
strided depthwise convolution, for which oneDNN has no fast bfloat16 kernel, is computed as an ordinary
depthwise convolution of the gradient spread out with zeros.
"""

from __future__ import annotations

import ctypes
import sys

import torch
from torch import Tensor, nn

from gaze.network_mobilenet import InvertedResidual


def available() -> bool:
    """Whether this machine's oneDNN computes in bfloat16."""
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def available_fp32() -> bool:
    """Whether torch has oneDNN, so that `features` runs in float32."""
    return torch.backends.mkldnn.is_available()


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks; handing activations back to the kernel costs a fifth of a step."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            m_trim_threshold, m_mmap_max = -1, -4
            mallopt(m_mmap_max, 0)
            mallopt(m_trim_threshold, 2**31 - 1)


class _Convolution(torch.autograd.Function):
    """Convolution with optional bias and ReLU6, zero padding of (kernel - 1) / 2, channels last."""

    @staticmethod
    def forward(ctx, x, weight, bias, stride, groups, relu6):
        pad = weight.shape[-1] // 2
        ctx.geometry = ([stride] * 2, [pad] * 2, [1, 1], groups)
        ctx.has_bias = bias is not None
        ctx.relu6 = relu6
        if relu6:
            y = torch.ops.mkldnn._convolution_pointwise(
                x, weight, bias, [pad] * 2, [stride] * 2, [1, 1], groups, "hardtanh", [0.0, 6.0], ""
            )
        else:
            y = torch.ops.aten.convolution(
                x, weight, bias, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], groups
            )
        ctx.save_for_backward(x, weight, *((y,) if relu6 else ()))
        return y

    @staticmethod
    def backward(ctx, dy):
        x, weight, *rest = ctx.saved_tensors
        stride, pad, dilation, groups = ctx.geometry
        if ctx.relu6:
            dy = torch.ops.aten.hardtanh_backward(dy, rest[0], 0.0, 6.0)
        spread = stride[0] == 2 and groups == x.shape[1] and weight.shape[1] == 1
        need_x = ctx.needs_input_grad[0]
        dx, dweight, dbias = torch.ops.aten.convolution_backward(
            dy,
            x,
            weight,
            [weight.shape[0]] if ctx.has_bias else None,
            stride,
            pad,
            dilation,
            False,
            [0, 0],
            groups,
            [need_x and not spread, True, ctx.has_bias],
        )
        if need_x and spread:
            sparse = torch.empty_like(x).zero_()
            sparse[:, :, ::2, ::2] = dy
            dx = torch.ops.aten.convolution(
                sparse, weight.flip(2, 3), None, [1, 1], pad, dilation, False, [0, 0], groups
            )
        return dx, dweight, dbias, None, None, None


class _NormRelu6(torch.autograd.Function):
    """BatchNorm in training mode, then ReLU6 in place: one activation less to keep and to read."""

    @staticmethod
    def forward(ctx, x, weight, bias, running_mean, running_var, momentum, eps):
        y, mean, inverse_std = torch.ops.aten.native_batch_norm(
            x, weight, bias, running_mean, running_var, True, momentum, eps
        )
        y.clamp_(0.0, 6.0)
        ctx.eps = eps
        ctx.save_for_backward(x, weight, mean, inverse_std, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, weight, mean, inverse_std, y = ctx.saved_tensors
        dy = torch.ops.aten.hardtanh_backward(dy, y, 0.0, 6.0)
        dx, dweight, dbias = torch.ops.aten.native_batch_norm_backward(
            dy, x, weight, None, None, mean, inverse_std, True, ctx.eps, [True, True, True]
        )
        return dx, dweight, dbias, None, None, None, None


def _convolve(x: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d, relu6: bool) -> Tensor:
    stride, groups = conv.stride[0], conv.groups
    if norm.training:
        y = _Convolution.apply(x, conv.weight.to(x.dtype), None, stride, groups, False)
        if not relu6:
            return norm(y)
        norm.num_batches_tracked.add_(1)
        return _NormRelu6.apply(
            y, norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.momentum, norm.eps
        )
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    weight = conv.weight * scale.view(-1, 1, 1, 1)
    bias = norm.bias - norm.running_mean * scale
    return _Convolution.apply(x, weight.to(x.dtype), bias.to(x.dtype), stride, groups, relu6)


def features(backbone: nn.Sequential, x: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Run the backbone on (N, 3, S, S) in ``dtype``: the values of ``backbone(x)`` but for rounding."""
    x = x.to(dtype, memory_format=torch.channels_last)
    for block in backbone:
        if isinstance(block, InvertedResidual):
            y = x
            for layer in block.conv[:-2]:
                y = _convolve(y, layer[0], layer[1], relu6=True)
            y = _convolve(y, block.conv[-2], block.conv[-1], relu6=False)
            x = x + y if block.shortcut else y
        else:
            x = _convolve(x, block[0], block[1], relu6=True)
    return x


def features_fp32(backbone: nn.Sequential, x: Tensor) -> Tensor:
    """As `features`, in float32."""
    return features(backbone, x, torch.float32)
