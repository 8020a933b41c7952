"""The single checks of `gaze doctor`: each tries the thing itself and says how to fix it."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from deploy.display.window import display_problem
from deploy.machine import installed_packages
from deploy.runtimes import create_runtime
from deploy.runtimes.base import first_line
from deploy.runtimes.engines import CHECKPOINTS, ENGINE_FILES, RUNTIMES, is_installed, runtimes_of
from deploy.sources.cameras import find_cameras, why_no_camera
from deploy.sources.captures import first_picture, open_camera
from gaze.errors import GazeError, RuntimeUnavailableError
from gaze.landmark_model import SHA256, model_path
from gaze.landmarks import LIBRARIES_MEND, create_detector
from gaze.model_spec import (
    DEFAULT_MODEL,
    WEIGHTS_DIR,
    checkpoint_beside,
    is_shipped,
    load_model_spec,
    resolve_model,
    sha256_of,
    shipped_models,
)
from gaze.system_libraries import missing_library
from gaze.types import Frame

GOOD, NOTE, BAD = "ok", "note", "fault"
REINSTALL = "install again: `pip install --force-reinstall .`"
# What a library raises that is broken, lacks another one, or is too old or too new for it.
LOADING_ERRORS = (ImportError, OSError, RuntimeError, ValueError, TypeError, AttributeError)
_WINDOW_PROBE = (
    "import cv2, numpy; cv2.namedWindow('probe'); cv2.imshow('probe', numpy.zeros((8, 8, 3), 'uint8')); "
    "cv2.waitKey(50); cv2.destroyAllWindows()"
)


@dataclass(frozen=True, slots=True)
class Check:
    """What was tried. ``state``: ok; note (works without it); fault (the loop cannot run)."""

    name: str
    state: str
    detail: str
    mend: str | None = None


def check_packages() -> Iterator[Check]:
    """Python and the packages of the live loop."""
    yield Check("python", GOOD, ".".join(map(str, sys.version_info[:3])))
    packages = installed_packages()
    yield Check("packages", GOOD, ", ".join(f"{name} {number}" for name, number in packages.items()))
    wheels = []
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower()
        if name.startswith("opencv-") and name not in wheels:
            wheels.append(name)
    if len(wheels) > 1:
        mend = f"pip uninstall -y {' '.join(wheels)}; pip install --force-reinstall opencv-contrib-python"
        yield Check("opencv wheels", BAD, f"{', '.join(sorted(wheels))} overwrite each other", mend)


def check_models(model: Path | None = None) -> Iterator[Check]:
    """The network that is to run against its checksum, and MediaPipe's Tasks file.

    Where it is one of the package's, so are the others there, and their checkpoints.
    """
    path = resolve_model(model)
    yield _check_network("network", path)
    if is_shipped(path):
        for other in map(resolve_model, shipped_models()):
            if other != path:
                yield _check_network(f"network {other.stem}", other, needed=False)
            yield _check_checkpoint_beside(other)
    task = model_path()
    if not task.is_file():
        detail = "absent; --landmarks tasks needs it"
        yield Check("face_landmarker.task", NOTE, detail, "gaze download-models")
    elif sha256_of(task) != SHA256:
        yield Check("face_landmarker.task", NOTE, f"{task}: wrong checksum", "gaze download-models")
    else:
        yield Check("face_landmarker.task", GOOD, str(task))


def _check_network(name: str, path: Path, needed: bool = True) -> Check:
    """A file against the checksum in its sidecar; a checkpoint has none, and is read instead."""
    try:
        if path.suffix in CHECKPOINTS:
            with create_runtime(path, "torch") as runtime:
                spec = runtime.spec
        else:
            spec = load_model_spec(path)
    except GazeError as error:
        return Check(name, BAD if needed else NOTE, str(error), _mend_of(path))
    except LOADING_ERRORS as error:
        return Check(name, BAD if needed else NOTE, *_not_loaded(error, RUNTIMES["torch"].install))
    return Check(name, GOOD, _described(path, f"{spec.sha256[:12]}…, {spec.precision}"))


def _not_loaded(error: BaseException, package: str) -> tuple[str, str]:
    """Detail and mend of a package, as pip names it, that cannot be loaded."""
    mend = f"pip install --force-reinstall {package}"
    if (missing := missing_library(error)) is not None:
        mend = f"{missing[1]}; if it is the package's own: {mend}"
    return f"does not load: {first_line(error)}", mend


def _mend_of(path: Path) -> str:
    if path.parent == WEIGHTS_DIR:
        return REINSTALL
    if not path.is_file():
        return "check the path given with --model"
    if path.suffix in CHECKPOINTS:
        return "copy it again; torch alone runs it: `pip install 'webcam-gaze[train]'`"
    return "copy it again together with its sidecar, or run `gaze export` again"


def _check_checkpoint_beside(model: Path) -> Check:
    name = f"checkpoint {model.stem}"
    try:
        path, spec = checkpoint_beside(model)
    except GazeError as error:
        return Check(name, NOTE, str(error), REINSTALL)
    return Check(name, GOOD, _described(path, f"{str(spec.notes['sha256_checkpoint'])[:12]}…"))


def _described(path: Path, facts: str) -> str:
    return f"{path} ({path.stat().st_size / 1e6:.1f} MB, sha256 {facts})"


def check_landmarks() -> Iterator[Check]:
    """Whether MediaPipe loads and takes a picture, by each of its interfaces that can be had or must be."""
    working = 0
    mends = {
        "mesh": "not needed where tasks works; Python 3.10 to 3.12 has it",
        "tasks": "gaze download-models",
    }
    for kind, mend in mends.items():
        if kind == "tasks" and working and not model_path().is_file():
            continue
        last_hope = kind == "tasks" and not working
        state = BAD if last_hope else NOTE
        try:
            with create_detector(kind) as detector:
                detector.detect(Frame(np.zeros((48, 64, 3), np.uint8)))
        except GazeError as error:
            if kind == "tasks" and isinstance(error, RuntimeUnavailableError):
                mend = LIBRARIES_MEND
            yield Check(f"landmarks {kind}", state, str(error), mend)
        except LOADING_ERRORS as error:
            yield Check(f"landmarks {kind}", state, *_not_loaded(error, "mediapipe"))
        else:
            working += 1
            yield Check(f"landmarks {kind}", GOOD, "loads and runs")


def check_runtimes(model: Path | None = None) -> Iterator[Check]:
    """Every engine and device, by running the network on it, the package's where it takes no such file."""
    path = resolve_model(model)
    working = 0
    for runtime in filter(is_installed, RUNTIMES):
        if runtime == "tensorrt" and path.suffix not in ENGINE_FILES:
            continue
        takes_it = runtime in runtimes_of(path.suffix) or (runtime == "torch" and is_shipped(path))
        try:
            devices = _devices_of(runtime)
        except LOADING_ERRORS as error:
            yield Check(f"runtime {runtime}", NOTE, *_not_loaded(error, RUNTIMES[runtime].install))
            continue
        for device in devices:
            check = _check_runtime(path if takes_it else DEFAULT_MODEL, runtime, device)
            if check.state == GOOD:
                working += takes_it
            elif check.mend is None:
                one = "another runtime serves" if working else "do as it says, or take one that is ok"
                check = dataclasses.replace(check, mend=f"{one}, see --runtime")
            yield check
    for runtime, engine in RUNTIMES.items():
        if not is_installed(runtime):
            missing = f"{engine.package} is not installed"
            yield Check(f"runtime {runtime}", NOTE, missing, f"pip install {engine.install}")
    if not working:
        yield Check("runtimes", BAD, f"no engine runs the network {path.name}", "see the lines above")


def _check_runtime(path: Path, runtime: str, device: str) -> Check:
    """A network on an engine's device; without a mend where the engine itself says what to do."""
    name = f"runtime {runtime} {device}"
    try:
        with create_runtime(path, runtime, device) as predictor:
            size = predictor.spec.input_size
            predictor.predict(np.zeros((1, size, size, 3), np.uint8))
    except GazeError as error:
        return Check(name, NOTE, str(error))
    except LOADING_ERRORS as error:
        return Check(name, NOTE, *_not_loaded(error, RUNTIMES[runtime].install))
    return Check(name, GOOD, predictor.description)


def _devices_of(runtime: str) -> list[str]:
    """The devices that an engine is tried on.

    Raises:
        ImportError, OSError and others (LOADING_ERRORS): the engine does not load.
    """
    if runtime == "onnxruntime":
        import onnxruntime

        names = {"CUDAExecutionProvider": "CUDA", "TensorrtExecutionProvider": "TENSORRT"}
        names["OpenVINOExecutionProvider"] = "OPENVINO"
        found = onnxruntime.get_available_providers()
        return ["CPU", *(names[provider] for provider in found if provider in names)]
    if runtime == "openvino":
        import openvino

        return list(openvino.Core().available_devices)
    return ["CUDA"] if runtime == "tensorrt" else ["CPU"]


def check_cameras() -> Iterator[Check]:
    """Every camera found, by taking a picture with it."""
    found = find_cameras()
    if not found and sys.platform.startswith("linux"):
        yield Check("camera", NOTE, "none found", "connect one; in a container pass --device /dev/video0")
        return
    for index, label in [(camera.index, str(camera)) for camera in found] or [(0, "0")]:
        try:
            capture = open_camera(index)
        except GazeError:
            yield Check(f"camera {label}", NOTE, "cannot be opened", why_no_camera(index))
            continue
        try:
            image = first_picture(capture)
        finally:
            capture.close()
        if image is None:
            yield Check(f"camera {label}", NOTE, "opens but delivers no picture", why_no_camera(index))
        else:
            rate = f" at {capture.fps:.0f} frames/s" if capture.fps else ""
            yield Check(f"camera {label}", GOOD, f"delivers {image.shape[1]}x{image.shape[0]}{rate}")


def check_display() -> Iterator[Check]:
    """A real window, opened by another process: OpenCV's ends its process when it cannot."""
    problem = display_problem()
    if problem is None:
        try:
            probe = subprocess.run(
                [sys.executable, "-c", _WINDOW_PROBE], capture_output=True, timeout=20, check=False
            )
            if probe.returncode == 0:
                yield Check("display", GOOD, "a window opens")
                return
            problem = f"a window does not open (exit code {probe.returncode})"
        except subprocess.TimeoutExpired:
            problem = "a window does not open within 20 seconds"
    yield Check("display", NOTE, problem, "work without: --no-window with --save, --jsonl or --csv")


def check_gstreamer() -> Iterator[Check]:
    """The program that runs pipelines."""
    if program := shutil.which("gst-launch-1.0"):
        yield Check("gstreamer", GOOD, f"pipelines run through {program}")
    else:
        mend = "sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-good"
        yield Check("gstreamer", NOTE, "no gst-launch-1.0, which runs pipelines", mend)
