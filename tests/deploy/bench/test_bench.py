import json
import os
import sys
import time

import numpy as np
import pytest
from fixed_model import write_fixed_model
from loop_fakes import PipeWithoutReader, noise, write_clip

from deploy.bench import command, live_loop
from deploy.bench.frames import bench_frames, kind_and_name
from deploy.demo import CLIP
from deploy.machine import cpu_name, peak_memory_mb, physical_cores, usable_cores
from gaze.errors import GazeError, UsageError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_fixed_model(tmp_path_factory.mktemp("model") / "fixed.onnx"))


@pytest.fixture(scope="module")
def result(tmp_path_factory, model, landmark_models):
    folder = tmp_path_factory.mktemp("bench")
    source = str(CLIP) if CLIP.is_file() else str(write_clip(folder / "clip.mp4", 20))
    path = folder / "bench.json"
    arguments = ["--source", source, "--model", model, "--frames", "20", "--warm-up", "3", "--threads", "1"]
    assert command.main([*arguments, "--runtime", "onnxruntime", "--json", str(path)]) == 0
    return json.loads(path.read_text())


def test_the_documented_keys(result):
    wanted = {
        "end_to_end", "stages", "cold_start_ms", "peak_rss_mb", "machine", "runtime", "precision", "threads",
        "faces", "size",
    }  # fmt: skip
    assert wanted <= set(result)
    assert result["schema"] == "gaze.bench/1"
    assert (result["faces"], result["size"], result["threads"], result["precision"]) == (
        1,
        [640, 480],
        1,
        "fp32",
    )
    assert set(result["stages"]) == {"landmarks", "head_pose", "normalize", "network", "filters"}
    for values in (result["end_to_end"], *result["stages"].values()):
        assert 0 <= values["median_ms"] <= values["p95_ms"] <= values["p99_ms"]


def test_the_parts_add_up(result):
    parts = sum(values["median_ms"] for values in result["stages"].values())
    assert parts == pytest.approx(result["end_to_end"]["median_ms"], rel=0.5)
    alone = result["parts_alone"]
    assert result["floor_ms"] == pytest.approx(sum(part["median_ms"] for part in alone.values()), abs=0.01)


def test_the_cold_start_is_of_a_fresh_process_without_torch(result):
    assert 200 < result["cold_start_ms"] < 120_000
    assert 60 < result["peak_rss_mb"] < 1000
    assert result["torch_loaded"] is False


def test_the_table_holds_the_figures(result):
    text = live_loop.as_text(result)
    assert f"{result['end_to_end']['median_ms']:.2f}" in text
    assert "cold start" in text
    assert "neither landmarks nor network" in text
    assert ("too few faces" in text) == (result["faces_found"] < 0.9)
    assert "too few faces" in live_loop.as_text({**result, "faces_found": 0.0})


def test_statistics_are_those_of_numpy():
    values = np.random.default_rng(0).exponential(size=1000)
    told = live_loop._statistics(values)
    ordered = np.sort(values)
    assert told["median_ms"] == pytest.approx((ordered[499] + ordered[500]) / 2, abs=1e-3)
    assert ordered[948] <= told["p95_ms"] + 1e-3
    assert told["p99_ms"] - 1e-3 <= ordered[991]


def test_a_clip_is_played_there_and_back():
    assert [live_loop._there_and_back(i, 4) for i in range(8)] == [0, 1, 2, 3, 2, 1, 0, 1]
    assert [live_loop._there_and_back(i, 1) for i in range(3)] == [0, 0, 0]


def test_frames_are_tiled_for_more_faces(tmp_path):
    clip = str(write_clip(tmp_path / "clip.mp4", 6, (320, 240)))
    (first, *_), fps = bench_frames(clip, (640, 480), 3)
    assert first.shape == (480, 640, 3)
    assert fps == 25.0
    images, _ = bench_frames(clip, (640, 480), 3)
    bright = images[5]
    assert bright[100, 100, 0] > 40
    assert bright[100, 500, 0] > 40
    assert bright[400, 100, 0] > 40
    assert bright[400, 500, 0] == 0


def test_wrong_use(tmp_path, model):
    with pytest.raises(UsageError, match=r"nowhere\.mp4: no such file.*give --source VIDEO"):
        command.main(["--source", "nowhere.mp4"])
    with pytest.raises(UsageError, match="standard input cannot be measured on; give a file"):
        command.main(["--source", "-"])
    with pytest.raises(UsageError, match="threads must be at most"):
        command.main(["--threads", "100000"])
    with pytest.raises(SystemExit) as caught:
        command.main(["--faces", "0"])
    assert caught.value.code == 2
    clip = str(write_clip(tmp_path / "clip.mp4", 3))
    with pytest.raises(GazeError, match=r"cold start failed: .*ModelError: missing\.onnx: no such model"):
        command.main(["--source", clip, "--model", "missing.onnx", "--frames", "1"])


@pytest.mark.parametrize(
    ("source", "kind", "name"),
    [
        ("0", "camera", "camera 0"),
        ("rtsp://me:secret@10.0.0.2/eyes", "url", "rtsp://***@10.0.0.2/eyes"),
        ("videotestsrc ! appsink", "gstreamer", "GStreamer pipeline"),
        (str(CLIP), "video", CLIP.name),
    ],
)
def test_the_kinds_of_sources(source, kind, name):
    assert kind_and_name(source) == (kind, name)


class Camera:
    """Gives so many frames, then nothing any more."""

    finished, fps, frame_count = False, 15.0, None

    def __init__(self, count):
        self.images = [noise(number) for number in range(count)]

    def read(self):
        time.sleep(0.01)
        return self.images.pop(0) if self.images else None

    def interrupt(self):
        pass

    def close(self):
        pass


def test_frames_of_a_camera_are_held_in_memory(monkeypatch):
    asked = []

    def open_camera(device, size, fps):
        asked.append((device, size))
        return Camera(500)

    monkeypatch.setattr("deploy.sources.open_camera", open_camera)
    images, fps = bench_frames("0", (320, 240))
    assert (len(images), images[0].shape, fps, asked) == (120, (240, 320, 3), 15.0, [(0, (320, 240))])


def test_a_camera_that_stops_is_not_waited_for_without_end(monkeypatch):
    only = Camera(3)
    monkeypatch.setattr("deploy.bench.frames.PATIENCE_S", 0.2)
    monkeypatch.setattr("deploy.sources.open_camera", lambda *options: only)
    begin = time.monotonic()
    images, _ = bench_frames("0", (320, 240))
    assert 1 <= len(images) <= 3 and time.monotonic() - begin < 10


@pytest.mark.usefixtures("landmark_models")
def test_a_camera_on_torch_is_measured_and_told(monkeypatch, capsys):
    pytest.importorskip("torch")
    monkeypatch.setattr("deploy.sources.open_camera", lambda *options: Camera(500))
    arguments = ["--source", "0", "--runtime", "torch", "--frames", "2", "--warm-up", "1", "--json", "-"]
    assert command.main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["source"], result["source_kind"], result["source_frames"]) == ("camera 0", "camera", 120)
    assert (result["runtime"], result["model"]) == ("torch:CPU:fp32:mirrored", "gaze_mobilenetv2")
    assert result["threads"] >= 1
    assert "120 frames of camera 0, played there and back, at 640x480" in live_loop.as_text(result)


def test_a_json_that_cannot_be_written_is_told_before_the_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(live_loop, "run_bench", lambda arguments: pytest.fail("it was measured"))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        command.main(["--json", str(tmp_path / "file" / "bench.json")])
    with pytest.raises(UsageError, match="is a folder"):
        command.main(["--json", str(tmp_path)])


def test_figures_are_printed_although_the_json_fails(tmp_path, result, monkeypatch, capsys):
    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(live_loop, "run_bench", lambda arguments: result)
    monkeypatch.setattr(command, "write_json", fail)
    with pytest.raises(GazeError, match="No space left on device"):
        command.main(["--json", str(tmp_path / "bench.json")])
    assert "cold start" in capsys.readouterr().out


def test_the_json_is_written_although_nobody_reads_the_figures(tmp_path, result, monkeypatch):
    monkeypatch.setattr(live_loop, "run_bench", lambda arguments: result)
    monkeypatch.setattr(sys, "stdout", PipeWithoutReader())
    with pytest.raises(BrokenPipeError):
        command.main(["--json", str(tmp_path / "bench.json")])
    assert json.loads((tmp_path / "bench.json").read_text()) == result


def test_models_go_to_the_other_benchmark(monkeypatch):
    class Other:
        @staticmethod
        def main(argv):
            Other.argv = argv
            return 7

    monkeypatch.setitem(sys.modules, "deploy.bench.models", Other)
    monkeypatch.setattr("deploy.bench.models", Other, raising=False)
    assert command.main(["--models", "dist"]) == 7
    assert Other.argv == ["--models", "dist"]


def test_the_machine_is_described():
    assert cpu_name()
    assert usable_cores() >= 1
    assert physical_cores() is None or 1 <= physical_cores() <= os.cpu_count()
    peak = peak_memory_mb()
    assert peak is None if sys.platform == "win32" else peak > 10


def test_cores_are_counted_once_whatever_threads_share_them(tmp_path):
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{siblings}\n")
    assert physical_cores(tmp_path) == 2
    assert physical_cores(tmp_path / "hidden") is None
