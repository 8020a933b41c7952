"""`gaze bench --soak`: what counts as flat, and a short run of the real loop."""

from __future__ import annotations

import json
import sys

import pytest
from tiny_models import write_model

from deploy.bench import soak
from deploy.bench.command import main
from deploy.bench.soak_report import Sample, judge
from gaze.errors import GazeError, UsageError

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def samples(leak_mb: float = 0.0, handles: int = 0, threads: int = 0, slower: float = 0.0) -> list[Sample]:
    """A hundred samples whose trends over the whole run are given; the first ones settle."""
    made = []
    for number in range(100):
        part = number / 99
        settling_mb = 60.0 * max(0.0, 0.1 - part)
        made.append(
            Sample(
                frames=1000 * (number + 1),
                elapsed_s=10.0 * (number + 1),
                resident_mb=300.0 - settling_mb + leak_mb * part + (40.0 if number == 50 else 0.0),
                handles=9 + round(handles * part),
                threads=5 + round(threads * part),
                median_ms=5.0 * (1.0 + slower * part),
                p99_ms=9.0,
            )
        )
    return made


def test_settling_and_a_single_peak_are_flat():
    verdict = judge(samples(), 0.2)
    assert verdict.problems == ()
    assert abs(verdict.memory_growth_mb) < 1.0
    assert verdict.latency_ratio == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "stop_s", "problem"),
    [
        ({"leak_mb": 20.0}, 0.2, "memory grew by"),
        ({"handles": 3}, 0.2, "handles more"),
        ({"threads": 3}, 0.2, "threads more"),
        ({"slower": 0.8}, 0.2, "latency grew"),
        ({}, 1.4, "SIGTERM took 1.40 s"),
    ],
)
def test_each_growth_is_told(changes, stop_s, problem):
    verdict = judge(samples(**changes), stop_s)
    (told,) = verdict.problems
    assert problem in told
    # Of three more over the whole run, two between the middles of the judged part's first and last third.
    assert verdict.handles_growth == (2 if "handles" in changes else 0)
    assert verdict.threads_growth == (2 if "threads" in changes else 0)


def test_the_leak_is_read_back_in_megabytes():
    # 20 MB over the run; the last four fifths of it are judged.
    assert judge(samples(leak_mb=20.0), 0.1).memory_growth_mb == pytest.approx(16.0, abs=1.0)


def test_too_few_samples():
    with pytest.raises(ValueError, match="at least 10"):
        judge(samples()[:11], 0.1)


@LINUX
@pytest.mark.usefixtures("landmark_models")
def test_a_short_run_writes_table_picture_and_json(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    model = write_model(tmp_path / "tiny.onnx")
    out = tmp_path / "soak"
    code = main(["--soak", "60", "--out", str(out), "--", "--model", str(model), "--runtime", "onnxruntime"])
    result = json.loads((out / "soak.json").read_text())
    # On a busy machine latency and the time to stop may miss their bounds; what is counted may not.
    assert (code == 0) == (not result["problems"])
    assert not [text for text in result["problems"] if "handles" in text or "memory" in text]
    assert result["handles_growth"] <= 0
    assert result["frames"] == 60 and len(result["samples"]) == 60
    assert result["options"][:2] == ["--model", str(model)]
    assert all(item["resident_mb"] > 30 and item["handles"] > 2 for item in result["samples"])
    assert (out / "soak.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "soak.md").read_text() in capsys.readouterr().out


@LINUX
def test_a_run_without_matplotlib_is_refused_before_it_starts(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(soak, "run", lambda *_: pytest.fail("was run"))
    with pytest.raises(ModuleNotFoundError) as missing:
        main(["--soak", "60", "--out", str(tmp_path)])
    assert missing.value.name == "matplotlib"


@LINUX
def test_a_loop_that_does_not_start_and_too_few_frames(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(GazeError, match=r"after 0 of 60 frames: .*none\.mp4"):
        main(["--soak", "60", "--source", str(tmp_path / "none.mp4"), "--out", str(tmp_path)])
    with pytest.raises(UsageError, match="at least 50"):
        main(["--soak", "5"])
