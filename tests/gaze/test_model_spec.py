"""The sidecar of a model: what is written is read back, and what does not fit is refused."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from gaze import model_spec
from gaze.errors import ModelError
from gaze.model_spec import (
    load_model_spec,
    load_spec,
    resolve_model,
    save_spec,
    sha256_of,
    shipped_models,
    sidecar_path,
)
from gaze.types import ModelSpec, NormalizedCamera

SPEC = ModelSpec(
    name="tiny",
    input_size=160,
    normalized_camera=NormalizedCamera(685.7, 600.0, 160),
    outputs=("pitch_yaw_rad", "sigma_rad"),
    parity_deg={"onnxruntime": {"mean": 0.001, "max": 0.01}},
    training_data="rendered",
    licence="Apache-2.0",
    notes={"epochs": 3},
)

SEEN = {"focal_px": 685.7, "distance_mm": 600.0, "size_px": 160}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"weights" * 100)
    save_spec(dataclasses.replace(SPEC, sha256=sha256_of(path)), sidecar_path(path))
    return path


def edit(path, **changes):
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps(content))


def test_round_trip(tmp_path):
    save_spec(SPEC, tmp_path / "tiny.json")
    assert load_spec(tmp_path / "tiny.json") == SPEC


def test_a_good_model_is_accepted(model):
    spec = load_model_spec(model)
    assert spec.sha256 == hashlib.sha256(b"weights" * 100).hexdigest()
    assert spec.input_size == 160


def test_missing_model(tmp_path):
    with pytest.raises(ModelError, match=r"no such model file.*in the package \(gaze_mobilenetv2"):
        load_model_spec(tmp_path / "none.onnx")


def test_a_shipped_model_by_its_name_and_files_before_it(tmp_path, monkeypatch):
    weights = tmp_path / "weights"
    weights.mkdir()
    for name in ("main.onnx", "a_small.onnx"):
        (weights / name).touch()
    monkeypatch.setattr(model_spec, "WEIGHTS_DIR", weights)
    monkeypatch.setattr(model_spec, "DEFAULT_MODEL", weights / "main.onnx")
    monkeypatch.chdir(tmp_path)
    assert shipped_models() == ("main", "a_small")
    assert resolve_model(None) == weights / "main.onnx"
    assert resolve_model("a_small") == weights / "a_small.onnx"
    assert resolve_model("./a_small.onnx") == Path("a_small.onnx")
    assert resolve_model("unknown") == Path("unknown")
    (tmp_path / "a_small").touch()
    assert resolve_model("a_small") == Path("a_small")


def test_truncated_model(model):
    model.write_bytes(model.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"checksum.*truncated or altered"):
        load_model_spec(model)


def test_empty_model(model):
    model.write_bytes(b"")
    with pytest.raises(ModelError, match="is empty"):
        load_model_spec(model)


def test_missing_sidecar(model):
    sidecar_path(model).unlink()
    with pytest.raises(ModelError, match="two files"):
        load_model_spec(model)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"schema": "gaze.mo', "not JSON"),
        ("[]", "not a gaze.model/1"),
        ('{"schema": "gaze.model/2"}', "not a gaze.model/1"),
        ('{"schema": "gaze.model/1"}', "normalized_camera"),
    ],
)
def test_unusable_sidecar(model, text, words):
    sidecar_path(model).write_text(text)
    with pytest.raises(ModelError, match=words):
        load_model_spec(model)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "unknown keys colour"),
        ({"input_size": "large"}, "input_size"),
        ({"input_size": 224}, "input_size 224.*160"),
        ({"normalized_camera": {"focal_px": -1, "distance_mm": 600, "size_px": 160}}, "positive"),
        ({"normalized_camera": {"focal_px": 960}}, "distance_mm"),
        ({"mean": ["a", 0, 0]}, "tiny.json"),
        ({"normalized_camera": None}, "tiny.json"),
        ({"label_space": "sideways"}, "label_space must be"),
        ({"mean": 3}, "tiny.json"),
        ({"mean": [0.5, 0.5]}, "mean"),
        ({"mean": [0.5, 0.5, 0.5]}, r"mean must be .*0\.485.* got \(0\.5, .*run `gaze export` again"),
        ({"std": [1, 1, 1]}, "std must be .*run `gaze export` again"),
        ({"channel_order": "RGB"}, "channel_order must be 'BGR'.*got 'RGB'; run `gaze export` again"),
        ({"input_kind": "float32 NCHW"}, "channel_order must be 'RGB'.*got 'BGR'; run `gaze export` again"),
        ({"input_kind": "int4"}, "input_kind must be one of .*got 'int4'"),
        ({"input_kind": []}, "input_kind must be one of "),
        ({"parity_deg": "x"}, "parity_deg must map"),
        ({"parity_deg": {"onnxruntime:CPU:fp32": 3}}, "parity_deg must map"),
        ({"outputs": []}, "outputs must be names, pitch_yaw_rad among them"),
        ({"outputs": ["pitch_yaw_rad", 3]}, "outputs must be names"),
        ({"sha256": 3.5}, "sha256 must be a text, got 3.5"),
        ({"notes": []}, "notes must be an object"),
        ({"normalized_camera": {**SEEN, "focal_px": 1e9}}, "shows 9.6e-05 mm and no face"),
        ({"normalized_camera": {**SEEN, "distance_mm": True}}, "distance_mm must be positive"),
        ({"input_size": 160.5, "normalized_camera": {**SEEN, "size_px": 160.5}}, "must be a whole number"),
    ],
)
def test_wrong_values_are_named(model, changes, words):
    edit(sidecar_path(model), **changes)
    with pytest.raises(ModelError, match=words):
        load_model_spec(model)
