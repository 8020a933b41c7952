"""Reading int8 weights out of a TensorFlow Lite file, against OpenVINO's reader and hand-made numbers."""

import numpy as np
import pytest

from gaze.errors import DataError
from gaze.synthesis.pack_mobilenet import pack_mobilenet
from tests.gaze.synthesis.tflite_file import ADD, CONV, DENSE, DEPTHWISE, Tensor, tflite_file


def quantised(rng, shape, axis):
    scale = rng.uniform(0.01, 0.05, shape[axis]).astype(np.float32)
    return Tensor(rng.integers(-127, 128, shape).astype(np.int8), scale, axis)


def bias_of(rng, weight, channels):
    scale = (np.float32(1 / 128) * weight.scale).astype(np.float32)
    return Tensor(rng.integers(-4000, 4000, channels).astype(np.int32), scale, 0)


@pytest.fixture
def layers():
    """A 1x1 convolution 3 -> 4, a depthwise 3x3, a dense layer, with an addition in between."""
    rng = np.random.default_rng(5)
    conv, depthwise = quantised(rng, (4, 1, 1, 3), 0), quantised(rng, (1, 3, 3, 4), 3)
    dense = Tensor(rng.normal(size=(2, 4)).astype(np.float32))
    return [
        (CONV, conv, bias_of(rng, conv, 4)),
        (ADD, None, None),
        (DEPTHWISE, depthwise, bias_of(rng, depthwise, 4)),
        (DENSE, dense, Tensor(np.float32([1.5, -2.0]))),
    ]


def test_weights_are_scaled_and_turned(layers):
    arrays = pack_mobilenet(tflite_file(layers), "x.tflite")
    assert [(name, array.shape) for name, array in arrays.items()] == [
        ("00_conv.weight", (4, 3, 1, 1)), ("00_conv.bias", (4,)),
        ("01_dw.weight", (4, 1, 3, 3)), ("01_dw.bias", (4,)),
        ("02_conv.weight", (2, 4, 1, 1)), ("02_conv.bias", (2,)),
    ]  # fmt: skip
    conv, depthwise = layers[0][1], layers[2][1]
    for out in range(4):
        assert (
            arrays["00_conv.weight"][out, 2, 0, 0] == np.float32(conv.values[out, 0, 0, 2]) * conv.scale[out]
        )
        expected = depthwise.values[0, :, :, out].astype(np.float32) * depthwise.scale[out]
        np.testing.assert_array_equal(arrays["01_dw.weight"][out, 0], expected)
    bias = layers[0][2]
    np.testing.assert_array_equal(arrays["00_conv.bias"], bias.values.astype(np.float32) * bias.scale)
    np.testing.assert_array_equal(arrays["02_conv.weight"][:, :, 0, 0], layers[3][1].values)


def test_zero_points_are_taken_off():
    weight = Tensor(np.int8([[[[3]]]]), np.float32([0.5]), 0, zero_point=1)
    content = tflite_file([(CONV, weight, Tensor(np.int32([8]), np.float32([0.25]), 0))])
    arrays = pack_mobilenet(content, "x.tflite")
    assert arrays["00_conv.weight"].ravel() == [1.0] and arrays["00_conv.bias"] == [2.0]


def test_openvino_reads_the_same_weights(layers, tmp_path):
    openvino = pytest.importorskip("openvino")
    kind, weight, bias = layers[0]
    float_weight = Tensor(weight.values.astype(np.float32) * weight.scale[:, None, None, None])
    float_bias = Tensor(bias.values.astype(np.float32) * bias.scale)
    content = tflite_file([(kind, float_weight, float_bias)])
    arrays = pack_mobilenet(content, "x.tflite")
    (tmp_path / "x.tflite").write_bytes(content)
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(tmp_path / "x.tflite", "CPU", config)
    picture = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(np.float32)
    (output,) = model(picture).values()
    mine = np.einsum("nhwi,oi->nhwo", picture, arrays["00_conv.weight"][:, :, 0, 0]) + arrays["00_conv.bias"]
    np.testing.assert_allclose(output, mine, rtol=1e-4, atol=1e-5)


def test_other_and_damaged_files_are_refused(layers):
    content = tflite_file(layers)
    for damaged in (b"", b"<html></html>", content[: len(content) // 2], content[:8] + b"\xff" * 64):
        with pytest.raises(DataError, match=r"x.tflite: is"):
            pack_mobilenet(damaged, "x.tflite")
