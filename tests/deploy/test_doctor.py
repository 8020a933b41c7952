import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fixed_model import write_fixed_model
from tiny_models import tiny_graph, write_model

from deploy import doctor, doctor_checks
from deploy.doctor_checks import BAD, GOOD, NOTE, Check
from deploy.machine import counted_cores
from gaze import model_spec
from gaze.errors import ModelError, RuntimeUnavailableError, SourceError
from gaze.model_spec import sha256_of

ROOT = Path(__file__).resolve().parents[2]


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
def test_for_people(model):
    """In a process of its own, as MediaPipe tells its noise once in each."""
    command = [sys.executable, "-m", "gaze.cli", "doctor", "--model", str(model)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "ok    network: " in done.stdout
    assert "mend: " in done.stdout
    assert "the live loop can run" in done.stdout
    assert not re.search("XNNPACK|absl::InitializeLog|Feedback manager", done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="a process ends by no signal there")
def test_a_native_library_that_ends_the_process_costs_no_check_before_it():
    code = """
import os
from deploy import doctor
from deploy.doctor_checks import Check

def check_landmarks():
    os.write(2, b"F0000 check failed: an old processor\\n")
    os.abort()
    yield

doctor.check_models = lambda model: [Check("network", "ok", "as it should be")]
doctor.check_landmarks = check_landmarks
doctor.main([])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGABRT
    assert done.stdout.endswith("ok    network: as it should be\n")
    assert done.stderr.startswith("F0000 check failed: an old processor\n")
    assert "in check_landmarks" in done.stderr


@pytest.mark.parametrize(
    ("runtime", "error", "told", "mend"),
    [
        ("openvino", "OSError('libtbb.so.12: bad ELF')", "libtbb.so.12: bad ELF", "pip install --force"),
        ("openvino", "RuntimeError('of another NumPy')", "of another NumPy", "pip install --force"),
        (
            "onnxruntime",
            "ImportError('libgomp.so.1: cannot open shared object file')",
            "libgomp.so.1: cannot open shared object file",
            "Debian and Ubuntu: sudo apt-get install libgomp1; if it is the package's own",
        ),
    ],
)
def test_an_engine_that_does_not_load_costs_no_other(tmp_path, monkeypatch, runtime, error, told, mend):
    other = "onnxruntime" if runtime == "openvino" else "openvino"
    pytest.importorskip(runtime)
    pytest.importorskip(other)
    broken = tmp_path / "broken" / runtime
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(f"raise {error}\n")
    monkeypatch.syspath_prepend(str(broken.parent))
    monkeypatch.delitem(sys.modules, runtime)
    checks = by_name(doctor_checks.check_runtimes(write_fixed_model(tmp_path / "fixed.onnx")))
    check = checks[f"runtime {runtime}"]
    assert (check.state, check.detail) == (NOTE, f"does not load: {told}")
    assert check.mend.startswith(mend) and f"pip install --force-reinstall {runtime}" in check.mend
    assert checks[f"runtime {other} CPU"].state == GOOD and "runtimes" not in checks


def test_a_torch_that_does_not_load_leaves_a_checkpoint_unread(monkeypatch):
    def create_runtime(*arguments):
        raise OSError("libtorch_cpu.so: file too short")

    monkeypatch.setattr(doctor_checks, "create_runtime", create_runtime)
    checkpoint = model_spec.WEIGHTS_DIR / "gaze_mobilenetv2.pt"
    check = by_name(doctor_checks.check_models(checkpoint))["network"]
    assert (check.state, check.detail) == (BAD, "does not load: libtorch_cpu.so: file too short")
    assert "pip install --force-reinstall 'webcam-gaze[train]'" in check.mend


@pytest.mark.parametrize("error", [ImportError("no protobuf"), TypeError("no protobuf\n\nmore of it")])
def test_a_mediapipe_that_does_not_load_is_a_fault(monkeypatch, error):
    def create_detector(kind):
        raise error

    monkeypatch.setattr(doctor_checks, "create_detector", create_detector)
    checks = by_name(doctor_checks.check_landmarks())
    assert [check.state for check in checks.values()] == [NOTE, BAD]
    for check in checks.values():
        expected = ("does not load: no protobuf", "pip install --force-reinstall mediapipe")
        assert (check.detail, check.mend) == expected


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
