"""Layers that stay in fp32 while OpenVINO calculates the others in bf16.

Fully connected layers are the exception: they multiply in bf16 all the same, and a mark only keeps what they
give in fp32.
"""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import openvino

from deploy.runtimes.layer_groups import belongs

try:
    from openvino._offline_transformations import apply_moc_transformations
except ImportError:  # no public module has it
    apply_moc_transformations = None

log = logging.getLogger("gaze")

# The sidecar's note that names them.
NOTE = "bf16_keeps_fp32"
# Where a layer's attributes stand in the .xml: behind its data and before its ports.
PORTS = ("input", "output")


def keep_in_fp32(core: openvino.Core, model: openvino.Model, in_float: Sequence[str]) -> openvino.Model:
    """The model with each operation of the groups ``in_float`` marked to be calculated in fp32.

    Their constants are marked too: `openvino.save_model` stores those of all others in fp16 where asked to.
    OpenVINO takes the mark ("precise") from files alone: Python cannot set it on a model in memory.
    ``model`` is simplified in place.

    Raises:
        OSError: the folder for temporary files cannot be written.
        RuntimeError: OpenVINO cannot write or read the model.
    """
    # In an ONNX model two operations stand for a Clip; compiling would make one of them and forget its mark.
    if apply_moc_transformations is None:
        log.warning("OpenVINO %s: layers in fp32 are less exact in bf16", openvino.__version__)
    else:
        apply_moc_transformations(model, False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        openvino.serialize(model, path, path.with_suffix(".bin"))
        graph = ElementTree.fromstring(path.read_bytes())
        weights = path.with_suffix(".bin").read_bytes()
    layers = {layer.get("id"): layer for layer in graph.iterfind("layers/layer")}
    kept = {key for key, layer in layers.items() if belongs(layer.get("name", ""), in_float)}
    feeding = {
        edge.get("from-layer") for edge in graph.iterfind("edges/edge") if edge.get("to-layer") in kept
    }
    for key, layer in layers.items():
        if key in kept or (key in feeding and layer.get("type") == "Const"):
            facts = layer.find("rt_info")
            if facts is None:
                places = [index for index, child in enumerate(layer) if child.tag in PORTS]
                facts = ElementTree.Element("rt_info")
                layer.insert(min(places, default=len(layer)), facts)
            ElementTree.SubElement(facts, "attribute", {"name": "precise", "version": "0"})
    return core.read_model(io.BytesIO(ElementTree.tostring(graph)), io.BytesIO(weights))
