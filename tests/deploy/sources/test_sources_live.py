import io
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from loop_fakes import drain, noise, until

from deploy.sources import open_source
from deploy.sources.cameras import find_cameras, users_of, why_no_camera
from deploy.sources.captures import open_camera
from deploy.sources.pipes import RawPipe
from deploy.sources.threaded import ThreadedSource
from gaze.errors import SourceError, UsageError

QUICK = (0.01, 0.02, 0.04)


class FakeCapture:
    """Delivers ``count`` pictures whose first pixel is their number, then nothing."""

    fps = 30.0
    frame_count = None

    def __init__(self, count=10**9, pause_s=0.0, finished=False, gate=None):
        self.count, self.pause_s, self.finished_after, self.gate = count, pause_s, finished, gate
        self.given, self.closed = 0, False
        self.finished = False

    def read(self):
        time.sleep(self.pause_s)
        if self.gate is not None:
            self.gate.wait(5.0)
        if self.given >= self.count:
            self.finished = self.finished_after
            return None
        self.given += 1
        return np.full((4, 4, 3), self.given % 256, np.uint8)

    def interrupt(self):
        pass

    def close(self):
        self.closed = True


def script(*steps):
    """An opener that goes through steps: a capture to hand out or an error to raise; the last repeats."""
    made, left = [], list(steps)

    def opener():
        step = left.pop(0) if len(left) > 1 else left[0]
        made.append(time.monotonic())
        if isinstance(step, Exception):
            raise step
        return step

    opener.times = made
    return opener


def test_a_slow_reader_gets_the_newest_and_the_rest_is_counted():
    capture = FakeCapture(count=50, pause_s=0.002, finished=True)
    with ThreadedSource("cam", script(capture), pauses_s=QUICK) as source:
        assert until(lambda: capture.closed)  # fifty pictures have come and gone
        frame = source.read(1.0)
        assert frame.index == 49
        assert frame.image[0, 0, 0] == 50
        assert source.dropped == 49
        assert frame.t_s > 0.09
        assert source.read(0.1) is None
        assert source.ended


def test_every_frame_of_a_pipe_is_handed_over():
    capture = FakeCapture(count=40, finished=True)
    source = ThreadedSource("pipe", script(capture), newest=False, reopen=False, timed_by_count_fps=50.0)
    with source:
        time.sleep(0.1)  # the thread has to wait for the reader
        frames = drain(source)
    assert [frame.index for frame in frames] == list(range(40))
    assert [frame.t_s for frame in frames] == pytest.approx([i / 50 for i in range(40)])
    assert source.dropped == 0
    assert capture.closed


def test_a_camera_that_cannot_be_opened_is_an_error():
    with ThreadedSource("cam", script(SourceError("camera 7 cannot be opened"))) as source:
        with pytest.raises(SourceError, match="camera 7 cannot be opened"):
            drain(source)
        assert source.ended


def test_a_camera_that_opens_and_delivers_nothing_is_an_error():
    busy = "it is in use by zoom"  # a second program may open a camera and still get nothing from it
    with (
        ThreadedSource("cam", script(FakeCapture(count=0)), why=lambda: busy, patience_s=QUICK[:2]) as source,
        pytest.raises(SourceError, match=f"cam was opened but delivers no picture; {busy}"),
    ):
        drain(source)


class Spoiled(FakeCapture):
    """Every read but each fifth gives nothing that can be decoded."""

    def read(self):
        self.given += 1
        return None if self.given % 5 else np.zeros((4, 4, 3), np.uint8)


def test_pictures_that_cannot_be_decoded_are_passed_over(caplog):
    opener = script(Spoiled())
    with ThreadedSource("cam", opener, newest=False) as source:
        frames = [source.read(2.0) for _ in range(4)]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert len(opener.times) == 1
    assert not caplog.records


@pytest.mark.parametrize("count", [5, 0])
def test_a_pipeline_that_ended_is_started_again_where_it_is_waited_for(count, caplog):
    opener = script(FakeCapture(count=count, finished=True), FakeCapture(pause_s=0.005))
    with ThreadedSource("pipe", opener, wait=True, pauses_s=QUICK) as source:
        assert until(lambda: len(opener.times) == 2 and source.state == "running")
        assert source.read(1.0) is not None
    assert [record.message.partition(" ended; ")[0] for record in caplog.records] == ["pipe"]


def test_a_camera_that_disappears_comes_back(caplog):
    caplog.set_level("INFO", logger="gaze")
    gone = SourceError("cam cannot be opened")
    opener = script(FakeCapture(count=5), gone, gone, gone, FakeCapture(pause_s=0.005))
    with ThreadedSource("cam", opener, newest=False, pauses_s=QUICK) as source:
        frames = []
        while len(frames) < 12:
            frame = source.read(0.02)
            frames += [frame] if frame is not None else []
        assert source.state == "running"
        assert source.reopened == 1
    assert [frame.index for frame in frames] == list(range(12))
    pauses = np.diff(opener.times)
    assert len(opener.times) == 5
    assert all(pause >= wanted for pause, wanted in zip(pauses, (0.01, 0.01, 0.02, 0.04), strict=True))
    # One line when it is lost and one when it is back, none for the tries between.
    messages = [record.message for record in caplog.records]
    assert messages == [
        "cam stopped delivering; check that its sender still runs; trying again until it is back",
        "cam delivers pictures again",
    ]


def test_wait_goes_on_until_the_camera_is_there(caplog):
    caplog.set_level("INFO", logger="gaze")
    missing = SourceError("cam cannot be opened")
    opener = script(missing, missing, FakeCapture(pause_s=0.005))
    with ThreadedSource("cam", opener, wait=True, pauses_s=QUICK) as source:
        assert until(lambda: source.state == "waiting")
        assert until(lambda: source.read(0.02) is not None)
        assert source.reopened == 0
    assert [r.message for r in caplog.records] == [
        "cam cannot be opened; waiting for it",
        "cam delivers pictures",
    ]


def test_reading_without_a_picture_returns_in_time():
    gate = threading.Event()
    with ThreadedSource("cam", script(FakeCapture(gate=gate))) as source:
        start = time.monotonic()
        assert source.read(0.1) is None
        assert 0.05 < time.monotonic() - start < 0.5
        assert not source.ended
        gate.set()


def test_closing_does_not_wait_for_a_stuck_driver():
    gate = threading.Event()
    source = ThreadedSource("cam", script(FakeCapture(gate=gate)))
    source.read(0.01)
    start = time.monotonic()
    source.close()
    assert time.monotonic() - start < 0.9
    gate.set()


def test_raw_frames():
    pictures = [noise(i, (6, 4)) for i in range(3)]
    pipe = RawPipe(io.BytesIO(b"".join(picture.tobytes() for picture in pictures)), (6, 4))
    got = [pipe.read() for _ in range(4)]
    assert all(np.array_equal(a, b) for a, b in zip(got[:3], pictures, strict=True))
    assert got[3] is None
    assert pipe.finished


def test_raw_frames_that_stop_in_the_middle():
    pipe = RawPipe(io.BytesIO(noise(0, (6, 4)).tobytes() + b"\0" * 10), (6, 4))
    assert pipe.read() is not None
    with pytest.raises(
        SourceError, match=r"ends in the middle of frame 1: 10 of 72 bytes; is --size 6x4 right"
    ):
        pipe.read()


def test_a_broken_pipe_hands_over_what_it_had_before_it_raises():
    content = b"".join(noise(i, (6, 4)).tobytes() for i in range(3)) + b"\0"
    opener = lambda: RawPipe(io.BytesIO(content), (6, 4))  # noqa: E731
    frames = []
    with (
        ThreadedSource("stdin", opener, newest=False, reopen=False) as source,
        pytest.raises(SourceError, match="frame 3"),
    ):
        while True:
            frame = source.read(0.5)
            frames += [frame] if frame is not None else []
    assert len(frames) == 3


def test_standard_input_needs_a_size():
    with pytest.raises(UsageError, match="--size WIDTHxHEIGHT"):
        open_source("-")


def test_a_camera_that_is_not_there_lists_what_is():
    with (
        open_source("63") as source,
        pytest.raises(SourceError, match="camera 63 cannot be opened") as caught,
    ):
        drain(source, 20.0)
    if sys.platform.startswith("linux"):
        assert "/dev/video63 does not exist" in str(caught.value)
        assert "cameras found: " in str(caught.value)


def test_a_stream_that_nobody_serves():
    with (
        open_source("http://user:secret@127.0.0.1:9/x") as source,
        pytest.raises(SourceError, match="cannot be opened as a video stream") as caught,
    ):
        drain(source, 20.0)
    assert "secret" not in str(caught.value)


def test_cameras_are_listed_by_the_kernels_names(tmp_path):
    for node, index, name in (
        ("video0", "0", "Front Cam"),
        ("video1", "1", "Front Cam"),
        ("video10", "0", "USB"),
    ):
        (tmp_path / node).mkdir()
        (tmp_path / node / "index").write_text(index + "\n")
        (tmp_path / node / "name").write_text(name + "\n")
    (tmp_path / "v4l-subdev0").mkdir()
    found = [str(camera) for camera in find_cameras(tmp_path)]
    assert found == ["0 (/dev/video0, Front Cam)", "10 (/dev/video10, USB)"]
    assert find_cameras(tmp_path / "missing") == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")  # noqa: PTH112
def test_the_program_that_holds_a_camera_is_named(tmp_path):
    """A second demo on the same camera: the message says who has it."""
    device = tmp_path / "video0"
    device.touch()
    code = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(device)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        users = users_of(device)
        assert len(users) == 1
        assert users[0].endswith(f"({other.pid})")
        assert f"in use by {users[0]}: end that program first" in why_no_camera(str(device))
        with pytest.raises(SourceError, match=f"video0 cannot be opened; it is in use by .*{other.pid}"):
            open_camera(str(device))
        other.stdin.close()
    assert users_of(device) == []


def test_what_a_driver_throws_is_told_and_ends_the_source():
    def opener():
        raise MemoryError("no room for a picture")

    with (
        ThreadedSource("standard input", opener, reopen=False) as source,
        pytest.raises(SourceError, match=r"standard input: cannot be read \(MemoryError: no room"),
    ):
        drain(source)


def test_a_film_of_a_web_server_that_breaks_off():
    capture = FakeCapture(count=40)
    capture.frame_count = 100
    with (
        ThreadedSource("film", script(capture), newest=False, reopen=False) as source,
        pytest.raises(SourceError, match="film: breaks off after 40 of 100 frames"),
    ):
        drain(source)


def test_a_film_of_a_web_server_is_waited_for_and_read_once(caplog):
    missing = SourceError("film cannot be opened")
    opener = script(missing, FakeCapture(count=0), FakeCapture(count=5), FakeCapture(count=5))
    options = {"newest": False, "reopen": False, "wait": True, "pauses_s": QUICK}
    with ThreadedSource("film", opener, **options) as source:
        assert [frame.image[0, 0, 0] for frame in drain(source)] == [1, 2, 3, 4, 5]
        assert source.ended and source.reopened == 0
    assert len(opener.times) == 3
    assert [record.message for record in caplog.records] == ["film cannot be opened; waiting for it"]


@pytest.mark.parametrize("source", ["99999999999999999999", "x" * 5000])
def test_sources_that_opencv_or_the_system_cannot_take(source):
    with (
        pytest.raises(SourceError, match=r"no such file or folder|File name too long"),
        open_source(source) as opened,
    ):
        drain(opened)


@pytest.mark.skipif(sys.platform != "linux", reason="devices are told apart by Linux's numbers")
def test_a_device_of_another_kind_is_no_camera_in_use():
    """Every program holds /dev/null."""
    with open("/dev/null"):  # noqa: PTH123 - a device
        told = why_no_camera("/dev/null")
    assert told.startswith("/dev/null is no camera; cameras found: ")
    assert "in use" not in told
