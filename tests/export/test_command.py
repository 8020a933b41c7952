"""`gaze export` from end to end on a small network."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from smooth_pictures import smooth_faces  # noqa: E402

from deploy.runtimes import create_runtime, is_installed  # noqa: E402
from export import command, devices, parity  # noqa: E402
from export.command import main, settled_spec  # noqa: E402
from export.to_onnx import OPSET  # noqa: E402
from gaze.cli import main as gaze  # noqa: E402
from gaze.errors import DataError, GazeError, ModelError, RuntimeUnavailableError, UsageError  # noqa: E402
from gaze.geometry import angular_error_deg  # noqa: E402
from gaze.model_spec import WEIGHTS_DIR, load_model_spec, load_spec  # noqa: E402
from gaze.network import IMAGENET_MEAN, IMAGENET_STD  # noqa: E402
from gaze.network_checkpoint import load_checkpoint  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
ENGINES = {
    "small.onnx": "onnxruntime",
    "small_fp16.onnx": "onnxruntime",
    "small_openvino_fp16.xml": "openvino",
}


def by_hand(checkpoint, faces):
    """Angles of the network, its preprocessing written out with cv2 and numpy alone."""
    net, _ = load_checkpoint(checkpoint)
    rgb = np.stack([cv2.cvtColor(face, cv2.COLOR_BGR2RGB) for face in faces]).astype(np.float64) / 255.0
    pictures = ((rgb - IMAGENET_MEAN) / IMAGENET_STD).transpose(0, 3, 1, 2).astype(np.float32)
    with torch.no_grad():
        answers = net.eval().all_answers(torch.from_numpy(pictures))
    return answers.pitch_yaw.numpy(), np.exp(answers.log_sigma.numpy()), answers.weight_map.numpy()


@pytest.mark.parametrize("name", ENGINES)
def test_each_model_gives_the_networks_angles(checkpoint, exported, name):
    faces = smooth_faces(64, 9, seed=11).faces
    angles, sigma, weight_map = by_hand(checkpoint, faces)
    assert angles.std(axis=0).min() > 1e-3, "a network that says one thing for all faces tests nothing"
    with create_runtime(exported / name, ENGINES[name]) as runtime:
        given = runtime.predict(faces)
    if "fp16" in name:
        for axis in range(2):
            assert np.corrcoef(given.pitch_yaw_rad[:, axis], angles[:, axis])[0, 1] > 0.95
        np.testing.assert_allclose(given.sigma_rad, sigma, rtol=0.05)
        np.testing.assert_allclose(given.weight_map, weight_map, rtol=0.05)
    else:
        assert angular_error_deg(given.pitch_yaw_rad, angles).max() < 0.01
        np.testing.assert_allclose(given.sigma_rad, sigma, rtol=1e-4)
        np.testing.assert_allclose(given.weight_map, weight_map, rtol=1e-4)


@pytest.mark.parametrize(("kind", "size"), [("eyes", 128), ("landmarks", 64)])
def test_a_network_that_looks_at_the_eyes_apart_or_finds_landmarks(
    request, tmp_path, monkeypatch, kind, size
):
    checkpoint = request.getfixturevalue(f"checkpoint_with_{kind}")
    # A random network amplifies rounding as no trained one does.
    for precision in ("fp16", "bf16"):
        monkeypatch.setitem(parity.MAX_DEG, precision, 20.0)
    faces = smooth_faces(size, 9, seed=11).faces
    argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--formats", "onnx"]
    assert main(argv) == 0
    angles, sigma, weight_map = by_hand(checkpoint, faces)
    for engine in ("onnxruntime", "openvino"):
        with create_runtime(tmp_path / f"{kind}.onnx", engine, precision="fp32") as runtime:
            given = runtime.predict(faces)
        assert angular_error_deg(given.pitch_yaw_rad, angles).max() < 0.01, engine
        np.testing.assert_allclose(given.sigma_rad, sigma, rtol=1e-4)
        np.testing.assert_allclose(given.weight_map, weight_map, rtol=1e-4)


def test_swapped_channels_would_show(checkpoint, exported):
    faces = smooth_faces(64, 9, seed=11).faces
    angles, _, _ = by_hand(checkpoint, faces[..., ::-1])
    with create_runtime(exported / "small.onnx", "onnxruntime") as runtime:
        given = runtime.predict(faces).pitch_yaw_rad
    assert angular_error_deg(given, angles).mean() > 0.05


def test_the_graph_is_dynamic_and_of_the_chosen_opset(exported):
    model = onnx.load(exported / "small.onnx")
    assert [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")] == [OPSET]
    (faces,) = model.graph.input
    shape = [item.dim_param or item.dim_value for item in faces.type.tensor_type.shape.dim]
    assert (faces.name, shape) == ("faces", ["n", 64, 64, 3])
    assert faces.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [item.name for item in model.graph.output] == ["pitch_yaw_rad", "sigma_rad", "weight_map"]
    # TensorRT takes uint8 into a network, but into no step other than the cast.
    users = [node.op_type for node in model.graph.node if "faces" in node.input]
    assert users == ["Cast"]
    facts = {item.key: item.value for item in model.metadata_props}
    assert facts["input"] == "uint8 BGR N,S,S,3" and facts["licence"] == "Apache-2.0"


def test_the_float_variant_runs_by_what_its_sidecar_and_its_metadata_say(checkpoint, exported):
    """Nothing here knows the preprocessing: order, layout, mean and deviation are read from the files."""
    import onnxruntime

    path = exported / "small_float_input.onnx"
    faces_bgr = smooth_faces(64, 9, seed=11).faces
    expected, _, _ = by_hand(checkpoint, faces_bgr)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    stated = facts | {key: json.loads(facts[key]) for key in ("mean", "std")}
    stated["input"] = json.loads(facts["input_values"])
    assert facts["input"] == "float RGB N,3,S,S"
    for told in (stated, sidecar | {"input": sidecar["notes"]["input"]}):
        kind, layout = told["input_kind"].split()
        pictures = np.stack([faces_bgr[..., "BGR".index(each)] for each in told["channel_order"]], axis=-1)
        pictures = (pictures / 255.0 - told["mean"]) / told["std"]
        assert (pictures >= np.array(told["input"]["smallest"]) - 1e-4).all()
        assert (pictures <= np.array(told["input"]["largest"]) + 1e-4).all()
        pictures = pictures.transpose(["NHWC".index(axis) for axis in layout]).astype(kind)
        assert list(pictures.shape[1:]) == told["input"]["shape"][1:]
        (angles,) = session.run(["pitch_yaw_rad"], {told["input"]["name"]: pictures})
        assert angular_error_deg(angles, expected).max() < 0.01


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_the_float_variant_is_refused_by_the_runtimes_here(exported, engine):
    if not is_installed(engine):
        pytest.skip(f"{engine} is not here")
    with pytest.raises(ModelError, match=r"variant for other tools.*without _float_input in its name"):
        create_runtime(exported / "small_float_input.onnx", engine)


def test_dropout_is_off_and_every_call_gives_the_same(exported):
    assert not any(node.op_type == "Dropout" for node in onnx.load(exported / "small.onnx").graph.node)


def test_fp16_takes_half_the_room(exported):
    assert (exported / "small_fp16.onnx").stat().st_size < 0.6 * (exported / "small.onnx").stat().st_size
    assert (exported / "small_openvino_fp16.bin").stat().st_size < 0.6 * (
        exported / "small.onnx"
    ).stat().st_size


def test_the_sidecars_hold_the_parity(exported):
    spec = load_model_spec(exported / "small.onnx")
    assert spec.normalized_camera.focal_px == 280.0 and spec.training_data == "none"
    parity = spec.parity_deg["onnxruntime:CPU:fp32"]
    assert parity["max"] < 0.01 and parity["faces"] == 24
    assert spec.notes["parity_faces"][0].startswith("24 of crops")
    report = json.loads((exported / "parity.json").read_text())
    assert report["models"][0]["file"] == "small.onnx"
    table = (exported / "parity.md").read_text()
    assert "| small.onnx |" in table
    assert "with --model they take one of these, such as small.onnx. Here: auto: " in table


def test_nothing_but_whole_artefacts_is_left(exported):
    names = {path.name for path in exported.iterdir()}
    expected = {"parity.json", "parity.md", "small_float_input.onnx", "small_float_input.json"}
    for name in ENGINES:
        stem = name.rpartition(".")[0]
        expected |= {name, f"{stem}.json"} | ({f"{stem}.bin"} if name.endswith(".xml") else set())
    assert names == expected


def test_real_faces_beside_a_checkout_are_compared_and_do_not_change_the_model(
    checkpoint, tmp_path, monkeypatch, capsys
):
    for index, face in enumerate(smooth_faces(64, 3, seed=5).faces):
        (tmp_path / "real").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "real" / f"{index}.png"), face)
    written = []
    for real in ("real", "none"):
        monkeypatch.setattr(command, "REAL_FACES", tmp_path / real)
        argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / f"dist_{real}")]
        assert main([*argv, "--formats", "onnx-float-input"]) == 0
        written.append((tmp_path / f"dist_{real}" / "small_float_input.onnx").read_bytes())
    assert "320 faces of rendered people in the package, 3 faces of real\n" in capsys.readouterr().out
    assert written[0] == written[1]


def test_real_faces_are_compared_beside_those_that_are_named_and_once(
    checkpoint, tmp_path, monkeypatch, capsys
):
    for folder, count in (("real", 3), ("crops", 4)):
        (tmp_path / folder).mkdir()
        for index, face in enumerate(smooth_faces(64, count, seed=5).faces):
            cv2.imwrite(str(tmp_path / folder / f"{index}.png"), face)
    monkeypatch.setattr(command, "REAL_FACES", tmp_path / "real")
    argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "dist"), "--formats", "onnx-float-input"]
    for given, compared in (
        (["crops"], "4 faces of crops, 3 faces of real"),
        (["crops/../real"], "3 faces of real"),
        (["real", "crops"], "3 faces of real, 4 faces of crops"),
    ):
        assert main([*argv, "--faces", *(str(tmp_path / name) for name in given)]) == 0
        assert f"compared on: {compared}\n" in capsys.readouterr().out
        spec = load_model_spec(tmp_path / "dist" / "small_float_input.onnx")
        assert ", ".join(spec.notes["parity_faces"]) == compared.replace("faces ", "")


def test_an_artefact_that_differs_is_not_kept(checkpoint, tmp_path, monkeypatch, capsys):
    from export import parity

    monkeypatch.setitem(parity.MAX_DEG, "fp32", 0.0)
    with pytest.raises(ModelError, match=r"small\.onnx was not kept.*maximum"):
        main(["--checkpoint", str(checkpoint), "--out", str(tmp_path / "dist"), "--formats", "onnx"])
    assert list((tmp_path / "dist").iterdir()) == []
    said = capsys.readouterr().out
    assert "320 faces of rendered people in the package" in said


def test_an_artefact_that_differs_leaves_an_earlier_one_and_says_so(checkpoint, tmp_path, monkeypatch):
    from export import parity

    earlier = tmp_path / "small_fp16.onnx"
    earlier.write_bytes(b"earlier")
    monkeypatch.setitem(parity.MAX_DEG, "fp16", 0.0)
    with pytest.raises(
        ModelError, match=r"small_fp16\.onnx was not kept.*small_fp16\.onnx is of an earlier export"
    ):
        main(["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--formats", "onnx-fp16"])
    assert earlier.read_bytes() == b"earlier"
    assert "| small.onnx |" in (tmp_path / "parity.md").read_text(encoding="utf-8")


def test_what_is_done_has_its_table_when_the_next_kind_cannot_be_made(checkpoint, tmp_path):
    if is_installed("tensorrt"):
        pytest.skip("TensorRT is here")
    with pytest.raises(GazeError, match="trtexec"):
        main(["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--formats", "tensorrt-fp16"])
    assert "| small.onnx |" in (tmp_path / "parity.md").read_text(encoding="utf-8")


def test_a_folder_in_the_way(checkpoint, tmp_path):
    (tmp_path / "small.onnx" / "within").mkdir(parents=True)
    with pytest.raises(GazeError, match=r"small\.onnx: .* \(Is a directory\); remove that folder"):
        main(["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--formats", "onnx"])


def test_faces_without_labels_are_not_the_only_judges_of_a_calibrated_model(checkpoint, tmp_path, capsys):
    crops = tmp_path / "crops"
    crops.mkdir()
    for index, face in enumerate(smooth_faces(64, 10).faces):
        cv2.imwrite(str(crops / f"{index}.png"), face)
    argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "dist"), "--faces", str(crops)]
    with contextlib.suppress(ModelError):  # a random network breaks the bounds of coarse precisions
        main([*argv, "--calibration", str(crops), "--formats", "onnx-int8"])
    said = capsys.readouterr().out
    assert (
        "compared on: 10 faces of crops, 2 faces of crops, 320 faces of rendered people in the package"
        in said
    )


def test_a_coarse_engine_does_not_cost_the_artefact(checkpoint, tmp_path, monkeypatch, capsys):
    from export import parity
    from export.pipeline import openvino_precisions

    if "bf16" not in openvino_precisions():
        pytest.skip("OpenVINO does not calculate in bf16 here")
    monkeypatch.setitem(parity.MAX_DEG, "bf16", 0.0)
    assert main(["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--formats", "onnx"]) == 0
    assert "do not run small.onnx on openvino:CPU:bf16: maximum" in capsys.readouterr().out
    spec = load_model_spec(tmp_path / "small.onnx")
    assert "openvino:CPU:bf16" not in spec.parity_deg and "onnxruntime:CPU:fp32" in spec.parity_deg


def test_wrong_use(checkpoint, tmp_path):
    base = ["--checkpoint", str(checkpoint), "--out", str(tmp_path)]
    with pytest.raises(UsageError, match="no format 'tflite'"):
        main([*base, "--formats", "tflite"])
    with pytest.raises(SystemExit) as ended:
        main([*base, "--calibration-faces", "0"])
    assert ended.value.code == 2
    with pytest.raises(UsageError, match="--devices TPU: no such device; choose from CPU, CUDA"):
        main([*base, "--devices", "cpu", "tpu"])
    for name in ("a/b", "/tmp/a", "..", ".a"):
        with pytest.raises(UsageError, match=r"is no name of a file; give the folder with --out"):
            main([*base, "--name", name])
    other = tmp_path / "emptyfile"
    other.touch()
    with pytest.raises(UsageError, match=r"emptyfile: a checkpoint ends in \.pt or \.pth; give") as caught:
        main(["--checkpoint", str(other), "--out", str(tmp_path)])
    assert "--runtime" not in str(caught.value), "export has no such option"


@pytest.mark.parametrize(
    ("device", "says"), [("CUDA", "has no CUDAExecutionProvider"), ("NPU", "finds no device NPU here")]
)
def test_a_device_that_is_not_here_is_told_before_anything_is_made(checkpoint, tmp_path, device, says):
    import onnxruntime
    import openvino

    here = [*onnxruntime.get_available_providers(), *openvino.Core().available_devices]
    if device in here or f"{device}ExecutionProvider" in here:
        pytest.skip(f"this machine has {device}")
    argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "dist"), "--formats", "onnx"]
    with pytest.raises(RuntimeUnavailableError, match=says):
        main([*argv, "--devices", "CPU", device])
    assert not (tmp_path / "dist").exists()


def test_an_engine_that_is_not_here_is_told_before_anything_is_made(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "is_installed", lambda runtime: runtime != "openvino")
    argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "dist"), "--formats", "onnx"]
    with pytest.raises(
        RuntimeUnavailableError, match=r"--devices GPU\.1: the package openvino, .* is not installed"
    ):
        main([*argv, "--devices", "cpu", "gpu.1"])
    assert not (tmp_path / "dist").exists()


def test_what_no_device_asked_for_would_run_is_not_made(checkpoint, tmp_path):
    argv = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "dist"), "--formats", "openvino-fp32"]
    with pytest.raises(UsageError, match="--devices TENSORRT: nothing runs openvino-fp32 there"):
        main([*argv, "--devices", "tensorrt"])
    assert not (tmp_path / "dist").exists()


def test_the_models_are_used_as_the_checkpoint_is_unless_asked_otherwise():
    shipped = load_spec(WEIGHTS_DIR / "gaze_mobilenetv2.json")
    assert settled_spec(shipped, None, None) == shipped
    asked = settled_spec(shipped, 130.0, False)
    assert asked.normalized_camera.view_mm == pytest.approx(130.0) and not asked.average_mirror


def test_an_empty_calibration_set(checkpoint, tmp_path, capsys):
    (tmp_path / "none").mkdir()
    argv = [
        "--checkpoint",
        str(checkpoint),
        "--out",
        str(tmp_path / "o"),
        "--calibration",
        str(tmp_path / "none"),
    ]
    with pytest.raises(DataError, match="holds no face"):
        main(argv)
    assert gaze(["export", *argv]) == 1
    assert "holds no face" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_missing_and_a_truncated_checkpoint(checkpoint, tmp_path):
    with pytest.raises(ModelError, match="no such checkpoint"):
        main(["--checkpoint", str(tmp_path / "none.pt"), "--out", str(tmp_path / "o")])
    (tmp_path / "cut.pt").write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"cut\.pt"):
        main(["--checkpoint", str(tmp_path / "cut.pt"), "--out", str(tmp_path / "o")])
    assert not (tmp_path / "o").exists()


def test_sigterm_leaves_nothing_half_written(checkpoint, tmp_path):
    out = tmp_path / "dist"
    command = [sys.executable, "-m", "gaze.cli", "export", "--checkpoint", str(checkpoint), "--out", str(out)]
    export = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while not list(out.glob(".export-*/*")):
        assert export.poll() is None, "it ended before it wrote anything"
        time.sleep(0.01)
    export.terminate()
    assert export.wait(timeout=60) == 143
    assert [path.name for path in out.iterdir() if path.suffix not in (".onnx", ".json")] == []
    assert {path.stem for path in out.glob("*.onnx")} == {path.stem for path in out.glob("*.json")}


def test_an_output_folder_that_cannot_be_made(checkpoint, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GazeError, match=r"cannot be written.*--out"):
        main(["--checkpoint", str(checkpoint), "--out", str(tmp_path / "file"), "--formats", "onnx"])


def test_a_model_is_shown_what_the_option_says(checkpoint, tmp_path, capsys):
    options = ["--checkpoint", str(checkpoint), "--out", str(tmp_path), "--formats", "onnx"]
    with contextlib.suppress(ModelError):  # a random network breaks the bounds of coarse precisions
        main([*options, "--view-mm", "120", "--no-average-mirror"])
    spec = load_model_spec(next(tmp_path.glob("*.onnx")))
    assert not spec.average_mirror
    camera = spec.normalized_camera
    assert camera.view_mm == pytest.approx(120.0)
    assert (camera.size_px, camera.distance_mm) == (64, 600.0)
    with pytest.raises(SystemExit) as ended:
        main([*options, "--view-mm", "10"])
    assert ended.value.code == 2
    assert "--view-mm: '10' must be a number of mm from 80 to 250" in capsys.readouterr().err
