"""OpenVINO: stated precision, threads, cache, queue, devices; both of its files are guarded."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import expected_angles, some_faces, spec, write_model

from deploy.runtimes import create_runtime
from gaze.camera import Camera
from gaze.errors import ModelError, RuntimeUnavailableError, UsageError
from gaze.estimator import GazeEstimator
from gaze.model_spec import save_spec, sha256_of, sidecar_path

openvino = pytest.importorskip("openvino")

from deploy.runtimes.openvino_runtime import OpenVinoRuntime, cpu_precisions, preferred_precision  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture
def ir(tmp_path, model):
    path = tmp_path / "tiny_ir.xml"
    openvino.save_model(openvino.convert_model(model), path, compress_to_fp16=False)
    save_spec(
        spec("tiny_ir", sha256=sha256_of(path), notes={"sha256_bin": sha256_of(path.with_suffix(".bin"))}),
        sidecar_path(path),
    )
    return path


def test_an_ir_gives_the_same_numbers(ir):
    faces = some_faces(3)
    with create_runtime(ir) as runtime:
        assert runtime.engine == "openvino"
        np.testing.assert_allclose(runtime.predict(faces).pitch_yaw_rad, expected_angles(faces), atol=2e-5)


def test_the_bin_is_guarded_too(ir):
    weights = ir.with_suffix(".bin")
    content = weights.read_bytes()
    weights.write_bytes(content[:-4])
    with pytest.raises(ModelError, match=r"tiny_ir\.bin: is missing, truncated or altered"):
        create_runtime(ir)
    weights.unlink()
    with pytest.raises(ModelError, match=r"tiny_ir\.bin: is missing"):
        create_runtime(ir)


def test_precision_is_fp32_unless_asked_for(model):
    with OpenVinoRuntime(model, threads=1) as runtime:
        assert runtime._compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
        assert runtime._compiled.get_property("INFERENCE_NUM_THREADS") == 1
        assert runtime.name == "openvino:CPU:fp32"


@pytest.mark.parametrize("wrong", ["/layer.", [3], [""]])
def test_layers_to_keep_in_fp32_must_be_names(tmp_path, wrong):
    if "bf16" not in cpu_precisions():
        pytest.skip("OpenVINO does not calculate in bf16 here")
    path = write_model(tmp_path / "tiny.onnx", notes={"bf16_keeps_fp32": wrong})
    with pytest.raises(ModelError, match="bf16_keeps_fp32 must be names of layers"):
        OpenVinoRuntime(path, precision="bf16")


def test_auto_takes_bf16_only_with_measured_parity(tmp_path):
    if preferred_precision() != "bf16":
        pytest.skip("this CPU does not prefer bf16")
    path = tmp_path / "tiny.xml"
    source = write_model(tmp_path / "tiny.onnx")
    openvino.save_model(openvino.Core().read_model(source), path, compress_to_fp16=False)
    for most_deg, precision in ((0.1, "bf16"), (0.9, "fp32")):
        parity_deg = {"openvino:CPU:bf16": {"mean": 0.02, "max": most_deg}}
        notes = {"sha256_bin": sha256_of(path.with_suffix(".bin"))}
        save_spec(
            spec("tiny", sha256=sha256_of(path), parity_deg=parity_deg, notes=notes), sidecar_path(path)
        )
        with create_runtime(path) as runtime:
            assert runtime.name == f"openvino:CPU:{precision}"
            assert ("made for bf16" in runtime.description) == (precision == "bf16")
        # An ONNX file gains too little.
        with create_runtime(write_model(source, parity_deg=parity_deg)) as runtime:
            assert runtime.name == "onnxruntime:CPU:fp32"


@pytest.mark.usefixtures("landmark_models")
@pytest.mark.parametrize(
    ("asked", "measured", "warned"),
    [("bf16", "openvino:CPU:fp32", True), ("bf16", "openvino:CPU:bf16", False), ("fp32", None, False)],
)
def test_a_precision_whose_error_is_unknown_is_warned_of_once(tmp_path, caplog, asked, measured, warned):
    if asked not in cpu_precisions():
        pytest.skip(f"OpenVINO does not calculate in {asked} here")
    parity_deg = {measured: {"mean": 0.02, "max": 0.1}} if measured else {}
    path = write_model(tmp_path / "tiny.onnx", parity_deg=parity_deg)
    with GazeEstimator.create(Camera.guessed(640, 480), path, "openvino", precision=asked):
        pass
    told = [record.getMessage() for record in caplog.records if record.name == "gaze"]
    assert len(told) == warned
    if warned:
        assert told[0].startswith("tiny in openvino:CPU:bf16: its sidecar holds no measured error")
        assert "`gaze export` makes a file for bf16" in told[0] and "\n" not in told[0]
    caplog.clear()
    # What measures a runtime is not told.
    create_runtime(path, "openvino", precision=asked).close()
    assert not caplog.records


def test_a_precision_that_the_device_lacks(model, monkeypatch):
    real = openvino.Core.get_property

    def poor(self, device, name):
        return ["FP32", "INT8"] if name == "OPTIMIZATION_CAPABILITIES" else real(self, device, name)

    monkeypatch.setattr(openvino.Core, "get_property", poor)
    with pytest.raises(RuntimeUnavailableError, match=r"does not calculate in bf16.*FP32, INT8"):
        OpenVinoRuntime(model, precision="bf16")


@pytest.mark.parametrize("device", ["GPU", "NPU", "GPU.3", "TOASTER"])
def test_a_device_that_does_not_exist(model, device):
    if device in openvino.Core().available_devices:
        pytest.skip(f"this machine has {device}")
    with pytest.raises(RuntimeUnavailableError, match=rf"no device {device} here, only"):
        OpenVinoRuntime(model, device=device)


def test_wrong_use(model, tmp_path):
    with pytest.raises(UsageError, match="give the int8 file"):
        OpenVinoRuntime(model, precision="int8")
    with pytest.raises(UsageError, match=r"runs \.xml and \.onnx"):
        OpenVinoRuntime(tmp_path / "tiny.pt")


def test_the_queue_keeps_the_order(model):
    batches = [some_faces(2, seed=seed) for seed in range(12)]
    with OpenVinoRuntime(model, throughput=True) as runtime:
        results = runtime.predict_many(iter(batches))
    assert len(results) == 12
    for faces, result in zip(batches, results, strict=True):
        np.testing.assert_allclose(result.pitch_yaw_rad, expected_angles(faces), atol=2e-5)


def test_a_queue_that_fails_is_told_as_a_single_call_is(model):
    with (
        OpenVinoRuntime(model, throughput=True) as runtime,
        pytest.raises(ModelError, match=r"model tiny: OpenVINO .* failed to run it in fp32 on CPU"),
    ):
        runtime.predict_many([some_faces(2), some_faces(1, size=4)])


def test_the_compiled_model_is_cached_where_told(model, tmp_path):
    with OpenVinoRuntime(model, cache_dir=tmp_path / "cache"):
        pass
    assert any((tmp_path / "cache" / "openvino").iterdir())


def test_a_cache_that_cannot_be_written(model, tmp_path):
    occupied = tmp_path / "cache"
    occupied.write_text("a file, not a folder")
    with pytest.raises(RuntimeUnavailableError, match=r"cannot be written.*GAZE_CACHE_DIR"):
        OpenVinoRuntime(model, cache_dir=occupied)
