"""Which layers stay in fp32 in bf16: as few as the bound allows, and the best where none does.

And that they do: in what they calculate, in what they hand on and in the weights that the file holds.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
openvino = pytest.importorskip("openvino")

from smooth_pictures import smooth_faces  # noqa: E402
from torch.nn.utils.fusion import fuse_conv_bn_eval  # noqa: E402

from deploy.runtimes.openvino_runtime import OpenVinoRuntime, cpu_precisions  # noqa: E402
from export import bf16, parity  # noqa: E402
from export.command import main  # noqa: E402
from export.layers import blocks  # noqa: E402
from export.parity import predict_batched  # noqa: E402
from export.steady import to_bf16  # noqa: E402
from gaze.geometry import angular_error_deg  # noqa: E402
from gaze.model_spec import load_model_spec, save_spec, sidecar_path  # noqa: E402
from gaze.network_checkpoint import load_checkpoint  # noqa: E402

EVERYTHING = ["/", "pitch_yaw_rad", "sigma_rad", "weight_map"]
pytestmark = pytest.mark.skipif("bf16" not in cpu_precisions(), reason="no bf16 on this CPU")


@pytest.fixture
def model(exported, tmp_path):
    path = tmp_path / "small.onnx"
    path.write_bytes((exported / "small.onnx").read_bytes())
    sidecar_path(path).write_text(sidecar_path(exported / "small.onnx").read_text())
    return path


def angles(model, precision):
    from deploy.runtimes import create_runtime

    with create_runtime(model, "openvino", "CPU", precision) as runtime:
        return predict_batched(runtime, smooth_faces(64, 24).faces)


def test_what_the_sidecar_names_runs_in_fp32_and_nothing_else(model):
    for groups in ([], ["/backbone.3/", "/backbone.11/"]):
        with OpenVinoRuntime(marked(model, groups), precision="bf16", count_times=True) as runtime:
            runtime.predict(smooth_faces(64, 1).faces)
            convolutions = [item for item in runtime.layer_times() if "Convolution" in item.operation]
        exact = {item.name for item in convolutions if item.kernel.endswith("f32")}
        assert exact == {item.name for item in convolutions if any(group in item.name for group in groups)}
        assert len(exact) == 3 * len(groups) and len(convolutions) > 50


def marked(model, groups):
    """The sidecar names these groups."""
    save_spec(
        dataclasses.replace(load_model_spec(model), notes={"bf16_keeps_fp32": groups}), sidecar_path(model)
    )
    return model


def hands_on_bf16(runtime):
    """Name and type of each operation of the compiled model that gives bf16."""
    operations = runtime._compiled.get_runtime_model().get_ordered_ops()
    facts = [(item.get_friendly_name(), item.get_rt_info()) for item in operations]
    return {
        (name, str(info["layerType"].astype(str)))
        for name, info in facts
        if "bf16" in info["outputPrecisions"].astype(str)
    }


def test_nothing_between_layers_in_fp32_is_rounded(model):
    with OpenVinoRuntime(marked(model, EVERYTHING), precision="bf16") as runtime:
        # A picture's 256 values are exact in bf16; what goes into a fully connected layer is always rounded.
        assert {kind for _, kind in hands_on_bf16(runtime)} <= {"Convert", "Reorder", "FullyConnected"}
        assert not any("backbone" in name for name, _ in hands_on_bf16(runtime))
    with OpenVinoRuntime(marked(model, []), precision="bf16") as runtime:
        assert any("backbone" in name for name, _ in hands_on_bf16(runtime))


def bf16_file(checkpoint, folder, groups, monkeypatch):
    """What is exported for bf16 with these groups in fp32; random networks break every bound."""
    monkeypatch.setitem(parity.MAX_DEG, "bf16", 20.0)
    monkeypatch.setattr(bf16, "FALLBACKS", (groups,))
    argv = ["--checkpoint", str(checkpoint), "--out", str(folder), "--formats", "openvino-bf16"]
    assert main(argv) == 0
    return folder / "small_openvino_bf16.xml"


@pytest.mark.parametrize("groups", [(), *bf16.FALLBACKS[:1]])
def test_the_angles_are_not_rounded_to_bf16(checkpoint, tmp_path, monkeypatch, groups):
    angles_rad = torch.from_numpy(angles(bf16_file(checkpoint, tmp_path, groups, monkeypatch), "bf16"))
    # By chance one in 65,536 is not changed by it.
    share = (angles_rad == angles_rad.bfloat16()).double().mean().item()
    assert share < 0.05 if groups else share == 1.0


def test_the_file_holds_the_weights_of_layers_in_fp32_unrounded(checkpoint, tmp_path, monkeypatch):
    kept = blocks(0, 1, 2)
    path = bf16_file(checkpoint, tmp_path, kept, monkeypatch)
    assert load_model_spec(path).notes["bf16_keeps_fp32"] == list(kept)
    weights = {}
    for operation in openvino.Core().read_model(path).get_ordered_ops():
        if operation.get_type_name() in ("Convolution", "GroupConvolution", "MatMul"):
            source = operation.input_value(1).get_node()
            if source.get_type_name() == "Convert":
                source = source.input_value(0).get_node()
            weights[operation.get_friendly_name()] = source.get_element_type().to_string(), source.data
    assert {name for name, (kind, _) in weights.items() if kind == "f32"} == {
        name for name in weights if any(group in name for group in kept)
    }
    net = load_checkpoint(checkpoint)[0].eval()
    whole = fuse_conv_bn_eval(*net.backbone[2].conv[2:4]).weight
    for name, wanted in (("/backbone.2/conv/conv.2/", whole), ("/fc1/", to_bf16(net.fc1[0].weight))):
        (given,) = [data for full, (_, data) in weights.items() if name in full]
        np.testing.assert_allclose(given, wanted.detach().numpy(), rtol=0, atol=1e-7)


def test_each_bound_gets_the_fewest_layers(model, monkeypatch):
    faces, spec = smooth_faces(64, 24).faces, load_model_spec(model)
    made = []

    def make(groups):
        made.append(groups)
        return spec

    def chosen(tries):
        found = bf16.with_layers_in_fp32(model, make, faces, expected, tries)
        # What lies there is what was chosen, even where others were tried after it.
        assert load_model_spec(model) == found
        assert found.notes["bf16_keeps_fp32"] == list(made[-1])
        return list(made[-1])

    expected = angles(model, "fp32")
    off = {}
    for groups in bf16.FALLBACKS:
        assert chosen([groups]) == list(groups)
        off[groups] = angular_error_deg(angles(model, "bf16"), expected).max()
    least, *_, most = bf16.FALLBACKS
    # Not in which order: rounding of a random network is chance, and depends on the number of threads.
    assert len(set(off.values())) == len(off)
    for bound in (2.0 * off[least], 1.01 * off[most], 0.0):
        monkeypatch.setattr(bf16, "TRY_DEG", bound)
        wanted = [groups for groups in bf16.FALLBACKS if off[groups] <= bound] or [min(off, key=off.get)]
        assert chosen(bf16.FALLBACKS) == list(wanted[0])
    assert np.isfinite(list(off.values())).all()
