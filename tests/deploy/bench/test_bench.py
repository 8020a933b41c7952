import json
import sys

import numpy as np
import pytest
from fixed_model import write_fixed_model
from loop_fakes import write_clip

from deploy.bench import command, live_loop
from deploy.bench.frames import bench_frames
from deploy.demo import CLIP
from deploy.machine import cpu_name, peak_memory_mb, usable_cores
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
    with pytest.raises(UsageError, match=r"nowhere\.mp4: no such file; give --source VIDEO"):
        command.main(["--source", "nowhere.mp4"])
    with pytest.raises(SystemExit) as caught:
        command.main(["--faces", "0"])
    assert caught.value.code == 2
    clip = str(write_clip(tmp_path / "clip.mp4", 3))
    with pytest.raises(GazeError, match=r"cold start failed: .*ModelError: missing\.onnx: no such model"):
        command.main(["--source", clip, "--model", "missing.onnx", "--frames", "1"])


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
    peak = peak_memory_mb()
    assert peak is None or peak > 10
