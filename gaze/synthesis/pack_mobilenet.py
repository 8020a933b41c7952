"""MobileNetV2's ImageNet weights from an int8 TensorFlow Lite file to float arrays.

Field numbers are those of TensorFlow's schema.fbs; a FlatBuffer table is read as
https://flatbuffers.dev/internals describes it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError

_CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED = 3, 4, 9
_DTYPES = {0: np.float32, 2: np.int32, 3: np.uint8, 4: np.int64, 9: np.int8}


def pack_mobilenet(content: bytes, name: str) -> dict[str, NDArray[np.float32]]:
    """``NN_conv`` and ``NN_dw`` weights and biases in the order of the operators.

    Weights are (O, I, H, W), depthwise (C, 1, H, W); int8 values are multiplied by their scales.

    Raises:
        DataError: not a TensorFlow Lite file, or one without constant weights.
    """
    if content[4:8] != b"TFL3":
        raise DataError(f"{name}: is not a TensorFlow Lite file; fetch it again")
    arrays: dict[str, NDArray[np.float32]] = {}
    try:
        for number, (kind, weight, bias) in enumerate(_layers(content)):
            arrays[f"{number:02d}_{kind}.weight"] = weight
            arrays[f"{number:02d}_{kind}.bias"] = bias
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise DataError(f"{name}: is damaged or of another kind ({error}); fetch it again") from error
    return arrays


def _layers(content: bytes) -> Iterator[tuple[str, NDArray[np.float32], NDArray[np.float32]]]:
    model = _Table.root(content)
    codes = [max(code.number(0, "b"), code.number(3, "i")) for code in model.tables(1)]
    buffers = model.tables(4)
    graph = model.tables(2)[0]
    tensors = graph.tables(0)
    for operator in graph.tables(3):
        code = codes[operator.number(0, "I")]
        if code not in (_CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED):
            continue
        weight, bias = (_values(tensors[k], buffers) for k in operator.vector(1, "i")[1:3])
        if code == _DEPTHWISE_CONV_2D:
            yield "dw", np.ascontiguousarray(weight.transpose(3, 0, 1, 2)), bias
        elif code == _CONV_2D:
            yield "conv", np.ascontiguousarray(weight.transpose(0, 3, 1, 2)), bias
        else:
            yield "conv", weight[:, :, None, None], bias


def _values(tensor: _Table, buffers: list[_Table]) -> NDArray[np.float32]:
    """A constant tensor as float32."""
    data = buffers[tensor.number(2, "I")].vector(0, "B")
    shape = tuple(int(n) for n in tensor.vector(0, "i"))
    stored = data.view(_DTYPES[tensor.number(1, "b")]).reshape(shape)
    quantization = tensor.table(4)
    scale = quantization.vector(2, "f") if quantization else np.empty(0, np.float32)
    if not len(scale):
        return stored.astype(np.float32)
    along = [1] * stored.ndim
    along[quantization.number(6, "i")] = -1
    zero = quantization.vector(3, "q").astype(np.float32)
    zero = zero.reshape(along) if len(zero) else np.float32(0.0)
    return (stored.astype(np.float32) - zero) * scale.reshape(along)


class _Table:
    """One table of a FlatBuffer: scalars, vectors and tables by field number."""

    def __init__(self, content: bytes, position: int) -> None:
        self._content = content
        self._position = position
        self._vtable = position - self._unpack("i", position)
        self._vtable_bytes = self._unpack("H", self._vtable)

    @classmethod
    def root(cls, content: bytes) -> _Table:
        return cls(content, struct.unpack_from("<I", content, 0)[0])

    def _unpack(self, form: str, position: int) -> int:
        return struct.unpack_from(f"<{form}", self._content, position)[0]

    def _place(self, field: int) -> int:
        """Where a field lies, or 0 when it is left out."""
        entry = 4 + 2 * field
        offset = self._unpack("H", self._vtable + entry) if entry < self._vtable_bytes else 0
        return self._position + offset if offset else 0

    def number(self, field: int, form: str) -> int:
        """A scalar; left out it is 0."""
        place = self._place(field)
        return self._unpack(form, place) if place else 0

    def table(self, field: int) -> _Table | None:
        place = self._place(field)
        return _Table(self._content, place + self._unpack("I", place)) if place else None

    def vector(self, field: int, form: str) -> NDArray:
        """A vector of scalars; left out it is empty."""
        dtype = np.dtype(f"<{form}")
        place = self._place(field)
        if not place:
            return np.empty(0, dtype)
        start = place + self._unpack("I", place)
        return np.frombuffer(self._content, dtype, self._unpack("I", start), start + 4)

    def tables(self, field: int) -> list[_Table]:
        """A vector of tables."""
        place = self._place(field)
        if not place:
            return []
        start = place + self._unpack("I", place)
        places = (start + 4 + 4 * k for k in range(self._unpack("I", start)))
        return [_Table(self._content, at + self._unpack("I", at)) for at in places]
