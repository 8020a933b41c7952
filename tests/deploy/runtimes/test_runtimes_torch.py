"""The torch runtime: a checkpoint's angles, what it says of itself, and what it cannot do."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from deploy.runtimes import create_runtime  # noqa: E402
from deploy.runtimes.torch_runtime import TorchRuntime, output_names, outputs_of  # noqa: E402
from export.bundled_faces import bundled_faces  # noqa: E402
from gaze import model_spec  # noqa: E402
from gaze.errors import ModelError, RuntimeUnavailableError, UsageError  # noqa: E402
from gaze.geometry import angular_error_deg  # noqa: E402
from gaze.model_spec import (  # noqa: E402
    DEFAULT_MODEL,
    WEIGHTS_DIR,
    load_model_spec,
    load_spec,
    save_spec,
    shipped_models,
)
from gaze.network import FacePreprocess, GazeNet  # noqa: E402
from gaze.network_checkpoint import save_checkpoint  # noqa: E402


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    net = GazeNet(input_size=64, width=0.25, predict_sigma=True)
    path = tmp_path_factory.mktemp("checkpoint") / "small.pt"
    save_checkpoint(path, net, {"licence": "Apache-2.0"})
    return path


def test_angles_sigma_and_map_are_the_networks(checkpoint):
    faces = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    with create_runtime(checkpoint, precision="fp32") as runtime:
        assert runtime.description.startswith("auto: torch on CPU, fp32")
        given = runtime.predict(faces)
        with torch.no_grad():
            wanted = runtime.net.all_answers(FacePreprocess()(torch.from_numpy(faces)))
    np.testing.assert_allclose(given.pitch_yaw_rad, wanted.pitch_yaw.numpy(), atol=1e-7)
    np.testing.assert_allclose(given.sigma_rad, np.exp(wanted.log_sigma.numpy()), rtol=1e-6)
    assert given.weight_map.shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"predict_sigma": True}, ("pitch_yaw_rad", "sigma_rad", "weight_map")),
        ({}, ("pitch_yaw_rad", "weight_map")),
        ({"predict_sigma": True, "spatial_weights": False}, ("pitch_yaw_rad", "sigma_rad")),
        ({"spatial_weights": False}, ("pitch_yaw_rad",)),
        ({"landmarks": True}, ("pitch_yaw_rad", "weight_map")),
    ],
)
def test_outputs_are_named_in_the_order_in_which_they_come(options, names):
    net = GazeNet(input_size=64, width=0.25, **options).eval()
    assert output_names(net) == names
    assert tuple(outputs_of(net.all_answers(torch.zeros(1, 3, 64, 64)))) == names


def test_bf16_is_near(checkpoint):
    faces = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    with TorchRuntime(checkpoint) as exact, TorchRuntime(checkpoint, precision="bf16") as coarse:
        first, second = exact.predict(faces), coarse.predict(faces)
    assert second.pitch_yaw_rad.dtype == np.float32
    assert 0 < np.abs(first.sigma_rad - second.sigma_rad).max() < 0.02


def test_the_camera_is_the_projects_own_unless_the_checkpoint_has_one(checkpoint, tmp_path):
    with TorchRuntime(checkpoint) as runtime:
        camera = runtime.spec.normalized_camera
        # 140 mm are seen: the crop of 960 px over 600 mm at 224 px.
        assert camera.size_px * camera.distance_mm / camera.focal_px == pytest.approx(140.0)
        assert runtime.spec.licence == "Apache-2.0"
    wrong = {"normalized_camera": {"focal_px": 480.0, "distance_mm": 600.0, "size_px": 112}}
    save_checkpoint(tmp_path / "wrong.pt", GazeNet(input_size=64, width=0.25), wrong)
    with pytest.raises(ModelError, match="takes 64 px, its normalised camera gives 112 px"):
        TorchRuntime(tmp_path / "wrong.pt")


def test_wrong_use(checkpoint, tmp_path):
    with pytest.raises(UsageError, match="no device 'TPU'"):
        TorchRuntime(checkpoint, device="TPU")
    with pytest.raises(UsageError, match="int8"):
        TorchRuntime(checkpoint, precision="int8")
    with pytest.raises(UsageError, match="runs checkpoints"):
        TorchRuntime(tmp_path / "x.onnx")
    with pytest.raises(RuntimeUnavailableError, match="fp16 on CUDA only"):
        TorchRuntime(checkpoint, precision="fp16")
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeUnavailableError, match="no CUDA device"):
            TorchRuntime(checkpoint, device="CUDA")


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_network_by_name_answers_as_its_export(name):
    with create_runtime(name, "torch") as runtime, create_runtime(name, "onnxruntime") as exported:
        faces = bundled_faces(runtime.spec.normalized_camera).faces[:8]
        assert runtime.spec == exported.spec
        assert runtime.name == "torch:CPU:fp32" and name in runtime.description
        first, second = runtime.predict(faces), exported.predict(faces)
    assert angular_error_deg(first.pitch_yaw_rad, second.pitch_yaw_rad).max() < 0.01
    np.testing.assert_allclose(first.sigma_rad, second.sigma_rad, rtol=1e-3)


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_checkpoint_by_path_sees_what_its_export_sees(name):
    shipped = load_spec(WEIGHTS_DIR / f"{name}.json")
    with create_runtime(WEIGHTS_DIR / f"{name}.pt") as runtime:
        assert runtime.spec.normalized_camera == shipped.normalized_camera
        assert runtime.spec.average_mirror == shipped.average_mirror
        # A calibration with it is one with this file, not with the export.
        assert runtime.spec.sha256 == shipped.notes["sha256_checkpoint"]


def test_a_checkpoint_is_used_as_the_sidecar_beside_it_says(checkpoint, tmp_path, caplog):
    path = tmp_path / "net.pt"
    shutil.copyfile(checkpoint, path)
    with create_runtime(path) as runtime:
        alone = runtime.spec
    assert alone.normalized_camera.view_mm == pytest.approx(140.0) and alone.average_mirror
    narrow = dataclasses.replace(alone.normalized_camera, focal_px=2 * alone.normalized_camera.focal_px)
    beside = dataclasses.replace(alone, normalized_camera=narrow, average_mirror=False, licence="its own")
    save_spec(beside, path.with_suffix(".json"))
    with create_runtime(path) as runtime:
        assert runtime.spec == dataclasses.replace(alone, normalized_camera=narrow, average_mirror=False)
    # One that was written for another checkpoint holds too, and it is said.
    assert not caplog.records
    save_spec(dataclasses.replace(beside, notes={"sha256_checkpoint": "0" * 64}), path.with_suffix(".json"))
    with create_runtime(path) as runtime:
        assert runtime.spec.normalized_camera == narrow
    (record,) = caplog.records
    assert "net.json was written for another checkpoint than net.pt" in record.getMessage()
    assert "its view of 70 mm" in record.getMessage()
    # One of another input size is of another network.
    save_spec(load_spec(WEIGHTS_DIR / "gaze_mobilenetv2_112.json"), path.with_suffix(".json"))
    with create_runtime(path) as runtime:
        assert runtime.spec == alone
    path.with_suffix(".json").write_text("{")
    with pytest.raises(ModelError, match=r"net\.json: is not JSON"):
        create_runtime(path)


def test_the_default_network_runs_on_torch():
    with create_runtime(runtime="torch") as runtime:
        assert runtime.threads_used == torch.get_num_threads()
        assert runtime.spec == load_model_spec(DEFAULT_MODEL)


def test_a_shipped_checkpoint_that_is_altered_or_gone(tmp_path, monkeypatch):
    weights = tmp_path / "weights"
    weights.mkdir()
    for suffix in (".onnx", ".json", ".pt"):
        shutil.copyfile(DEFAULT_MODEL.with_suffix(suffix), weights / f"{DEFAULT_MODEL.stem}{suffix}")
    monkeypatch.setattr(model_spec, "WEIGHTS_DIR", weights)
    monkeypatch.setattr(model_spec, "DEFAULT_MODEL", weights / DEFAULT_MODEL.name)
    checkpoint = weights / f"{DEFAULT_MODEL.stem}.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"\.pt: checksum.*truncated or altered: install again"):
        create_runtime(runtime="torch")
    checkpoint.unlink()
    with pytest.raises(ModelError, match=r"\.pt: no such checkpoint; install again"):
        create_runtime(runtime="torch")
