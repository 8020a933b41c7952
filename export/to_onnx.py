"""A network to ONNX: preprocessing inside the graph, any number of faces, checked before it counts."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from deploy.runtimes.base import INPUT_NAME
from deploy.runtimes.layer_groups import belongs
from deploy.runtimes.torch_runtime import outputs_of
from gaze.errors import ModelError
from gaze.files import replacing
from gaze.network import FacePreprocess, GazeNet
from gaze.types import FLOAT_INPUT, ModelSpec

# TensorRT 8.6 reads up to 17 in full; onnxruntime since 1.12 and OpenVINO since 2022.3 read it too.
OPSET = 17
FLOAT_INPUT_NAME = "faces_rgb"


class ExportedGaze(nn.Module):
    """Faces -> angles (N, 2) rad and, where asked for, sigma (N, 2) rad and the map (N, h, w).

    Args:
        outputs: the names of what is put out, in this order; those that the network can give.
        preprocess: what makes the network's input of uint8 BGR faces (N, S, S, 3); without it the input is
            RGB (N, 3, S, S) by ImageNet's mean and deviation.
    """

    def __init__(self, net: GazeNet, preprocess: nn.Module | None, outputs: Sequence[str]) -> None:
        super().__init__()
        self.net = net
        self.outputs = tuple(outputs)
        self.preprocess = preprocess

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        # To float before anything else: TensorRT takes uint8 at the door of a network, but no step after it.
        pictures = faces if self.preprocess is None else self.preprocess(faces.to(torch.float32))
        given = outputs_of(self.net.all_answers(pictures))
        return tuple(given[name] for name in self.outputs)


class ConvolvedPreprocess(nn.Module):
    """The same values as FacePreprocess, as a 1x1 convolution.

    int8 engines run a convolution from the uint8 picture on; a flip, a product and a sum they run in float,
    over every pixel, which costs onnxruntime more than a quarter of the network. The weights are read off
    FacePreprocess itself, by showing it one black and three pure colours.
    """

    def __init__(self) -> None:
        super().__init__()
        shown = torch.zeros((4, 1, 1, 3))
        for channel in range(3):
            shown[channel + 1, 0, 0, channel] = 255.0
        answers = FacePreprocess()(shown).double()[:, :, 0, 0]
        self.convolution = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            self.convolution.weight.copy_(((answers[1:] - answers[0]).T / 255.0).view(3, 3, 1, 1))
            self.convolution.bias.copy_(answers[0])

    def forward(self, faces: Tensor) -> Tensor:
        return self.convolution(faces.permute(0, 3, 1, 2))


def export_onnx(net: GazeNet, spec: ModelSpec, path: Path, preprocess: nn.Module | None) -> None:
    """Write the network as ONNX, with the facts of ``spec`` in its metadata.

    Args:
        net: the network; it is put into eval mode.
        spec: where ``preprocess`` is None, as with_float_input gives it; its outputs are the graph's.
        preprocess: as in ExportedGaze: FacePreprocess, or ConvolvedPreprocess for models that become int8;
            with None the input is called ``faces_rgb``.

    Raises:
        ModelError: the result does not pass onnx's checker and shape inference.
        OSError: the file cannot be written; nothing is left behind.
    """
    net = net.cpu().float().eval()
    size = spec.input_size
    if preprocess is not None:
        name, example = INPUT_NAME, torch.zeros((2, size, size, 3), dtype=torch.uint8)
    else:
        name, example = FLOAT_INPUT_NAME, torch.zeros((2, 3, size, size))
    outputs = list(spec.outputs)
    with replacing(path) as temporary:
        with warnings.catch_warnings():
            # The tracing exporter is the one that needs no further package; its retirement is announced.
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.onnx.export(
                ExportedGaze(net, preprocess, outputs).eval(),
                (example,),
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=[name],
                output_names=outputs,
                dynamic_axes={key: {0: "n"} for key in (name, *outputs)},
            )
        finish_onnx(onnx.load(temporary), spec, temporary)


def with_float_input(spec: ModelSpec) -> ModelSpec:
    """The spec of the variant whose caller scales the pictures; its notes say how (``input``)."""
    largest, smallest = (
        [round((value - mean) / std, 4) for mean, std in zip(spec.mean, spec.std, strict=True)]
        for value in (1.0, 0.0)
    )
    described = {
        "name": FLOAT_INPUT_NAME,
        "shape": ["N", 3, spec.input_size, spec.input_size],
        "values": "(RGB / 255 - mean) / std, RGB of 0 to 255",
        "smallest": smallest,
        "largest": largest,
    }
    return dataclasses.replace(
        spec, input_kind=FLOAT_INPUT, channel_order="RGB", notes=spec.notes | {"input": described}
    )


def finish_onnx(model: onnx.ModelProto, spec: ModelSpec, path: Path) -> None:
    """Put the metadata in, check the model in full and write it.

    Raises:
        ModelError: the checker or shape inference refuses it.
    """
    del model.metadata_props[:]
    camera = spec.normalized_camera
    facts = {
        "name": spec.name,
        "input": "uint8 BGR N,S,S,3" if model.graph.input[0].name == INPUT_NAME else "float RGB N,3,S,S",
        "input_size": str(spec.input_size),
        "normalized_camera": json.dumps(
            {"focal_px": camera.focal_px, "distance_mm": camera.distance_mm, "size_px": camera.size_px}
        ),
        "label_space": spec.label_space,
        "angles": "pitch, yaw in radians in the normalised camera; pitch + up, yaw + to the image's left",
        "precision": spec.precision,
        "training_data": spec.training_data,
        "licence": spec.licence,
    }
    if spec.input_kind == FLOAT_INPUT:
        facts |= {
            "input_kind": spec.input_kind,
            "channel_order": spec.channel_order,
            "mean": json.dumps(spec.mean),
            "std": json.dumps(spec.std),
            "input_values": json.dumps(spec.notes["input"]),
        }
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    model.producer_name = "webcam-gaze"
    # onnxruntime's quantiser declares all its own operators; a strict reader would want to know them.
    used = {"", *(node.domain for node in model.graph.node)}
    needed = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(needed)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"{path}: the exported graph is not valid: {error}") from error
    # `replacing` gives the caller a temporary name, so that a full disk leaves no half-written model.
    path.write_bytes(model.SerializeToString())


def convert_to_fp16(source: Path, spec: ModelSpec, path: Path, in_float: Sequence[str]) -> None:
    """An fp32 model to fp16 within; what goes in and comes out stays uint8 and float32.

    Args:
        in_float: groups of layers that stay in fp32.

    Raises:
        ModelError: the result is not valid.
        OSError: the file cannot be written.
    """
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    model = onnx.load(source)
    kept = [node.name for node in model.graph.node if belongs(node.name, in_float)]
    model = convert_float_to_float16(model, keep_io_types=True, node_block_list=kept)
    OnnxModel(model).topological_sort()  # the casts about what is kept were put at the end
    with replacing(path) as temporary:
        finish_onnx(model, spec, temporary)
