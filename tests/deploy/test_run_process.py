"""`gaze run` as a process of its own: what it reads and writes while it runs, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from loop_fakes import noise, read_clip, records, until, write_clip
from run_process import start

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_standard_input(tmp_path, model):
    frames = b"".join(noise(i).tobytes() for i in range(5))
    done = start(
        "--source", "-", "--size", "160x120", "--fps", 10, "--model", model, "--jsonl", "-",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    done.stdin.buffer.write(frames)
    out, told = done.communicate(timeout=60)
    assert done.returncode == 0, told
    assert [json.loads(line)["t_s"] for line in out.splitlines()] == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_standard_input_that_breaks_off_keeps_the_whole_frames(tmp_path, model):
    done = start(
        "--source", "-", "--size", "160x120", "--model", model, "--jsonl", "out.jsonl", stdin=subprocess.PIPE
    )
    done.stdin.buffer.write(noise(0).tobytes() * 3 + b"half")
    _, told = done.communicate(timeout=60)
    assert done.returncode == 1
    assert "standard input ends in the middle of frame 3: 4 of 57600 bytes" in told
    assert "Traceback" not in told
    assert len(records(tmp_path / "out.jsonl")) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_whose_standard_input_has_fallen_silent(tmp_path, model, number):
    process = start(
        "--source", "-", "--size", "160x120", "--model", model, "--jsonl", "out.jsonl", stdin=subprocess.PIPE
    )
    process.stdin.buffer.write(noise(0).tobytes() * 2 + b"half")
    process.stdin.flush()
    lines = tmp_path / "out.jsonl"
    assert until(lambda: lines.exists() and lines.read_text().count("\n") == 2, 60)
    process.send_signal(number)
    process.wait(timeout=20)
    told = process.stderr.read()
    process.stdin.close()
    assert process.returncode == 128 + number, told
    assert "Fatal" not in told
    assert len(records(lines)) == 2


def test_enough_frames_end_a_run_whose_standard_input_goes_on(tmp_path, model):
    process = start(
        "--source", "-", "--size", "160x120", "--model", model, "--frames", 2, stdin=subprocess.PIPE
    )
    process.stdin.buffer.write(noise(0).tobytes() * 3)
    process.stdin.flush()
    process.wait(timeout=60)
    told = process.stderr.read()
    process.stdin.close()
    assert process.returncode == 0, told


def test_a_reader_that_leaves_is_an_ordinary_end(tmp_path, model):
    clip = write_clip(tmp_path / "clip.mp4", 50)
    process = start("--source", clip, "--loop", "--model", model, "--jsonl", "-", stdout=subprocess.PIPE)
    assert json.loads(process.stdout.readline())["frame"] == 0
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(timeout=20) == 0, told
    assert "Traceback" not in told
    assert "BrokenPipe" not in told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_within_a_second_and_every_file_can_be_read(tmp_path, model, number):
    clip = write_clip(tmp_path / "clip.mp4", 50)
    process = start(
        "--source", clip, "--loop", "--model", model, "--save", "o.mp4", "--jsonl", "o.jsonl",
        "--csv", "o.csv", "--status-file", "status.json",
    )  # fmt: skip
    lines = tmp_path / "o.jsonl"
    assert until(lambda: lines.exists() and lines.read_text().count("\n") > 5, 60)
    process.send_signal(number)
    begin = time.monotonic()
    process.wait(timeout=20)
    taken = time.monotonic() - begin
    told = process.stderr.read()
    # A clip that was not played to its end is unfinished work.
    assert process.returncode == 128 + number, told
    assert taken < 1.0 + os.getloadavg()[0] / 4  # other work on the machine is not this program's fault
    count = len(records(lines))
    assert len(read_clip(tmp_path / "o.mp4")) in (count, count - 1)
    assert len((tmp_path / "o.csv").read_text().splitlines()) == count + 1
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "ended"


def test_waiting_for_a_camera_ends_at_once_on_sigterm(tmp_path, model):
    process = start("--source", "63", "--wait", "--model", model, "--status-file", "status.json")
    status = tmp_path / "status.json"
    assert until(lambda: status.exists() and json.loads(status.read_text())["state"] == "waiting", 60)
    time.sleep(1.2)
    process.terminate()
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    # One line for the state, however often it was tried.
    assert told.count("waiting for it") == 1


def test_the_live_loop_starts_without_torch_and_training_code():
    """What the run command imports, down to an estimator, as Python itself lists it."""
    modules = "deploy.run_command, deploy.bench.live_loop, deploy.doctor, gaze.estimator"
    code = f"import {modules}, sys; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in told.stdout.split()}
    assert not loaded & {
        "torch",
        "h5py",
        "moderngl",
        "onnx",
        "nncf",
        "scipy",
        "matplotlib",
        "export",
        "calibration",
    }
