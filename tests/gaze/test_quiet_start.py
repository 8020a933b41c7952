"""Start messages of the native libraries are held back; everything else reaches the error stream."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from gaze.model_spec import DEFAULT_MODEL
from gaze.quiet_start import start_noise_filtered, without_start_noise

ROOT = Path(__file__).resolve().parents[2]


def test_known_noise_goes_and_errors_stay(capfd):
    with without_start_noise():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nE0000 a real error\n")
    os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
    assert capfd.readouterr().err.splitlines() == [
        "E0000 a real error",
        "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
    ]


def test_an_exception_passes_and_what_was_held_comes_out(capfd):
    with pytest.raises(ValueError, match="boom"), without_start_noise():
        os.write(2, b"before the fault\n")
        raise ValueError("boom")
    assert capfd.readouterr().err == "before the fault\n"


def test_two_threads_at_once_leave_the_error_stream_as_it_was(capfd):
    entered, left = threading.Event(), threading.Event()

    def second():
        with without_start_noise():
            entered.set()
            assert left.wait(10)
            os.write(2, b"from the second\n")

    thread = threading.Thread(target=second)
    with without_start_noise():
        thread.start()
        assert entered.wait(10)
    left.set()
    thread.join(10)
    os.write(2, b"afterwards\n")
    with without_start_noise():
        os.write(2, b"Created TensorFlow Lite XNNPACK delegate for CPU.\n")
    assert capfd.readouterr().err == "from the second\nafterwards\n"


def test_through_the_filter_known_noise_goes_and_the_rest_comes_at_once(capfd):
    told = ""
    with start_noise_filtered():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\nE0000 a real error\n")
        end = time.monotonic() + 20
        while "\n" not in told and time.monotonic() < end:
            time.sleep(0.01)
            told += capfd.readouterr().err
        assert told == "E0000 a real error\n"
        os.write(2, b"half a line")
    os.write(2, b" and afterwards\n")
    assert capfd.readouterr().err == "half a line and afterwards\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a process ends by no signal there")
def test_what_native_code_says_before_it_ends_the_process_comes_through_the_filter():
    code = "import os\nfrom gaze.quiet_start import start_noise_filtered\n"
    code += "with start_noise_filtered():\n    os.write(2, b'F0000 last words\\n')\n    os.abort()\n"
    # Both ends of the pipe must be gone for the reader to see an end: the filter is waited for, too.
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGABRT, "F0000 last words\n")


def test_a_process_that_goes_on_does_not_hold_the_filter_up():
    code = "import subprocess, sys\nfrom gaze.quiet_start import start_noise_filtered\n"
    code += "with start_noise_filtered():\n"
    code += "    lasting = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
    code += "print('good')\nlasting.kill()\nlasting.wait()\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "good\n"


@pytest.mark.parametrize("name", ["without_start_noise", "start_noise_filtered"])
def test_a_process_without_an_error_stream(name):
    code = f"import os\nos.close(2)\nfrom gaze.quiet_start import {name}\n"
    code += f"with {name}():\n    print('good')\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "good\n"


def test_a_machine_without_room_for_a_file_is_just_not_quiet(capfd, monkeypatch):
    def full():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with without_start_noise():
        os.write(2, b"something\n")
    assert capfd.readouterr().err == "something\n"


@pytest.mark.usefixtures("landmark_models")
@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the shipped network is not here")
def test_the_snippet_of_the_readme_says_nothing_of_its_own(tmp_path):
    snippet = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    cv2.imwrite(str(tmp_path / "photo.jpg"), np.full((120, 160, 3), 90, np.uint8))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("GLOG_minloglevel", None)
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["Status.NO_FACE", "None"]
    assert done.stderr == ""
