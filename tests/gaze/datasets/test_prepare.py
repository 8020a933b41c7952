"""The engine of `gaze prepare`: parallel = serial, resumed = uninterrupted, nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

from gaze.cli import main as gaze_main
from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.datasets.prepare import prepare
from gaze.datasets.prepare_raw import RawSource
from gaze.errors import DataError, UsageError

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class DyingSource(RawSource):
    """Kills its own process when it comes to the second person."""

    def load(self, block):
        """As RawSource, or never."""
        if block.person == "p01":
            os.kill(os.getpid(), signal.SIGKILL)
        return RawSource.load(self, block)


@dataclass(frozen=True)
class WaitingSource(RawSource):
    """Kills the process that started its worker."""

    def load(self, block):
        """Leave word of this worker, then end its parent."""
        folder = Path(sys.argv[2]).parent / "workers"
        folder.mkdir(exist_ok=True)
        (folder / str(os.getpid())).touch()
        os.kill(os.getppid(), signal.SIGKILL)
        return RawSource.load(self, block)


def _same(first, second):
    with NormalizedFile(first) as a, NormalizedFile(second) as b:
        assert a.header.provenance_id == b.header.provenance_id
        np.testing.assert_array_equal(a.rows.frame_id, b.rows.frame_id)
        np.testing.assert_array_equal(a.rows.pitch_yaw_rad, b.rows.pitch_yaw_rad)
        np.testing.assert_array_equal(a.read(np.arange(len(a))), b.read(np.arange(len(b))))


def _python(code, *argv):
    paths = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, argv)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_two_processes_write_what_one_does(standin, prepared, tmp_path):
    report = prepare(RawSource(standin, 112), tmp_path / "two.h5", workers=2, progress=False)
    assert report["faces"] == 24
    assert report["skipped"] == []
    _same(tmp_path / "two.h5", prepared)


def test_a_killed_run_goes_on_and_ends_the_same(standin, prepared, tmp_path):
    out = tmp_path / "killed.h5"
    code = (
        "import sys; from pathlib import Path; from test_prepare import DyingSource;"
        "from gaze.datasets.prepare import prepare;"
        "prepare(DyingSource(Path(sys.argv[1]), 112), sys.argv[2], workers=1, progress=False)"
    )
    assert _python(code, standin, out).returncode == -signal.SIGKILL
    assert not out.exists()
    assert (tmp_path / "killed.h5.parts" / "p00_000000_000008.h5").is_file()
    report = prepare(RawSource(standin, 112), out, workers=1, progress=False)
    assert (report["blocks"], report["blocks_done_before"]) == (3, 1)
    _same(out, prepared)
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name or "parts" in path.name] == []


def test_workers_end_with_the_process_that_started_them(standin, tmp_path):
    code = (
        "import sys; from pathlib import Path; from test_prepare import WaitingSource;"
        "from gaze.datasets.prepare import prepare;"
        "prepare(WaitingSource(Path(sys.argv[1]), 112), sys.argv[2], workers=2, progress=False)"
    )
    assert _python(code, standin, tmp_path / "x.h5").returncode == -signal.SIGKILL
    workers = [int(path.name) for path in (tmp_path / "workers").iterdir()]
    assert workers
    deadline = time.monotonic() + 20
    while alive := [pid for pid in workers if _is_running(pid)]:
        assert time.monotonic() < deadline, f"workers {alive} outlived the command"
        time.sleep(0.05)


def _is_running(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_killed_worker_is_named_and_what_is_done_is_kept(standin, prepared, tmp_path):
    out = tmp_path / "killed.h5"
    code = (
        "import sys; from pathlib import Path; from test_prepare import DyingSource;"
        "from gaze.datasets.prepare import prepare;"
        "prepare(DyingSource(Path(sys.argv[1]), 112), sys.argv[2], workers=2, progress=False)"
    )
    run = _python(code, standin, out)
    assert run.returncode == 1
    assert "DataError" in run.stderr
    assert "a worker process was killed" in run.stderr
    assert not out.exists()
    prepare(RawSource(standin, 112), out, workers=1, progress=False)
    _same(out, prepared)


def test_a_full_disk_leaves_nothing_that_looks_whole(standin, prepared, tmp_path):
    out = tmp_path / "full.h5"
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from gaze.datasets.prepare import prepare; from gaze.datasets.prepare_raw import RawSource;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "prepare(RawSource(Path(sys.argv[1]), 112), sys.argv[2], workers=1, progress=False)"
    )
    run = _python(code, standin, out)
    assert run.returncode == 1, "a traceback, not a crash in HDF5's own cleaning up"
    assert "DataError" in run.stderr
    assert "cannot be written" in run.stderr
    assert "finished blocks are kept" in run.stderr
    assert not out.exists()
    assert not list((tmp_path / "full.h5.parts").glob("*.h5"))
    prepare(RawSource(standin, 112), out, workers=1, progress=False)
    _same(out, prepared)


def test_too_little_space_is_seen_before_the_work(standin, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    with pytest.raises(DataError, match=r"needs about 2 MB, 0 MB are free; .*smaller --size"):
        prepare(RawSource(standin, 112), tmp_path / "x.h5", workers=1, progress=False)


def test_parts_of_other_settings_are_not_mixed_in(standin, tmp_path):
    out = tmp_path / "out.h5"
    with pytest.raises(KeyboardInterrupt):
        prepare(_interrupting(standin), out, workers=1, progress=False)
    with pytest.raises(UsageError, match=r"other settings.*--restart"):
        prepare(RawSource(standin, 160), out, workers=1, progress=False)
    report = prepare(RawSource(standin, 160), out, workers=1, restart=True, progress=False)
    assert report["size_px"] == 160


def _interrupting(root):
    @dataclass(frozen=True)
    class Interrupting(RawSource):
        def load(self, block):
            if block.person == "p01":
                raise KeyboardInterrupt
            return RawSource.load(self, block)

    return Interrupting(root, 112)


def test_an_existing_file_is_not_overwritten_unasked(standin, prepared, tmp_path):
    out = tmp_path / "there.h5"
    out.write_bytes(b"precious")
    with pytest.raises(UsageError, match="exists; give --overwrite"):
        prepare(RawSource(standin, 112), out, progress=False)
    assert out.read_bytes() == b"precious"
    prepare(RawSource(standin, 112), out, workers=1, overwrite=True, progress=False)
    _same(out, prepared)


@pytest.mark.parametrize("size", [160, 224, 448])
def test_every_size_sees_the_same_view(standin, prepared, tmp_path, size):
    import cv2

    prepare(RawSource(standin, size, persons=("p00",)), tmp_path / "big.h5", workers=1, progress=False)
    with NormalizedFile(tmp_path / "big.h5") as big, NormalizedFile(prepared) as small:
        np.testing.assert_allclose(big.rows.pitch_yaw_rad, small.rows.pitch_yaw_rad[:8], atol=1e-7)
        landmarks = (big.rows.landmarks_norm_px / size * 112) - small.rows.landmarks_norm_px[:8]
        assert np.abs(landmarks).max() < 0.01
        for index, face in enumerate(big.read(np.arange(8))):
            shrunk = cv2.resize(face, (112, 112), interpolation=cv2.INTER_AREA).astype(int)
            assert np.abs(shrunk - small.read([index])[0]).mean() < 4.0


def test_the_command_prepares_and_reports(standin, tmp_path, capsys):
    out = tmp_path / "cli out.h5"
    argv = ["prepare", str(standin), "--out", str(out), "--size", "112", "--workers", "1"]
    assert gaze_main(argv) == 0
    assert '"faces": 24' in capsys.readouterr().out
    assert out.with_suffix(".report.json").is_file()
    assert gaze_main(argv) == 2
    assert "exists; give --overwrite" in capsys.readouterr().err
    assert gaze_main(["prepare", str(tmp_path), "--out", str(tmp_path / "a.h5")]) == 1
    assert "holds no p00/p00.txt" in capsys.readouterr().err
    assert gaze_main(["prepare", str(standin), "--out", "x.h5", "--subset", "evaluation"]) == 2
    assert gaze_main(["prepare", str(standin), "--out", "x.h5", "--format", "released"]) == 2
    assert "never guessed" in capsys.readouterr().err


def test_the_header_says_where_everything_comes_from(standin, prepared):
    import hashlib

    with NormalizedFile(prepared) as file:
        header, rows = file.header, file.rows
    assert header.label_space == "rotation-only"
    assert header.normalized_camera.size_px == 112
    assert header.normalized_camera.focal_px == 480
    assert header.source == "mpiifacegaze-like"
    assert len(header.sources) == 12
    for name, digest in header.sources.items():
        assert hashlib.sha256((standin / name).read_bytes()).hexdigest() == digest
    picture = standin / rows.person[5] / rows.frame_id[5]
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == rows.source_sha256[5]


def test_faces_are_single_compressed_chunks(prepared):
    with h5py.File(prepared) as file:
        assert file["faces"].chunks == (1, 112, 112, 3)
        assert file["faces"].id.get_create_plist().get_nfilters() == 1
        assert file["faces"].id.get_storage_size() < file["faces"].size
