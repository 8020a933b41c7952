"""`gaze bench --models`: every run of every model in one table, with the sidecar's degrees."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import sys

import pytest
from loop_fakes import PipeWithoutReader
from tiny_models import spec, tiny_graph, write_model

from deploy.bench import models
from deploy.bench.command import main
from deploy.bench.models_docs import BEGIN, END, put_section
from deploy.bench.models_measure import Row, configurations
from deploy.bench.models_report import as_ratios, draw_pareto
from gaze.cli import main as gaze
from gaze.errors import GazeError, ModelError, UsageError
from gaze.model_spec import save_spec, sha256_of, sidecar_path

HAS_OPENVINO = importlib.util.find_spec("openvino") is not None


@pytest.fixture
def folder(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    parity = {"onnxruntime:CPU:fp32": {"mean": 0.001, "max": 0.002, "error": 3.5}}
    write_model(models / "tiny.onnx", parity_deg=parity)
    write_model(models / "other.onnx", notes={"format": "onnx-float-input"})
    broken = write_model(models / "broken.onnx")
    broken.write_bytes(broken.read_bytes()[:-9])
    return models


def test_the_table_and_the_json(folder, tmp_path, capsys):
    out = tmp_path / "bench.json"
    argv = ["--models", str(folder), "--rounds", "2", "--no-memory", "--threads", "1", "--label", "a box"]
    assert main([*argv, "--json", str(out), "--markdown", str(tmp_path / "bench.md")]) == 0
    printed = capsys.readouterr()
    assert "broken.onnx" in printed.err and "other.onnx: takes float pictures" in printed.err
    assert (tmp_path / "bench.md").read_text() in printed.out + "\n"
    result = json.loads(out.read_text())
    assert result["label"] == "a box" and result["machine"]["cores"] >= 1
    runs = {row["run"] for row in result["rows"]}
    assert "onnxruntime:CPU:fp32" in runs and ("openvino:CPU:fp32" in runs) == HAS_OPENVINO
    assert {row["batch"] for row in result["rows"]} == {1, 8}
    row = next(row for row in result["rows"] if row["run"] == "onnxruntime:CPU:fp32" and row["batch"] == 8)
    assert row["ms_per_face"] == pytest.approx(row["median_ms"] / 8)
    assert row["p99_ms"] >= row["median_ms"] > 0
    assert (row["parity_mean_deg"], row["error_deg"], row["threads"]) == (0.001, 3.5, 1)
    assert "| a box | tiny.onnx | onnxruntime:CPU:fp32 | 1 | 8 |" in printed.out
    assert "`gaze run --model tiny.onnx` takes auto: " in printed.out


def test_a_document_is_written_between_its_marks(folder, tmp_path):
    pytest.importorskip("matplotlib")
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(f"# Head\n\n{BEGIN}\n\nold\n\n{END}\n\n## Tail\n")
    argv = ["--models", str(folder), "--rounds", "1", "--batches", "1", "--no-memory", "--threads", "1"]
    assert main([*argv, "--markdown", str(page), "--picture", str(page.parent / "models.png")]) == 0
    text = page.read_text()
    assert text.startswith(f"# Head\n\n{BEGIN}\n\n") and text.endswith(f"\n\n{END}\n\n## Tail\n")
    assert "\nold\n" not in text and "| tiny.onnx |" in text and "(models.png)" in text
    assert (page.parent / "models.png").is_file()
    put_section(page, "new")
    put_section(page, "new")
    assert page.read_text() == f"# Head\n\n{BEGIN}\n\nnew\n\n{END}\n\n## Tail\n"


def test_the_profile_names_the_operations_and_their_share(folder, capsys):
    pytest.importorskip("openvino")
    argv = ["--models", str(folder), "--rounds", "2", "--batches", "1", "--threads", "1", "--profile"]
    assert main(argv) == 0
    printed = capsys.readouterr().out
    title, _, _, _, *rows = printed.partition("\n\ntiny.onnx openvino")[0].splitlines()
    assert title.startswith("tiny.onnx openvino CPU fp32, 1 threads, 1 face a call: ")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row]
    # Each row holds at least a hundredth, so what is left out is less than a hundredth for each operation.
    assert 80 <= sum(int(row[4]) for row in cells) <= 103
    assert {row[0] for row in cells} & {"MatMul", "FullyConnected", "Reduce", "ReduceMean"}
    with pytest.raises(UsageError, match="--profile prints its tables alone"):
        main([*argv, "--json", "out.json"])


def test_memory_is_measured_in_a_process_of_its_own(folder):
    from deploy.bench.models_measure import _peak_memory_mb

    found, _ = configurations(folder, ["CPU"], [1])
    memory = _peak_memory_mb(next(item for item in found if item.runtime == "onnxruntime"))
    assert memory is None if sys.platform == "win32" else 20 < memory < 2000


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_a_process_that_is_killed_costs_the_peak_memory_alone(folder, tmp_path, capsys, monkeypatch):
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    out = tmp_path / "bench.json"
    argv = ["--models", str(folder), "--rounds", "1", "--batches", "1", "--threads", "1", "--json", str(out)]
    for program in (killed, tmp_path / "none"):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", str(program))
            assert main(argv) == 0
        rows = json.loads(out.read_text())["rows"]
        assert rows and {row["peak_rss_mb"] for row in rows} == {None}
    told = capsys.readouterr()
    process = "the peak memory of tiny.onnx onnxruntime CPU fp32, 1 threads: the process that measures it"
    assert f"left out: {process} failed: exit code -9\n" in told.err
    assert f"left out: {process} does not start (No such" in told.err
    (line, _) = re.findall(r"\| onnxruntime:CPU:fp32 \|.*", told.out)
    assert [cell.strip() for cell in line.split("|")][10] == "–"


def test_calls_that_fail_cost_no_other_figure(folder, tmp_path, capsys, monkeypatch):
    """As where the memory is enough for one face a call and not for eight."""
    ort = pytest.importorskip("deploy.runtimes.onnxruntime_runtime").OnnxRuntime
    infer = ort._infer

    def short_of_memory(self, faces):
        if len(faces) == 8:
            raise ModelError("Failed to allocate memory")
        return infer(self, faces)

    monkeypatch.setattr(ort, "_infer", short_of_memory)
    out = tmp_path / "bench.json"
    argv = ["--models", str(folder), "--rounds", "1", "--no-memory", "--threads", "1", "--json", str(out)]
    assert main(argv) == 0
    batches = [row["batch"] for row in json.loads(out.read_text())["rows"] if "onnxruntime" in row["run"]]
    assert batches == [1]
    failed = "tiny.onnx onnxruntime CPU fp32, 1 threads, 8 faces a call: Failed to allocate memory"
    assert f"left out: {failed}\n" in capsys.readouterr().err


def test_a_queue_that_fails_costs_its_own_figure_alone(folder, tmp_path, capsys, monkeypatch):
    runtime = pytest.importorskip("deploy.runtimes.openvino_runtime").OpenVinoRuntime

    def no_queue(self, batches):
        raise ModelError("no room for so many")

    monkeypatch.setattr(runtime, "predict_many", no_queue)
    out = tmp_path / "bench.json"
    argv = ["--models", str(folder), "--rounds", "1", "--no-memory", "--threads", "1", "--json", str(out)]
    assert main(argv) == 0
    rows = [row for row in json.loads(out.read_text())["rows"] if row["run"].startswith("openvino")]
    assert {(row["batch"], row["queue_faces_per_s"]) for row in rows} == {(1, None), (8, None)}
    failed = "the queue of tiny.onnx openvino CPU fp32, 1 threads, 8 faces a call: no room for so many"
    assert f"left out: {failed}\n" in capsys.readouterr().err


def test_a_model_that_no_engine_reads_does_not_end_the_others(folder, tmp_path, capsys):
    unreadable = write_model(folder / "a_unreadable.onnx")
    unreadable.write_bytes(unreadable.read_bytes()[:60])
    save_spec(spec(unreadable.stem, sha256=sha256_of(unreadable)), sidecar_path(unreadable))
    out = tmp_path / "bench.json"
    argv = ["--models", str(folder), "--rounds", "1", "--batches", "1", "--no-memory", "--threads", "1"]
    assert main([*argv, "--json", str(out)]) == 0
    printed = capsys.readouterr()
    assert re.search(r"left out: a_unreadable\.onnx onnxruntime CPU.*`gaze export`", printed.err)
    result = json.loads(out.read_text())
    assert {row["file"] for row in result["rows"]} == {"tiny.onnx"}
    assert {row["threads_used"] for row in result["rows"]} == {1}
    assert any("a_unreadable.onnx" in line for line in result["left_out"])
    if HAS_OPENVINO:
        assert main([*argv, "--profile"]) == 0
        printed = capsys.readouterr()
        assert "a_unreadable.onnx openvino" in printed.err and "tiny.onnx openvino" in printed.out
    for path in folder.glob("tiny.*"):
        path.unlink()
    with pytest.raises(GazeError, match="holds no model that runs here"):
        main(argv)


def test_an_opset_that_one_engine_refuses(tmp_path, capsys):
    write_model(tmp_path / "new.onnx", tiny_graph(opset=99))
    write_model(tmp_path / "tiny.onnx")
    argv = ["--models", str(tmp_path), "--rounds", "1", "--batches", "1", "--no-memory", "--threads", "1"]
    assert main(argv) == 0
    printed = capsys.readouterr()
    assert "upgrade onnxruntime" in printed.err and "| tiny.onnx |" in printed.out


def test_what_cannot_be_written_is_told_before_the_measurement(folder, tmp_path):
    (tmp_path / "file").touch()
    for flag in ("--json", "--markdown", "--picture"):
        with pytest.raises(UsageError, match="cannot be written"):
            main(["--models", str(folder), flag, str(tmp_path / "file" / "out")])
    with pytest.raises(UsageError, match="threads must be at most"):
        main(["--models", str(folder), "--threads", "1", "100000"])


def test_the_files_are_written_although_nobody_reads_the_table(folder, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    files = {"--json": "bench.json", "--markdown": "bench.md", "--picture": "bench.png"}
    files = {flag: tmp_path / name for flag, name in files.items()}
    argv = ["--models", str(folder), "--rounds", "1", "--batches", "1", "--no-memory", "--threads", "1"]
    monkeypatch.setattr(sys, "stdout", PipeWithoutReader())
    with pytest.raises(BrokenPipeError):
        main([*argv, *(text for flag, path in files.items() for text in (flag, str(path)))])
    assert json.loads(files["--json"].read_text())["rows"]
    assert "| tiny.onnx |" in files["--markdown"].read_text() and files["--picture"].stat().st_size > 0


def test_an_empty_and_a_missing_folder(tmp_path):
    with pytest.raises(GazeError, match="holds no model"):
        main(["--models", str(tmp_path)])
    with pytest.raises(UsageError, match="no such folder"):
        main(["--models", str(tmp_path / "none")])
    with pytest.raises(UsageError, match="no such device"):
        main(["--models", str(tmp_path), "--devices", "XPU"])


def row(file: str, run: str, batch: int, median_ms: float, error_deg: float | None = None) -> Row:
    precision = run.rpartition(":")[2]
    rates = (1000 * batch / median_ms, None)
    return Row(
        file, run, precision, None, batch, median_ms, median_ms, *rates, 1.0, None, 0.0, 0.0, error_deg
    )


def test_ratios_are_against_fp32_of_the_same_engine():
    lines = as_ratios(
        [
            row("a.onnx", "openvino:CPU:fp32", 1, 2.0),
            row("a.onnx", "openvino:CPU:fp32", 8, 8.0),
            row("a.onnx", "openvino:CPU:bf16", 1, 1.2),
            dataclasses.replace(row("b.xml", "openvino:CPU:bf16", 1, 0.9), parity_max_deg=None),
            row("b.xml", "openvino:CPU:int8+fp32", 1, 1.0),
            row("a.onnx", "onnxruntime:CPU:fp32", 1, 4.0),
        ]
    )
    assert lines == [
        "openvino:CPU: bf16 takes 0.60 of fp32 (1 face a call)",
        "openvino:CPU: int8 takes 0.50 of fp32 (1 face a call)",
        "openvino:CPU: fp32, 8 faces a call take 0.50 a face",
    ]


def test_a_picture_of_an_unknown_kind_is_refused_before_the_work(tmp_path):
    with pytest.raises(UsageError, match=r"--picture \S*models: end its name in \.png, \.svg, \.pdf"):
        main(["--models", str(tmp_path), "--picture", str(tmp_path / "models")])


def test_a_picture_without_matplotlib_is_told_before_the_measurement(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(models, "measure", lambda *_: pytest.fail("was measured"))
    argv = ["bench", "--models", str(folder), "--picture", str(tmp_path / "models.png")]
    assert gaze(argv) == 1
    assert "needs the package matplotlib; run `pip install 'webcam-gaze[reports]'`" in capsys.readouterr().err


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "pareto.png"
    draw_pareto([row("a.onnx", "x:CPU:fp32", 1, 2.0, 3.0), row("b.onnx", "x:CPU:int8", 1, 1.0, 3.2)], path)
    assert path.read_bytes().startswith(b"\x89PNG")
