import collections
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from loop_fakes import FakeEstimator, noise, read_clip

from deploy.pipeline import Pipeline
from deploy.sinks import CsvSink, JsonlSink, ReaderGone, SinkError, VideoSink, fit_picture, open_sinks
from gaze import disk_space
from gaze.errors import UsageError
from gaze.types import Frame


def results(count, fps=25.0):
    pipeline = Pipeline(FakeEstimator())
    return [pipeline.process(Frame(noise(i), i, i / fps)) for i in range(count)]


def grey(value, size=(160, 120)):
    return np.full((size[1], size[0], 3), value, np.uint8)


def test_everything_is_readable_after_a_fault(tmp_path):
    video, lines, table = (tmp_path / "deep" / name for name in ("a.mp4", "a.jsonl", "a.csv"))
    with (
        pytest.raises(RuntimeError, match="a fault"),
        open_sinks(
            save=str(video), jsonl=str(lines), csv_path=str(table), fps=25.0, real_time=False
        ) as opened,
    ):
        for i, result in enumerate(results(10)):
            for sink in opened:
                sink.write(result, grey(20 * i))
        raise RuntimeError("a fault")
    frames = read_clip(video)
    assert [frame.mean() for frame in frames] == pytest.approx([20 * i for i in range(10)], abs=6)
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [record["frame"] for record in records] == list(range(10))
    assert len(table.read_text().splitlines()) == 11


def test_lines_are_there_before_the_file_is_closed(tmp_path):
    sink = JsonlSink(str(tmp_path / "a.jsonl"))
    sink.write(results(1)[0])
    assert json.loads((tmp_path / "a.jsonl").read_text())["frame"] == 0
    sink.close()


def test_a_full_disk_is_named(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    sink = JsonlSink("/dev/full")
    with pytest.raises(
        SinkError, match=r"/dev/full: cannot be written \(No space left on device\); free some"
    ):
        sink.write(results(1)[0])
    sink.close()
    table = CsvSink("/dev/full")
    with pytest.raises(SinkError, match="No space left"):
        table.write(results(1)[0])
    table.close()


class FullAfter:
    """An unbuffered file on a disk that is full after some bytes, as the kernel shows it."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, content):
        part = bytes(content[: self.room])
        if not part:
            raise OSError(28, "No space left on device")
        self.room -= len(part)
        return self.file.write(part)

    def truncate(self, size):
        return self.file.truncate(size)

    def close(self):
        self.file.close()


def test_no_half_line_stays_when_the_disk_fills_up(tmp_path):
    path = tmp_path / "a.jsonl"
    sink = JsonlSink(str(path))
    first, second = results(2)
    sink.write(first)
    sink._file = FullAfter(sink._file, 100)
    with pytest.raises(SinkError, match="No space left"):
        sink.write(second)
    sink.close()
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["frame"] == 0


def test_a_really_full_disk(tmp_path):
    """A file system of half a megabyte, where this machine lets us mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        path = folder / "a.jsonl"
        sink = JsonlSink(str(path))
        written = 0
        with pytest.raises(SinkError, match="No space left"):
            for result in results(3) * 1000:
                sink.write(result)
                written += 1
        sink.close()
        assert written > 100
        assert [json.loads(line)["schema"] for line in path.read_text().splitlines()] == ["gaze/1"] * written
        with pytest.raises(SinkError, match=r"a\.mp4: the disk is full"):
            VideoSink(str(folder / "a.mp4"), 25.0)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_recording_stops_while_the_disk_still_takes_the_index(tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(disk_space, "SPACE_CHECK_S", 0.0)
    free = [10**9]
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda path: usage(10**9, 0, free[0]))
    path = tmp_path / "a.mp4"
    sink = VideoSink(str(path), 25.0)
    written = results(6)
    for result in written[:4]:
        sink.write(result, grey(100))
    free[0] = 10**6
    with pytest.raises(
        SinkError, match=r"the disk is full \(1 MB left\).*The recording up to here is complete"
    ):
        sink.write(written[4], grey(100))
    sink.close()
    assert len(read_clip(path)) == 4


def test_a_disk_that_cannot_be_reached_leaves_no_lock_and_no_file(tmp_path, monkeypatch):
    def gone(path):
        raise OSError(5, "Input/output error")

    path = str(tmp_path / "a.mp4")
    with monkeypatch.context() as patched:
        patched.setattr(disk_space.shutil, "disk_usage", gone)
        with pytest.raises(SinkError, match=r"folder cannot be reached .*Input/output error") as it:
            VideoSink(path, 25.0)
    assert list(tmp_path.iterdir()) == []
    VideoSink(path, 25.0).close()
    assert it.value.__cause__.errno == 5  # what holds on to the error holds on to no file


@pytest.mark.parametrize("make", [JsonlSink, CsvSink, lambda path: VideoSink(path + ".mp4", 25.0)])
def test_a_path_that_cannot_be_written(tmp_path, make):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SinkError, match=r"cannot be written \(.*\); choose another path"):
        make(str(tmp_path / "file" / "below"))


def test_a_failing_sink_closes_those_opened_before(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(SinkError),
        open_sinks(
            save=None,
            jsonl=str(tmp_path / "a.jsonl"),
            csv_path=str(tmp_path / "file" / "a.csv"),
            fps=25.0,
            real_time=False,
        ),
    ):
        pass
    assert (tmp_path / "a.jsonl").read_text() == ""


def test_two_sinks_on_one_file(tmp_path):
    path = str(tmp_path / "a")
    with (
        pytest.raises(UsageError, match="a file each"),
        open_sinks(save=None, jsonl=path, csv_path=path, fps=25.0, real_time=False),
    ):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
@pytest.mark.parametrize("make", [JsonlSink, CsvSink, lambda path: VideoSink(path + ".avi", 25.0)])
def test_two_runs_do_not_write_one_file(tmp_path, make):
    path = str(tmp_path / "a")
    first = make(path)
    with pytest.raises(SinkError, match="another run is writing it; give this one another name"):
        make(path)
    first.close()
    make(path).close()


@pytest.mark.parametrize("name", ["10:30.mp4", "file:a.mkv", "data:a.avi", "a%03d.mp4"])
def test_a_video_has_the_name_that_was_asked_for(tmp_path, monkeypatch, name):
    """FFmpeg takes what stands before a colon for a protocol, and file:a.mkv for a.mkv."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mkv").write_bytes(b"another file")
    sink = VideoSink(name, 25.0)
    sink.write(results(1)[0], grey(9))
    sink.close()
    assert (tmp_path / "a.mkv").read_bytes() == b"another file"
    assert len(read_clip(tmp_path / name)) == 1


def test_a_video_whose_name_is_no_text_is_refused(tmp_path):
    with pytest.raises(SinkError, match="is not UTF-8; rename it"):
        VideoSink(os.path.join(tmp_path, os.fsdecode(b"\xff.mp4")), 25.0)  # noqa: PTH118
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_standard_output_on_a_full_disk_is_named(tmp_path, monkeypatch):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(SinkError, match=r"standard output: cannot be written .No space left"):
            JsonlSink("-").write(results(1)[0], grey(9))


def test_an_unknown_container(tmp_path):
    with pytest.raises(UsageError, match=r"a video is saved as \.mp4, \.mkv, \.avi"):
        VideoSink(str(tmp_path / "a.webp"), 25.0)


def test_without_a_frame_an_older_file_stays_as_it_was(tmp_path):
    for name in ("a.mp4", "a.jsonl", "a.csv"):
        (tmp_path / name).write_bytes(b"of an earlier run")
    VideoSink(str(tmp_path / "a.mp4"), 25.0).close()
    JsonlSink(str(tmp_path / "a.jsonl")).close()
    CsvSink(str(tmp_path / "a.csv")).close()
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"of an earlier run"}


def test_a_recording_without_a_frame_leaves_no_file(tmp_path):
    VideoSink(str(tmp_path / "a.mp4"), 25.0).close()
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(("suffix", "kept"), [(".mkv", 0.7), (".avi", 0.7)])
def test_what_a_killed_process_recorded_can_be_read(tmp_path, suffix, kept):
    path = tmp_path / f"a{suffix}"
    code = (
        "import os, sys, numpy as np\n"
        "from types import SimpleNamespace\n"
        "from deploy.sinks import VideoSink\n"
        "result = SimpleNamespace(frame=SimpleNamespace(t_s=0.0))\n"
        "noise = np.random.default_rng(0)\n"
        "sink = VideoSink(sys.argv[1], 25.0)\n"
        "for i in range(200):\n"
        "    sink.write(result, noise.integers(0, 255, (240, 320, 3), dtype=np.uint8))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, check=False)
    assert done.returncode == -9
    assert len(read_clip(path)) >= kept * 200


def test_real_time_keeps_step_with_the_clock(tmp_path):
    """15 pictures a second for two seconds, then a break of one: 3 seconds at 30 frames a second."""
    path = tmp_path / "a.mp4"
    sink = VideoSink(str(path), 30.0, real_time=True)
    pipeline = Pipeline(FakeEstimator())
    times = [100.0 + i / 15 for i in range(31)] + [103.0]
    for i, t_s in enumerate(times):
        sink.write(pipeline.process(Frame(noise(i), i, t_s)), grey(100))
    sink.close()
    assert len(read_clip(path)) == 91


def test_faster_than_the_recording_leaves_frames_out(tmp_path):
    sink = VideoSink(str(tmp_path / "a.mp4"), 10.0, real_time=True)
    pipeline = Pipeline(FakeEstimator())
    for i in range(61):
        sink.write(pipeline.process(Frame(noise(i), i, i / 60)), grey(100))
    sink.close()
    assert len(read_clip(tmp_path / "a.mp4")) == 11


def test_a_picture_in_twenty_seconds_is_recorded_once_each(tmp_path):
    sink = VideoSink(str(tmp_path / "a.avi"), 0.05, real_time=True)
    pipeline = Pipeline(FakeEstimator())
    for i in range(4):
        sink.write(pipeline.process(Frame(noise(i), i, 20.0 * i)), grey(60 * i))
    sink.close()
    levels = [frame.mean() for frame in read_clip(tmp_path / "a.avi")]
    assert levels == pytest.approx([0, 60, 120, 180], abs=3)


@pytest.mark.parametrize("size", [(1, 1), (161, 121), (2, 500)])
def test_pictures_of_every_size_are_recorded(tmp_path, size):
    path = tmp_path / "a.mp4"
    sink = VideoSink(str(path), 25.0)
    for result in results(3):
        sink.write(result, grey(200, size))
    sink.close()
    frames = read_clip(path)
    assert len(frames) == 3
    assert frames[0].shape[0] >= size[1]
    assert frames[0].shape[1] >= size[0]


def test_a_picture_of_another_size_is_fitted_in_proportion():
    fitted = fit_picture(grey(200, (200, 50)), (100, 100))
    assert fitted.shape == (100, 100, 3)
    bright = np.argwhere(fitted[:, :, 0] > 100)
    assert (bright.max(axis=0) - bright.min(axis=0) + 1).tolist() == [25, 100]


def test_a_reader_that_goes_away(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        sink = JsonlSink("-")
        with pytest.raises(ReaderGone):
            sink.write(results(1)[0])
        sink.close()
        monkeypatch.undo()
        with contextlib.suppress(BrokenPipeError):
            stream.close()


CUT_OFF = """
import resource, sys
from gaze import disk_space
from tests.deploy.test_sinks import SinkError, VideoSink, grey, results
import numpy as np
disk_space.SPACE_CHECK_S = 0.0
disk_space.RESERVED_OF_FILE_BYTES = 300_000
if sys.argv[2] == "untold":  # as of a file system that takes no file so large
    disk_space.largest_file_bytes = lambda: None
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
rng = np.random.default_rng(0)
sink = VideoSink(sys.argv[1], 25.0)
written = 0
try:
    try:
        for result in results(2) * 60:
            sink.write(result, rng.integers(0, 255, (480, 640, 3), dtype=np.uint8))
            written += 1
    finally:
        sink.close()
except SinkError as error:
    print(written, error)
"""


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("untold", "120 {path}: cannot be played, as not all of it could be written"),
        (
            "told",
            "{path}: a file may have 2.0 MB at most here (ulimit -f); raise that. The recording up to",
        ),
    ],
)
def test_a_file_that_may_not_grow_is_told(tmp_path, limit, message):
    pytest.importorskip("resource")
    path = tmp_path / "a.mp4"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CUT_OFF, str(path), limit],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests/deploy")])},
    )
    assert message.format(path=path) in done.stdout
    if limit == "told":  # at least what it says was written can be read
        assert len(read_clip(path)) == int(done.stdout.split()[0]) > 0


def test_a_video_is_not_written_into_a_device(tmp_path):
    link = tmp_path / "full.mp4"
    link.symlink_to("/dev/full")
    with pytest.raises(SinkError, match=r"full\.mp4: is a device or a pipe.*; name a file"):
        VideoSink(str(link), 25.0)


def test_a_full_disk_before_the_first_frame_promises_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_space, "RESERVED_BYTES", 1 << 60)
    with pytest.raises(SinkError, match=r"the disk is full \(\d+ MB left\); free some space$"):
        VideoSink(str(tmp_path / "a.mp4"), 25.0)
    assert not list(tmp_path.iterdir())
