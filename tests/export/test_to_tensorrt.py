"""TensorRT without TensorRT: the trtexec line, the cache, and what a foreign engine meets."""

from __future__ import annotations

import dataclasses
import importlib.machinery
import json
import re
import sys
import types
from pathlib import Path

import pytest
from tiny_models import spec, write_model

from deploy.runtimes import engine_cache
from deploy.runtimes.engine_cache import EngineKey
from export.to_tensorrt import build_engine, trtexec_line
from gaze.errors import ModelError, RuntimeUnavailableError
from gaze.model_spec import (
    WEIGHTS_DIR,
    load_model_spec,
    load_spec,
    save_spec,
    sha256_of,
    sidecar_path,
)


class FakeTensorRt(types.ModuleType):
    """As much of the module as building and loading touch; it notes what it was told."""

    __version__ = "10.3.0"

    def __init__(self, parses: bool = True, loads: bool = True) -> None:
        super().__init__("tensorrt")
        self.__spec__ = importlib.machinery.ModuleSpec("tensorrt", None)
        self.told: list[object] = []
        self.limits: list[tuple[object, int]] = []
        told, limits = self.told, self.limits
        names = types.SimpleNamespace

        class Logger:
            WARNING, ERROR = 1, 2

            def __init__(self, level: int) -> None: ...

        class Config:
            def set_memory_pool_limit(self, pool: object, size: int) -> None:
                limits.append((pool, size))

            def set_flag(self, flag: str) -> None:
                told.append(flag)

            def add_optimization_profile(self, profile: object) -> None: ...

        class Profile:
            def set_shape(self, *shapes: object) -> None:
                told.append(shapes)

        class Builder:
            def __init__(self, logger: Logger) -> None: ...

            def create_network(self, flags: int) -> str:
                told.append(flags)
                return "network"

            create_builder_config = staticmethod(Config)
            create_optimization_profile = staticmethod(Profile)

            def build_serialized_network(self, network: object, config: object) -> bytes:
                return b"engine"

        class OnnxParser:
            num_errors = 1

            def __init__(self, network: object, logger: Logger) -> None: ...

            def parse(self, content: bytes) -> bool:
                return parses

            def get_error(self, index: int) -> object:
                return names(desc=lambda: "no importer for op Frobnicate")

        class Runtime:
            def __init__(self, logger: Logger) -> None: ...

            def deserialize_cuda_engine(self, content: bytes) -> object:
                assert content == b"engine"
                return None if not loads else names(num_io_tensors=0)

        self.Logger, self.Builder, self.OnnxParser, self.Runtime = Logger, Builder, OnnxParser, Runtime
        self.NetworkDefinitionCreationFlag = names(EXPLICIT_BATCH=0)
        self.MemoryPoolType = names(WORKSPACE="workspace")
        self.BuilderFlag = names(FP16="fp16", INT8="int8")


@pytest.fixture
def machine(monkeypatch):
    """A machine with a GPU and TensorRT's version, but not its Python package."""
    monkeypatch.setattr(engine_cache, "gpu_name", lambda: "NVIDIA Orin (nvgpu)")
    monkeypatch.setattr(engine_cache, "tensorrt_version", lambda: "10.3.0")


@pytest.fixture
def tensorrt(machine, monkeypatch):
    fake = FakeTensorRt()
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    return fake


def test_the_trtexec_line(tmp_path):
    line = trtexec_line(tmp_path / "a b.onnx", spec(), "fp16", tmp_path / "a.engine")
    assert line.startswith("trtexec '--onnx=") and "a b.onnx'" in line
    for word in (
        "--minShapes=faces:1x16x16x3",
        "--optShapes=faces:1x16x16x3",
        "--maxShapes=faces:16x16x16x3",
        "--memPoolSize=workspace:256",
        "--fp16",
    ):
        assert word in line.split()
    assert "--int8" in trtexec_line(tmp_path / "a.onnx", spec(), "int8", tmp_path / "a.engine")
    assert "--fp16" not in trtexec_line(tmp_path / "a.onnx", spec(), "fp32", tmp_path / "a.engine")


def test_the_trtexec_line_gives_as_much_memory_as_the_builder(tensorrt, tmp_path):
    model = write_model(tmp_path / "tiny.onnx")
    build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")
    ((pool, size),) = tensorrt.limits
    line = trtexec_line(model, load_model_spec(model), "fp16", tmp_path / "tiny.engine")
    # In MiB where no unit is given, from TensorRT 8.6 to 10.
    assert pool == "workspace" and f"--memPoolSize=workspace:{size / 2**20:g}" in line.split()


@pytest.mark.parametrize("name", ["gaze_mobilenetv2", "gaze_mobilenetv2_112"])
def test_the_lines_on_the_jetsons_page_are_those_of_the_export(name):
    page = (Path(__file__).resolve().parents[2] / "deploy/jetson/README.md").read_text(encoding="utf-8")
    engine = name.replace("gaze_mobilenetv2", "gaze") + ".engine"
    line = trtexec_line(Path(f"{name}.onnx"), load_spec(WEIGHTS_DIR / f"{name}.json"), "fp16", Path(engine))
    assert line in re.sub(r" \\\n\s*", " ", page).splitlines()


def test_without_the_python_package_the_error_is_the_line(machine, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    model = write_model(tmp_path / "tiny.onnx")
    with pytest.raises(RuntimeUnavailableError, match=r"trtexec --onnx=.*tiny\.onnx --saveEngine=.*\.engine"):
        build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")


def test_without_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(engine_cache.shutil, "which", lambda name: None)
    model = write_model(tmp_path / "tiny.onnx")
    with pytest.raises(RuntimeUnavailableError, match="no NVIDIA GPU") as caught:
        build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")
    told = str(caught.value)
    assert "--device" not in told, "export has no such option"
    assert "run this `gaze export` there" in told
    assert told.endswith("\n" + trtexec_line(model, spec(), "fp16", tmp_path / "tiny.engine"))


def test_an_engine_is_built_once_and_again_when_anything_differs(tensorrt, tmp_path, monkeypatch):
    model = write_model(tmp_path / "tiny.onnx")
    engine, key = build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")
    assert engine.read_bytes() == b"engine" and key.gpu == "NVIDIA Orin (nvgpu)"
    shapes = ("faces", (1, 16, 16, 3), (1, 16, 16, 3), (16, 16, 16, 3))
    assert tensorrt.told == [1, "fp16", shapes]
    assert build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")[0] == engine
    assert len(tensorrt.told) == 3, "the second call found it in the cache"
    monkeypatch.setattr(engine_cache, "tensorrt_version", lambda: "8.6.2")
    other, _ = build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")
    assert other != engine and len(tensorrt.told) == 6


def test_a_model_that_tensorrt_cannot_read(machine, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", FakeTensorRt(parses=False))
    model = write_model(tmp_path / "tiny.onnx")
    with pytest.raises(ModelError, match=r"TensorRT 10\.3\.0 cannot read it: no importer for op Frobnicate"):
        build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.engine")), "no half-written engine"


def engine_file(tmp_path, **key: str):
    path = tmp_path / "tiny_tensorrt_fp16.engine"
    path.write_bytes(b"engine")
    stored = {"gpu": "NVIDIA Orin (nvgpu)", "tensorrt": "10.3.0", "model_sha256": "ab", "precision": "fp16"}
    save_spec(
        spec(path.stem, precision="fp16", sha256=sha256_of(path), notes={"engine": stored | key}),
        sidecar_path(path),
    )
    return path


def runtime_class():
    sys.modules.pop("deploy.runtimes.tensorrt_runtime", None)
    from deploy.runtimes.tensorrt_runtime import TensorRtRuntime

    return TensorRtRuntime


@pytest.fixture(autouse=True)
def forget_the_runtime():
    yield
    sys.modules.pop("deploy.runtimes.tensorrt_runtime", None)


def test_an_engine_of_another_gpu_is_refused_before_it_is_loaded(tensorrt, tmp_path):
    path = engine_file(tmp_path, gpu="NVIDIA H200")
    with pytest.raises(ModelError, match=r"gpu is NVIDIA Orin \(nvgpu\), the engine's is NVIDIA H200"):
        runtime_class()(path)


def test_an_engine_that_does_not_load_or_is_no_gaze_model(machine, tmp_path, monkeypatch):
    path = engine_file(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorrt", FakeTensorRt(loads=False))
    with pytest.raises(ModelError, match="cannot load this engine; build it again"):
        runtime_class()(path)
    monkeypatch.setitem(sys.modules, "tensorrt", FakeTensorRt())
    with pytest.raises(ModelError, match="not a gaze model"):
        runtime_class()(path)


def test_the_key_of_a_cached_engine_is_written_beside_it(tensorrt, tmp_path):
    model = write_model(tmp_path / "tiny.onnx")
    engine, key = build_engine(model, load_model_spec(model), "fp32", tmp_path / "cache")
    stored = json.loads((engine.parent / "key.json").read_text())
    assert EngineKey(**stored) == key and stored["model_sha256"] == sha256_of(model)


@pytest.mark.parametrize(
    "beside",
    ['{"gpu": "NVIDIA H200"}', "FOREIGN", None, '{"gpu": '],
    ids=["part", "foreign", "none", "damaged"],
)
def test_an_engine_in_the_cache_that_was_not_built_here_is_built_anew(tensorrt, tmp_path, beside):
    model = write_model(tmp_path / "tiny.onnx")
    spec_of_model, cache = load_model_spec(model), tmp_path / "cache"
    engine, key = build_engine(model, spec_of_model, "fp16", cache)
    key_file = engine.parent / "key.json"
    engine.write_bytes(b"of another machine")
    assert build_engine(model, spec_of_model, "fp16", cache)[0].read_bytes() == b"of another machine"
    if beside is None:
        key_file.unlink()
    elif beside == "FOREIGN":
        key_file.write_text(json.dumps(dataclasses.asdict(key) | {"tensorrt": "8.6.2"}))
    else:
        key_file.write_text(beside)
    assert build_engine(model, spec_of_model, "fp16", cache) == (engine, key)
    assert engine.read_bytes() == b"engine" and EngineKey(**json.loads(key_file.read_text())) == key


def test_a_build_that_fails_leaves_no_key_beside_a_foreign_engine(machine, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", FakeTensorRt(parses=False))
    model = write_model(tmp_path / "tiny.onnx")
    key = EngineKey.of_this_machine(load_model_spec(model).sha256, "fp16")
    foreign = engine_cache.prepared_cache(key, tmp_path / "cache") / "tiny.engine"
    foreign.write_bytes(b"of another machine")
    for _ in range(2):
        with pytest.raises(ModelError, match="cannot read it"):
            build_engine(model, load_model_spec(model), "fp16", tmp_path / "cache")
    assert not (foreign.parent / "key.json").exists()
