import json
import shutil

import pytest
from fixed_model import write_fixed_model
from tiny_models import tiny_graph, write_model

from deploy import doctor, doctor_checks
from deploy.doctor_checks import BAD, GOOD, NOTE, Check
from deploy.machine import counted_cores
from gaze import model_spec
from gaze.errors import ModelError, RuntimeUnavailableError, SourceError
from gaze.model_spec import sha256_of


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    return write_fixed_model(tmp_path / "fixed.onnx")


def by_name(checks):
    return {check.name: check for check in checks}


@pytest.mark.usefixtures("landmark_models")
def test_a_working_machine(model, capsys):
    assert doctor.main(["--json", "--model", str(model)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == "gaze.doctor/1"
    assert report["ok"] is True
    assert report["machine"]["packages"]["mediapipe"]
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["runtime onnxruntime CPU"]["state"] == GOOD
    assert checks["network"]["state"] == GOOD
    assert sha256_of(model)[:12] in checks["network"]["detail"]
    assert GOOD in {check["state"] for name, check in checks.items() if name.startswith("landmarks ")}
    # Everything that is not well comes with its mend.
    assert all(check["mend"] for check in report["checks"] if check["state"] != GOOD)


@pytest.mark.usefixtures("landmark_models")
def test_for_people(model, capsys):
    assert doctor.main(["--model", str(model)]) == 0
    text = capsys.readouterr().out
    assert "ok    network: " in text
    assert "mend: " in text
    assert "the live loop can run" in text


def test_every_shipped_network_is_held_against_its_checksum(tmp_path, monkeypatch):
    weights = tmp_path / "weights"
    shutil.copytree(model_spec.WEIGHTS_DIR, weights)
    for module in (model_spec, doctor_checks):
        monkeypatch.setattr(module, "WEIGHTS_DIR", weights)
        monkeypatch.setattr(module, "DEFAULT_MODEL", weights / model_spec.DEFAULT_MODEL.name)
    checks = by_name(doctor_checks.check_models())
    names = {"network", "network gaze_mobilenetv2_112"}
    names |= {"checkpoint gaze_mobilenetv2", "checkpoint gaze_mobilenetv2_112"}
    assert {checks[name].state for name in names} == {GOOD}
    for name in ("gaze_mobilenetv2.pt", "gaze_mobilenetv2_112.onnx"):
        (weights / name).write_bytes((weights / name).read_bytes()[:-1])
    checks = by_name(doctor_checks.check_models())
    assert {name for name in names if checks[name].state == GOOD} == {
        "network",
        "checkpoint gaze_mobilenetv2_112",
    }
    for name in ("network gaze_mobilenetv2_112", "checkpoint gaze_mobilenetv2"):
        assert (checks[name].state, checks[name].mend) == (NOTE, doctor_checks.REINSTALL)
        assert "truncated or altered" in checks[name].detail
    (weights / "gaze_mobilenetv2.onnx").write_bytes(b"")
    check = by_name(doctor_checks.check_models())["network"]
    assert (check.state, check.mend) == (BAD, doctor_checks.REINSTALL)


def test_torch_runs_the_package_network():
    pytest.importorskip("torch")
    check = by_name(doctor_checks.check_runtimes())["runtime torch CPU"]
    assert (check.state, "model gaze_mobilenetv2" in check.detail) == (GOOD, True)


def test_a_torch_that_loads_and_does_not_run_is_told(monkeypatch):
    runtime = pytest.importorskip("deploy.runtimes.torch_runtime").TorchRuntime

    def broken(self, faces):
        raise ModelError("the network is broken")

    monkeypatch.setattr(runtime, "_infer", broken)
    check = by_name(doctor_checks.check_runtimes())["runtime torch CPU"]
    assert (check.state, check.detail) == (NOTE, "the network is broken")
    assert check.mend == "another runtime serves, see --runtime"


def test_a_checkpoint_is_not_held_against_the_sidecar_of_its_export():
    pytest.importorskip("torch")
    checkpoint = model_spec.WEIGHTS_DIR / "gaze_mobilenetv2_112.pt"
    checks = by_name(doctor_checks.check_models(checkpoint))
    assert checks["network"].state == GOOD
    assert sha256_of(checkpoint)[:12] in checks["network"].detail
    assert "runtimes" not in by_name(doctor_checks.check_runtimes(checkpoint))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.onnx", None, "check the path given with --model"),
        ("empty.onnx", b"", "copy it again together with its sidecar"),
        ("alone.onnx", b"weights", "copy it again together with its sidecar"),
        ("none.pt", None, "check the path given with --model"),
        ("empty.pt", b"", "copy it again; torch alone runs it"),
    ],
)
def test_the_mend_of_a_network_of_the_users_own(tmp_path, name, content, words):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    check = by_name(doctor_checks.check_models(path))["network"]
    assert check.state == BAD
    assert words in check.mend and "pip install --force-reinstall" not in check.mend
    checks = by_name(doctor_checks.check_runtimes(path))
    assert checks["runtimes"].state == BAD
    assert not any("another runtime serves" in (check.mend or "") for check in checks.values())


def test_an_opset_that_one_engine_refuses(tmp_path):
    model = write_model(tmp_path / "new.onnx", tiny_graph(opset=99))
    checks = by_name(doctor_checks.check_runtimes(model))
    assert "upgrade onnxruntime" in checks["runtime onnxruntime CPU"].detail
    if "runtime openvino CPU" in checks:
        states = checks["runtime openvino CPU"].state, "runtimes" in checks
        assert states in {(GOOD, False), (NOTE, True)}


def test_a_model_that_was_altered_is_a_fault(model, monkeypatch):
    model.write_bytes(model.read_bytes() + b"x")
    checks = by_name(doctor_checks.check_models(model))
    assert checks["network"].state == BAD
    assert "checksum" in checks["network"].detail
    runtimes = by_name(doctor_checks.check_runtimes(model))
    assert runtimes["runtimes"].state == BAD


def test_a_fault_is_exit_code_1(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda model: [Check("network", BAD, "gone", "install again")])
    assert doctor.main([]) == 1
    text = capsys.readouterr().out
    assert "FAULT network: gone" in text
    assert "mend: install again" in text


@pytest.mark.parametrize("fetched", [True, False])
@pytest.mark.parametrize("mesh", [True, False])
def test_one_of_the_two_landmark_interfaces_is_enough(monkeypatch, tmp_path, mesh, fetched):
    """The absence of the face mesh is a fault only while the file of the other interface is absent too."""
    file = tmp_path / "webcam-gaze" / "face_landmarker.task"
    if fetched:
        file.parent.mkdir()
        file.touch()

    class Detector:
        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            pass

        def detect(self, frame):
            return []

    def create_detector(kind):
        if kind == "mesh" and not mesh:
            raise RuntimeUnavailableError("no face mesh API")
        if kind == "tasks" and not fetched:
            raise ModelError("no such file")
        return Detector()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor_checks, "create_detector", create_detector)
    checks = by_name(doctor_checks.check_landmarks())
    states = {name.removeprefix("landmarks "): check.state for name, check in checks.items()}
    expected = {
        (True, True): {"mesh": GOOD, "tasks": GOOD},
        (True, False): {"mesh": GOOD},
        (False, True): {"mesh": NOTE, "tasks": GOOD},
        (False, False): {"mesh": NOTE, "tasks": BAD},
    }
    assert states == expected[mesh, fetched]
    if BAD in states.values():
        assert checks["landmarks tasks"].mend == "gaze download-models"


def test_a_library_that_landmarks_need_is_no_missing_file(tmp_path, monkeypatch):
    def create_detector(kind):
        raise RuntimeUnavailableError("MediaPipe cannot be loaded (libEGL.so.1: …)")

    monkeypatch.setattr(doctor_checks, "create_detector", create_detector)
    checks = by_name(doctor_checks.check_landmarks())
    assert checks["landmarks tasks"].state == BAD
    assert "apt-get install libegl1 libgles2" in checks["landmarks tasks"].mend


def test_cameras(monkeypatch):
    from deploy.sources.cameras import FoundCamera

    class Capture:
        fps = 30.0

        def __init__(self, image):
            self.image = image

        def read(self):
            return self.image

        def close(self):
            pass

    import numpy as np

    cameras = {0: Capture(np.zeros((480, 640, 3), np.uint8)), 2: Capture(None)}

    def open_camera(index):
        if index not in cameras:
            raise SourceError("busy")
        return cameras[index]

    monkeypatch.setattr(doctor_checks, "open_camera", open_camera)
    monkeypatch.setattr(
        doctor_checks, "first_picture", lambda capture: capture.read()
    )  # the real one waits five seconds for a silent camera
    found = [FoundCamera(index, f"/dev/video{index}", "Cam") for index in (0, 2, 4)]
    monkeypatch.setattr(doctor_checks, "find_cameras", lambda: found)
    checks = list(doctor_checks.check_cameras())
    assert [check.state for check in checks] == [GOOD, NOTE, NOTE]
    assert "delivers 640x480 at 30 frames/s" in checks[0].detail
    assert checks[1].detail == "opens but delivers no picture"
    assert checks[2].detail == "cannot be opened"
    assert "cameras found" in checks[2].mend or "/dev/video4" in checks[2].mend


def test_gstreamer_and_display(monkeypatch):
    monkeypatch.setattr(doctor_checks.shutil, "which", lambda name: None)
    (check,) = doctor_checks.check_gstreamer()
    assert (check.state, "apt-get install" in check.mend) == (NOTE, True)
    monkeypatch.setattr(doctor_checks, "display_problem", lambda: "no display: none")
    (check,) = doctor_checks.check_display()
    assert (check.state, check.detail) == (NOTE, "no display: none")


def test_two_opencv_wheels_are_a_fault(monkeypatch):
    class Distribution:
        def __init__(self, name):
            self.metadata = {"Name": name}

    both = [Distribution("opencv-python"), Distribution("opencv-contrib-python"), Distribution("numpy")]
    monkeypatch.setattr(doctor_checks.metadata, "distributions", lambda: both)
    check = by_name(doctor_checks.check_packages())["opencv wheels"]
    assert check.state == BAD
    assert "pip uninstall -y opencv-python opencv-contrib-python" in check.mend


def test_cores_are_counted_in_words():
    assert counted_cores({"cores": 1}) == "1 core"
    assert counted_cores({"cores": 4}) == "4 cores"
