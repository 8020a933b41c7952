"""The commands with a webcam: OpenCV's own camera code, on a virtual device where there is no real one."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import run_process
import virtual_camera
from loop_fakes import noise, read_clip, records, until

from deploy.demo import CLIP

pytestmark = pytest.mark.skipif(virtual_camera.why_not() is not None, reason=str(virtual_camera.why_not()))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return virtual_camera.build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def camera(library, elsewhere):
    with tempfile.TemporaryDirectory(dir=virtual_camera.PLACE) as folder:
        yield virtual_camera.VirtualCamera(folder, library)


def start(camera, *options):
    """`gaze run` on the camera, as a process of its own."""
    return run_process.start("--source", camera.device, *options, env=camera.environment)


def told_by(process):
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 0, told
    return told


def coloured(size, bgr):
    """Plain pictures that differ a little from one to the next."""
    return [np.full((size[1], size[0], 3), bgr, np.uint8) + np.uint8(i) for i in range(10)]


def test_uncompressed_pictures_keep_their_colours(camera, model):
    camera.show(coloured((640, 480), (200, 90, 30)), "YUYV")
    told_by(start(camera, "--model", model, "--frames", 12, "--save", "o.avi", "--jsonl", "o.jsonl"))
    assert len(records(Path("o.jsonl"))) == 12
    # A film of a camera keeps the time of the clock, so how many pictures it has is another matter.
    frame = read_clip(Path("o.avi"))[-1]
    assert frame[60:400, 60:580].reshape(-1, 3).mean(0) == pytest.approx((204, 94, 34), abs=9)


def test_the_size_that_was_asked_for_is_taken_in_the_format_that_has_it(camera, model):
    """Webcams give their larger sizes as JPEG only."""
    camera.show(coloured((160, 120), (20, 20, 20)), "YUYV")
    camera.show(coloured((640, 360), (30, 90, 200)), "MJPG")
    told_by(start(camera, "--model", model, "--frames", 3, "--size", "640x360", "--save", "o.avi"))
    frame = read_clip(Path("o.avi"))[0]
    assert frame.shape == (360, 640, 3)
    assert frame[60:300, 60:580].reshape(-1, 3).mean(0) == pytest.approx((34, 94, 204), abs=9)


@pytest.mark.parametrize(
    ("modes", "taken"),
    [
        ({("MJPG", 640, 480), ("MJPG", 1280, 720), ("MJPG", 1920, 1080)}, (1280, 720)),
        ({("YUYV", 640, 480), ("MJPG", 1280, 720)}, (1280, 720)),
        ({("YUYV", 320, 240), ("YUYV", 1280, 720)}, (320, 240)),  # ten frames a second
        ({("YUYV", 640, 480), ("MJPG", 1920, 1080)}, (640, 480)),
    ],
)
def test_without_a_size_the_larger_picture_is_taken_where_it_is_fast(camera, model, modes, taken):
    for format, width, height in sorted(modes, reverse=True):
        camera.show(coloured((width, height), (90, 90, 90)), format)
    told_by(start(camera, "--model", model, "--frames", 2, "--save", "o.avi"))
    assert read_clip(Path("o.avi"))[0].shape[1::-1] == taken


def test_a_person_before_the_camera_is_seen_as_in_a_picture(camera):
    capture = cv2.VideoCapture(str(CLIP))
    picture = capture.read()[1]
    capture.release()
    cv2.imwrite("person.png", picture)
    camera.show([picture])
    told_by(start(camera, "--frames", 1, "--jsonl", "camera.jsonl"))
    subprocess.run([*run_process.RUN, "--source", "person.png", "--jsonl", "picture.jsonl"], check=True)
    of_camera, of_picture = (records(Path(f"{name}.jsonl"))[0]["faces"][0] for name in ("camera", "picture"))
    assert of_camera["status"] == of_picture["status"] == "OK"
    between = np.dot(of_camera["gaze"]["direction_cam"], of_picture["gaze"]["direction_cam"])
    assert np.degrees(np.arccos(min(between, 1.0))) < 1.0
    assert of_camera["gaze"]["origin_cam_mm"] == pytest.approx(of_picture["gaze"]["origin_cam_mm"], abs=10)


def test_pictures_that_are_spoiled_on_the_wire_are_passed_over(camera, model):
    """Webcams begin with some, and a busy USB bus cuts others short or empties them."""
    whole = [virtual_camera.jpeg(noise(seed)) for seed in range(24)]
    begun, cut, empty = [b"\xff\xd8no picture"] * 8, whole[8][: len(whole[8]) // 3], b""
    camera.show_encoded([*begun, *whole[8:12], cut, empty, empty, *whole[12:]], "MJPG_160x120")
    told = told_by(start(camera, "--model", model, "--frames", 30, "--jsonl", "o.jsonl"))
    assert len(records(Path("o.jsonl"))) == 30
    assert "deliver" not in told
    assert "Traceback" not in told


def test_a_camera_that_is_pulled_out_is_opened_again(camera, model):
    camera.show([noise(seed) for seed in range(5)])
    process = start(camera, "--model", model, "--jsonl", "o.jsonl", "--status-file", "status.json")
    lines, status = Path("o.jsonl"), Path("status.json")
    state = lambda: json.loads(status.read_text())["state"] if status.exists() else None  # noqa: E731
    assert until(lambda: lines.exists() and lines.read_text().count("\n") > 5, 60)
    camera.unplug()
    assert until(lambda: state() not in ("running", None), 30)
    before = lines.read_text().count("\n")
    camera.plug_in()
    assert until(lambda: lines.read_text().count("\n") > before + 5, 60)
    process.terminate()
    told = told_by(process)
    assert told.count("stopped delivering") == told.count("delivers pictures again") == 1


@pytest.mark.parametrize("command", ["run --no-window", "calibrate camera"])
def test_opencv_does_not_complain_beside_our_own_words(camera, command):
    camera.show([noise(seed) for seed in range(5)])
    camera.unplug()
    told = subprocess.run(
        [sys.executable, "-m", "gaze.cli", *command.split(), "--source", camera.device],
        env=camera.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert "cannot be opened" in told.stderr
    assert "WARN" not in told.stderr


def test_a_second_program_is_told_who_has_the_camera(camera, model):
    camera.show([noise(seed) for seed in range(5)])
    first = start(camera, "--model", model, "--jsonl", "first.jsonl")
    assert until(lambda: Path("first.jsonl").exists() and Path("first.jsonl").read_text(), 60)
    second = start(camera, "--model", model, "--jsonl", "second.jsonl")
    told = second.communicate(timeout=60)[1]
    assert second.returncode == 1
    assert "cannot be opened; it is in use by " in told
    assert f"({first.pid}): end that program first" in told
    assert "Traceback" not in told
    first.terminate()
    told_by(first)


def test_a_camera_that_comes_later_is_waited_for(camera, model):
    camera.show([noise(seed) for seed in range(5)])
    camera.unplug()
    refused = start(camera, "--model", model)
    assert "cannot be opened" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 1
    waiting = start(camera, "--model", model, "--wait", "--frames", 3, "--status-file", "status.json")
    status = Path("status.json")
    assert until(lambda: status.exists() and json.loads(status.read_text())["state"] == "waiting", 60)
    camera.plug_in()
    assert "3 frames (3 NO_FACE)" in told_by(waiting)
