"""Which layers stay in fp32 in bf16: as few as the bound allows, and the best where none does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("openvino")

from smooth_pictures import made_faces

from deploy.runtimes.openvino_runtime import OpenVinoRuntime, cpu_precisions
from export import bf16
from export.parity import predict_batched
from gaze.geometry import angular_error_deg
from gaze.model_spec import load_model_spec, save_spec, sidecar_path

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
        return predict_batched(runtime, made_faces(64, 24).faces)


def test_what_the_sidecar_names_runs_in_fp32_and_nothing_else(model):
    spec, faces = load_model_spec(model), made_faces(64, 1).faces
    for groups in ([], ["/backbone.3/", "/backbone.11/"]):
        save_spec(dataclasses.replace(spec, notes={"bf16_keeps_fp32": groups}), sidecar_path(model))
        with OpenVinoRuntime(model, precision="bf16", count_times=True) as runtime:
            runtime.predict(faces)
            convolutions = [item for item in runtime.layer_times() if "Convolution" in item.operation]
        exact = {item.name for item in convolutions if item.kernel.endswith("f32")}
        assert exact == {item.name for item in convolutions if any(group in item.name for group in groups)}
        assert len(exact) == 3 * len(groups) and len(convolutions) > 50


def test_each_bound_gets_the_fewest_layers(model, monkeypatch):
    faces, spec = made_faces(64, 24).faces, load_model_spec(model)
    expected = angles(model, "fp32")
    off = {}
    for groups in bf16.FALLBACKS:
        monkeypatch.setattr(bf16, "FALLBACKS", (groups,))
        assert bf16.layers_in_fp32(model, spec, faces, expected) == list(groups)
        assert load_model_spec(model).notes["bf16_keeps_fp32"] == list(groups)
        off[groups] = angular_error_deg(angles(model, "bf16"), expected).max()
    monkeypatch.undo()
    nothing, *_, most = bf16.FALLBACKS
    # Not in which order: rounding of a random network is chance, and depends on the number of threads.
    assert len(set(off.values())) == len(off)
    for bound in (2.0 * off[nothing], 1.01 * off[most], 0.0):
        monkeypatch.setattr(bf16, "TRY_DEG", bound)
        wanted = [groups for groups in bf16.FALLBACKS if off[groups] <= bound] or [min(off, key=off.get)]
        assert bf16.layers_in_fp32(model, spec, faces, expected) == list(wanted[0])
    assert np.isfinite(list(off.values())).all()
