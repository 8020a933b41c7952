"""Small TensorFlow Lite files, written with the flatbuffers package by the numbers of schema.fbs."""

from dataclasses import dataclass

import numpy as np
import pytest

flatbuffers = pytest.importorskip("flatbuffers")

CONV, DEPTHWISE, DENSE, ADD = 3, 4, 9, 0
_OPTIONS = {CONV: 1, DEPTHWISE: 2, DENSE: 8, ADD: 11}
_TYPES = {"float32": 0, "int32": 2, "int8": 9}


@dataclass(frozen=True)
class Tensor:
    """Constant values with a scale per entry of ``axis``, or none."""

    values: np.ndarray
    scale: np.ndarray | None = None
    axis: int = 0
    zero_point: int = 0


def tflite_file(layers):
    """A file whose operators (code, weight, bias) follow each other, on 2x2 pictures of 3 channels."""
    b = flatbuffers.Builder(1024)
    buffers, tensors, operators = [_table(b, [])], [], []

    def tensor(shape, kind, buffer=0, constant=None):
        quantization = None
        if constant is not None and constant.scale is not None:
            scale = b.CreateNumpyVector(constant.scale)
            zero = b.CreateNumpyVector(np.full(len(constant.scale), constant.zero_point, np.int64))
            quantization = _table(b, [(2, "o", scale), (3, "o", zero), (6, "i", constant.axis)])
        name = b.CreateString(f"t{len(tensors)}")
        fields = [(0, "o", b.CreateNumpyVector(np.int32(shape))), (1, "b", kind), (2, "I", buffer)]
        fields += [(3, "o", name)] + ([(4, "o", quantization)] if quantization else [])
        tensors.append(_table(b, fields))
        return len(tensors) - 1

    def constant(value):
        data = b.CreateNumpyVector(np.frombuffer(value.values.tobytes(), np.uint8))
        buffers.append(_table(b, [(0, "o", data)]))
        return tensor(value.values.shape, _TYPES[value.values.dtype.name], len(buffers) - 1, value)

    codes = sorted({code for code, _, _ in layers})
    first = last = tensor((1, 2, 2, 3), 0)
    for code, weight, bias in layers:
        inputs = [last, last] if weight is None else [last, constant(weight), constant(bias)]
        channels = 3 if weight is None else len(bias.values)
        out = tensor((1, 2, 2, channels), 0)
        # Strides and multipliers of 1.
        strides = {CONV: [(1, "i", 1), (2, "i", 1), (4, "i", 1), (5, "i", 1)]}.get(code, [])
        options = _table(b, strides)
        operators.append(
            _table(
                b,
                [(0, "I", codes.index(code)), (1, "o", b.CreateNumpyVector(np.int32(inputs))),
                 (2, "o", b.CreateNumpyVector(np.int32([out]))), (3, "B", _OPTIONS[code]), (4, "o", options)],
            )
        )  # fmt: skip
        last = out
    ends = [b.CreateNumpyVector(np.int32([k])) for k in (first, last)]
    graph_fields = [(0, "o", _offsets(b, tensors)), (1, "o", ends[0]), (2, "o", ends[1])]
    graph = _table(b, [*graph_fields, (3, "o", _offsets(b, operators))])
    code_tables = [_table(b, [(0, "b", code), (2, "i", 1), (3, "i", code)]) for code in codes]
    parts = [_offsets(b, rows) for rows in (code_tables, [graph], buffers)]
    model = _table(b, [(0, "I", 3), (1, "o", parts[0]), (2, "o", parts[1]), (4, "o", parts[2])])
    b.Finish(model, b"TFL3")
    return bytes(b.Output())


def _table(b, fields):
    b.StartObject(8)
    for number, kind, value in fields:
        if kind == "o":
            b.PrependUOffsetTRelativeSlot(number, value, 0)
        else:
            slot = {"b": b.PrependInt8Slot, "B": b.PrependUint8Slot, "i": b.PrependInt32Slot}
            slot.get(kind, b.PrependUint32Slot)(number, value, 0)
    return b.EndObject()


def _offsets(b, rows):
    b.StartVector(4, len(rows), 4)
    for row in reversed(rows):
        b.PrependUOffsetTRelative(row)
    return b.EndVector()
