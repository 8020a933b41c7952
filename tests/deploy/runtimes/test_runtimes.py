"""Every engine gives the numbers of the tiny model, and what is not there fails by name."""

from __future__ import annotations

import gc
import importlib.util
import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from tiny_models import SIZE, expected_angles, some_faces, spec, tiny_graph, write_model

from deploy.runtimes import create_runtime, warn_if_unmeasured
from deploy.runtimes.base import first_line
from deploy.runtimes.onnxruntime_runtime import OnnxRuntime
from gaze.errors import ModelError, RuntimeUnavailableError, UsageError
from gaze.model_spec import sha256_of
from gaze.types import NormalizedCamera

needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)
ENGINES = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.mark.parametrize("engine", ENGINES)
def test_angles_are_those_of_numpy_for_any_number_of_faces(model, engine):
    faces = some_faces(7)
    with create_runtime(model, engine) as runtime:
        for count in (1, 7, 3):
            given = runtime.predict(faces[:count]).pitch_yaw_rad
            assert given.dtype == np.float32
            np.testing.assert_allclose(given, expected_angles(faces[:count]), atol=2e-5)
        assert runtime.predict(faces[:0]).pitch_yaw_rad.shape == (0, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_prediction_outlives_the_next_call(model, engine):
    with create_runtime(model, engine) as runtime:
        faces = some_faces(2)
        first = runtime.predict(faces[:1]).pitch_yaw_rad
        kept = first.copy()
        runtime.predict(faces[1:])
        np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("engine", ENGINES)
def test_faces_that_are_not_contiguous(model, engine):
    faces = some_faces(4)
    with create_runtime(model, engine) as runtime:
        given = runtime.predict(faces[::2, :, ::-1]).pitch_yaw_rad
    np.testing.assert_allclose(given, expected_angles(faces[::2]), atol=2e-5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "faces",
    [
        some_faces(1, SIZE + 16),
        some_faces(1)[0],
        some_faces(1).astype(np.float32),
        [[1, 2, 3]],
    ],
)
def test_wrong_faces_are_named(model, engine, faces):
    with (
        create_runtime(model, engine) as runtime,
        pytest.raises(ModelError, match=rf"\(N, {SIZE}, {SIZE}, 3\)"),
    ):
        runtime.predict(faces)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_foreign_network_is_refused(tmp_path, engine):
    foreign = write_model(tmp_path / "foreign.onnx", tiny_graph("images", "logits"))
    with pytest.raises(ModelError, match=r"not a gaze model.*images.*logits.*gaze export"):
        create_runtime(foreign, engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["faces", "faces_rgb"])
def test_the_float_variant_is_refused(tmp_path, engine, name):
    variant = write_model(tmp_path / "float.onnx", tiny_graph(name, input_type=onnx.TensorProto.FLOAT))
    with pytest.raises(ModelError, match=r"variant for other tools.*uint8.*without _float_input in its name"):
        create_runtime(variant, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sidecar_of_float_rgb_beside_a_graph_of_uint8_is_refused(tmp_path, engine):
    model = write_model(tmp_path / "tiny.onnx", input_kind="float32 NCHW", channel_order="RGB")
    with pytest.raises(ModelError, match=r"takes float32 NCHW input; this is the variant for other tools"):
        create_runtime(model, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sidecar_that_promises_too_much(tmp_path, engine):
    model = write_model(tmp_path / "tiny.onnx", outputs=("pitch_yaw_rad", "sigma_rad"))
    with pytest.raises(ModelError, match="promises sigma_rad"):
        create_runtime(model, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sidecar_whose_sizes_agree_with_each_other_but_not_with_the_graph(tmp_path, engine):
    camera = NormalizedCamera(480.0, 600.0, 112)
    model = write_model(tmp_path / "tiny.onnx", input_size=112, normalized_camera=camera)
    with pytest.raises(
        ModelError, match=r"\[N, 16, 16, 3\], its sidecar means \[N, 112, 112, 3\].*gaze export"
    ):
        create_runtime(model, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_graph_for_one_face_only(tmp_path, engine):
    model = write_model(tmp_path / "tiny.onnx", tiny_graph(batch=1))
    with pytest.raises(ModelError, match=r"\[1, 16, 16, 3\].*N: any number"):
        create_runtime(model, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_model(tmp_path, engine):
    path = write_model(tmp_path / "tiny.onnx")
    path.write_bytes(b"")
    with pytest.raises(ModelError, match=r"is empty.*gaze export"):
        create_runtime(path, engine)
    write_sidecar_of(path)
    with pytest.raises(ModelError, match=r"is empty.*gaze export"):
        create_runtime(path, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_truncated_model_fails_by_its_checksum(tmp_path, engine):
    path = write_model(tmp_path / "tiny.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="truncated or altered"):
        create_runtime(path, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_that_is_no_onnx_fails_in_the_engine(tmp_path, engine):
    path = tmp_path / "tiny.onnx"
    write_model(path)
    path.write_bytes(path.read_bytes()[:60])
    write_sidecar_of(path)
    with pytest.raises(ModelError, match=r"cannot (load|read) it.*gaze export"):
        create_runtime(path, engine)


def write_sidecar_of(path):
    from gaze.model_spec import save_spec, sidecar_path

    save_spec(spec(path.stem, sha256=sha256_of(path)), sidecar_path(path))


@pytest.mark.parametrize("engine", ENGINES)
def test_missing_external_data(tmp_path, engine):
    path = tmp_path / "tiny.onnx"
    onnx.save(tiny_graph(), path, save_as_external_data=True, location="tiny.data", size_threshold=0)
    (tmp_path / "tiny.data").unlink()
    write_sidecar_of(path)
    with pytest.raises(ModelError, match=r"tiny\.data.*together with the file of its external data"):
        create_runtime(path, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_truncated_external_data(tmp_path, engine, capfd):
    path = tmp_path / "tiny.onnx"
    onnx.save(tiny_graph(), path, save_as_external_data=True, location="tiny.data", size_threshold=0)
    data = tmp_path / "tiny.data"
    data.write_bytes(data.read_bytes()[:-8])
    write_sidecar_of(path)
    with pytest.raises(ModelError, match="together with the file of its external data") as caught:
        create_runtime(path, engine)
    assert not re.search(r"\.\.\.|onnxruntime_src|ONNXRuntimeError|\.cc:", str(caught.value))
    if engine == "onnxruntime":
        assert "size to read: 24 given file_length: 16 are out of bounds or can not be read" in str(
            caught.value
        )
    assert capfd.readouterr().err == "", "the engine does not say it a second time"


def test_a_newer_opset_than_onnxruntime_knows(tmp_path):
    path = write_model(tmp_path / "tiny.onnx", tiny_graph(opset=99))
    with pytest.raises(ModelError, match=r"failed: ONNX.* Opset 99 is.*upgrade onnxruntime"):
        OnnxRuntime(path)


@pytest.mark.parametrize("device", ["CUDA", "TENSORRT", "OPENVINO"])
def test_a_provider_that_is_absent_never_falls_back(model, device):
    import onnxruntime

    from deploy.runtimes.onnxruntime_runtime import PROVIDERS

    if PROVIDERS[device] in onnxruntime.get_available_providers():
        pytest.skip(f"this onnxruntime has {PROVIDERS[device]}")
    with pytest.raises(RuntimeUnavailableError, match=rf"no {PROVIDERS[device]}.*install"):
        OnnxRuntime(model, device=device)


def test_a_provider_that_starts_on_the_cpu_instead_is_an_error(model, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    with pytest.raises(RuntimeUnavailableError, match="fell back to CPUExecutionProvider"):
        OnnxRuntime(model, device="CUDA")


def test_wrong_use_of_onnxruntime(model, tmp_path):
    with pytest.raises(UsageError, match="no device 'TPU'"):
        OnnxRuntime(model, device="TPU")
    with pytest.raises(UsageError, match="precision must be one of"):
        OnnxRuntime(model, precision="fp8")
    with pytest.raises(UsageError, match=r"holds fp32.*give the fp16 file.*or use --runtime openvino$"):
        OnnxRuntime(model, precision="fp16")
    # There is no bf16 file for it, and OpenVINO's int8 needs a file too.
    with pytest.raises(UsageError, match=r"what the file holds; use --runtime openvino$"):
        OnnxRuntime(model, precision="bf16")
    with pytest.raises(UsageError, match=r"give the int8 file that `gaze export` writes$"):
        OnnxRuntime(model, precision="int8")
    with pytest.raises(UsageError, match="at least 1, got 0"):
        OnnxRuntime(model, threads=0)
    with pytest.raises(UsageError, match=r"runs \.onnx"):
        OnnxRuntime(tmp_path / "tiny.xml")


def test_more_threads_than_the_cores_can_carry(model, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    for engine in ("onnxruntime", "openvino", "torch"):
        if importlib.util.find_spec(engine) is not None:
            with pytest.raises(UsageError, match=r"at most 8 on this machine, which has 2 cores, got 9;"):
                create_runtime(model, engine, threads=9)
    with create_runtime(model, "onnxruntime", threads=8) as runtime:
        assert runtime.threads == 8


@pytest.mark.parametrize("engine", ENGINES)
def test_the_threads_in_use_are_told(model, engine):
    with create_runtime(model, engine) as runtime, create_runtime(model, engine, threads=1) as single:
        assert 1 <= runtime.threads_used <= os.cpu_count()
        assert single.threads_used == 1


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
@pytest.mark.parametrize("threads", [None, 1, 3])
def test_onnxruntime_starts_as_many_threads_as_are_told(model, threads):
    gc.collect()  # errors of refused models may still hold their sessions, whose threads would end meanwhile
    before = len(list(Path("/proc/self/task").iterdir()))
    with create_runtime(model, "onnxruntime", threads=threads) as runtime:
        # The calling thread works too.
        assert runtime.threads_used == len(list(Path("/proc/self/task").iterdir())) - before + 1


def test_an_unknown_runtime_and_a_missing_model(model, tmp_path):
    with pytest.raises(UsageError, match="no runtime 'tflite'"):
        create_runtime(model, "tflite")
    with pytest.raises(ModelError, match="no such model file"):
        create_runtime(tmp_path / "none.onnx")


def test_a_runtime_that_is_not_installed(model, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else real(name))
    with pytest.raises(
        RuntimeUnavailableError, match=r"openvino is not installed; run `pip install openvino`"
    ):
        create_runtime(model, "openvino")
    with create_runtime(model) as runtime:
        assert runtime.engine == "onnxruntime"
        assert "starts sooner" in runtime.description


def test_auto_is_no_mend_for_a_file_that_one_engine_alone_runs(model, monkeypatch, tmp_path):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else real(name))
    with pytest.raises(RuntimeUnavailableError, match=r"choose --runtime auto"):
        create_runtime(model, "openvino")
    for runtime in ("auto", "openvino"):
        with pytest.raises(RuntimeUnavailableError, match=r"run `pip install openvino`$"):
            create_runtime(tmp_path / "tiny.xml", runtime)
    with pytest.raises(RuntimeUnavailableError, match=r"GPU is one of OpenVINO's.*not installed") as caught:
        create_runtime(model, device="GPU")
    assert "--runtime auto" not in str(caught.value), "auto was what chose it"


def test_auto_says_what_it_chose_and_why(model):
    with create_runtime(model, threads=1) as runtime:
        assert runtime.description.startswith("auto: ")
        assert runtime.engine in runtime.description and "1 thread" in runtime.description
        assert runtime.name == f"{runtime.engine}:CPU:fp32", "without measured parity auto stays at fp32"


def test_the_telling_line_of_an_engine_error():
    error = RuntimeError("Exception from src/a.cpp:1:\nException from src/b.cpp:2:\nDevice is unplugged\n\n")
    assert first_line(error) == "Device is unplugged"
    assert first_line(RuntimeError("")) == "RuntimeError"
    assert len(first_line(RuntimeError("x" * 999))) == 300


@pytest.mark.parametrize(
    ("asked", "own", "run", "warned"),
    [
        ("bf16", "fp32", "openvino:CPU:bf16", True),
        ("fp16", "fp32", "openvino:GPU:fp16", True),
        ("fp16", "fp32", "openvino:CPU:fp16", False),
        ("bf16", "int8", "openvino:CPU:int8+bf16", True),
        ("int8", "int8", "openvino:CPU:int8+fp32", False),
        ("fp32", "bf16", "openvino:CPU:fp32", False),
        (None, "fp32", "openvino:CPU:bf16", False),
    ],
)
def test_which_precisions_are_warned_of(caplog, asked, own, run, warned):
    parity_deg = {"openvino:CPU:fp16": {"mean": 0.02, "max": 0.1}}
    made = SimpleNamespace(spec=spec("tiny", precision=own, parity_deg=parity_deg), name=run)
    warn_if_unmeasured(made, asked)
    assert [run in record.getMessage() for record in caplog.records] == [True] * warned
