"""The cache of compiled engines: named by what an engine is tied to, refused when any of it differs."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest
from tiny_models import write_model

from deploy.runtimes import engine_cache
from deploy.runtimes.engine_cache import (
    EngineKey,
    cache_root,
    check_key,
    is_of_key,
    prepared_cache,
    write_key,
)
from gaze.errors import ModelError, RuntimeUnavailableError

KEY = EngineKey("NVIDIA Orin (nvgpu)", "8.6.2.3", "ab" * 32, "fp16")


def test_any_difference_gives_another_folder(tmp_path):
    changes = (
        {"gpu": "NVIDIA H200"},
        {"tensorrt": "10.3.0"},
        {"model_sha256": "cd" * 32},
        {"precision": "fp32"},
    )
    folders = {prepared_cache(dataclasses.replace(KEY, **change), tmp_path) for change in ({}, *changes)}
    assert len(folders) == 5
    mine = prepared_cache(KEY, tmp_path)
    assert mine.name == "nvidia-orin-nvgpu_trt-8.6.2.3_fp16_abababababababab"
    # onnxruntime's provider keeps its engines there too, and they have no key of ours.
    assert not list(mine.iterdir()) and not is_of_key(mine, KEY)
    write_key(mine, KEY)
    assert json.loads((mine / "key.json").read_text())["gpu"] == "NVIDIA Orin (nvgpu)"
    assert is_of_key(mine, KEY) and not is_of_key(mine, dataclasses.replace(KEY, precision="fp32"))


@pytest.mark.parametrize(
    "change", [{"gpu": "NVIDIA H200"}, {"tensorrt": "10.3.0"}, {"model_sha256": "cd" * 32}]
)
def test_an_engine_from_elsewhere_is_refused(tmp_path, change):
    stored = dataclasses.asdict(dataclasses.replace(KEY, **change))
    name, value = next(iter(change.items()))
    mend = "run `gaze export --formats tensorrt-fp16` here"
    with pytest.raises(ModelError, match=rf"elsewhere: {name} is .*the engine's is {value}.*{mend}"):
        check_key(stored, KEY, tmp_path / "x.engine")
    check_key(dataclasses.asdict(KEY), KEY, tmp_path / "x.engine")


def test_where_the_cache_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("GAZE_CACHE_DIR", raising=False)
    assert cache_root() == tmp_path / "xdg" / "webcam-gaze"
    monkeypatch.setenv("GAZE_CACHE_DIR", str(tmp_path / "named"))
    assert cache_root() == tmp_path / "named"
    assert cache_root(tmp_path / "given") == tmp_path / "given"


def test_the_page_for_users_names_the_setting_and_what_is_not_kept(tmp_path, monkeypatch):
    page = Path(__file__).resolve().parents[3] / "docs" / "usage.md"
    assert engine_cache.VARIABLE in page.read_text(encoding="utf-8")
    runtime = pytest.importorskip("deploy.runtimes.openvino_runtime").OpenVinoRuntime
    monkeypatch.setenv(engine_cache.VARIABLE, str(tmp_path / "cache"))
    with runtime(write_model(tmp_path / "tiny.onnx")):
        assert not (tmp_path / "cache").exists()


def test_no_permission_names_the_setting(tmp_path):
    (tmp_path / "tensorrt").write_text("a file, not a folder")
    with pytest.raises(RuntimeUnavailableError, match="GAZE_CACHE_DIR"):
        prepared_cache(KEY, tmp_path)


def test_the_gpu_is_named_by_nvidia_smi(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "NVIDIA H200"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert engine_cache.gpu_name() == "NVIDIA H200"


def test_no_gpu_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(engine_cache.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeUnavailableError, match="no NVIDIA GPU"):
        engine_cache.gpu_name()
