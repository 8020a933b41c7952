"""`gaze export --leave-out`: models that answer angles alone."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from smooth_pictures import smooth_faces  # noqa: E402

from deploy.runtimes import create_runtime, is_installed  # noqa: E402
from export import parity  # noqa: E402
from export.command import main  # noqa: E402
from gaze.errors import UsageError  # noqa: E402
from gaze.model_spec import load_spec  # noqa: E402

FACES = smooth_faces(64, 9, seed=11).faces


def graph_outputs(path):
    return [output.name for output in onnx.load(path).graph.output]


@pytest.mark.parametrize(
    ("left_out", "kept"),
    [
        (["deviation"], ["pitch_yaw_rad", "weight_map"]),
        (["weight-map"], ["pitch_yaw_rad", "sigma_rad"]),
        (["weight-map", "deviation"], ["pitch_yaw_rad"]),
    ],
)
def test_the_graph_and_its_sidecar_lack_them(checkpoint, exported, tmp_path, monkeypatch, left_out, kept):
    if is_installed("openvino"):
        monkeypatch.setitem(parity.MAX_DEG, "bf16", 20.0)  # a random network amplifies rounding
    argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--leave-out", *left_out]
    assert main([*argv, "--formats", "onnx", "onnx-float-input"]) == 0
    for name in ("small.onnx", "small_float_input.onnx"):
        assert graph_outputs(tmp_path / name) == kept
    assert list(load_spec(tmp_path / "small.json").outputs) == kept
    with create_runtime(exported / "small.onnx", "onnxruntime") as runtime:
        whole = runtime.predict(FACES)
    with create_runtime(tmp_path / "small.onnx", "onnxruntime") as runtime:
        lean = runtime.predict(FACES)
    np.testing.assert_allclose(lean.pitch_yaw_rad, whole.pitch_yaw_rad, atol=1e-5)
    for output, name in ((lean.sigma_rad, "sigma_rad"), (lean.weight_map, "weight_map")):
        assert (output is not None) == (name in kept)


def test_what_the_network_lacks_cannot_be_left_out(tmp_path):
    from gaze.network import GazeNet
    from gaze.network_checkpoint import save_checkpoint

    plain = tmp_path / "plain.pt"
    save_checkpoint(plain, GazeNet(input_size=64, width=0.25, predict_sigma=False), {})
    argv = ["--checkpoint", str(plain), "--out", str(tmp_path / "dist"), "--leave-out", "deviation"]
    with pytest.raises(UsageError, match=r"has no sigma_rad; its outputs are pitch_yaw_rad, weight_map"):
        main(argv)
    assert not (tmp_path / "dist").exists()
    with pytest.raises(SystemExit):
        main([*argv[:-1], "angles"])
