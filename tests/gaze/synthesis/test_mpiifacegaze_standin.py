"""The stand-in data set: same seed, same files; killed and called again; invented laptops like real ones."""

import json
import os
import shutil
import signal
from functools import partial

import numpy as np
import pytest
from drawn_person import DrawnPerson

from gaze.datasets.mpiifacegaze_calibration import load_camera_mat
from gaze.errors import DataError
from gaze.synthesis.mpiifacegaze_standin import StandinOptions, write_standin
from gaze.synthesis.standin_calibration import invent_camera, invent_screen

OPTIONS = StandinOptions(persons=2, images=3, seed=5)


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    """Two drawn people with three pictures each."""
    root = tmp_path_factory.mktemp("standin")
    write_standin(root, DrawnPerson, OPTIONS, progress=False)
    return root


def _files(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def _without_dates(files):
    # MATLAB files carry the time they were written in their first 116 bytes.
    return {name: data[128:] if name.endswith(".mat") else data for name, data in files.items()}


def test_the_layout_is_that_of_the_raw_set(standin):
    names = set(_files(standin))
    assert {f"p00/Calibration/{n}.mat" for n in ("Camera", "monitorPose", "screenSize")} <= names
    assert "Evaluation Subset/sample list for eye image/p01.txt" in names
    lines = (standin / "p01" / "p01.txt").read_text().splitlines()
    assert len(lines) == 3
    for line in lines:
        columns = line.split(" ")
        assert len(columns) == 28
        assert f"p01/{columns[0]}" in names
        assert columns[27] in ("left", "right")
        assert all(float(column).is_integer() for column in columns[1:15])
    manifest = json.loads((standin / "dataset.json").read_text())
    assert manifest["counts"] == {"p00": 3, "p01": 3}
    assert 0 < manifest["label_noise_deg"]["p00"] < 2


def test_the_same_seed_gives_the_same_files_in_parallel_too(standin, tmp_path):
    write_standin(tmp_path / "again", DrawnPerson, OPTIONS, workers=2, progress=False)
    assert _without_dates(_files(tmp_path / "again")) == _without_dates(_files(standin))


def test_a_killed_call_keeps_whole_people_and_drops_half_ones(standin, tmp_path):
    root = shutil.copytree(standin, tmp_path / "killed")
    kept = (root / "p00" / "p00.txt").stat().st_mtime_ns
    (root / "p01").rename(root / "p01.partial")
    (root / "p01.partial" / "p01.txt").unlink()
    (root / "dataset.json").unlink()
    write_standin(root, DrawnPerson, OPTIONS, progress=False)
    assert (root / "p00" / "p00.txt").stat().st_mtime_ns == kept
    assert _without_dates(_files(root)) == _without_dates(_files(standin))


class _Faulty(DrawnPerson):
    """Comes down once, or finds nothing to draw with."""

    def __init__(self, mark, fault):
        if fault == "assets":
            raise DataError("no such head")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_told_and_the_next_call_goes_on(standin, tmp_path):
    make = partial(_Faulty, tmp_path / "mark", "kill")
    root = tmp_path / "out"
    with pytest.raises(DataError, match=r"was killed.*fewer --workers: people that are whole are kept"):
        write_standin(root, make, OPTIONS, workers=2, progress=False)
    write_standin(root, make, OPTIONS, workers=2, progress=False)
    assert _without_dates(_files(root)) == _without_dates(_files(standin))


def test_processes_that_cannot_draw_say_why(tmp_path):
    make = partial(_Faulty, tmp_path / "mark", "assets")
    with pytest.raises(DataError, match="no such head"):
        write_standin(tmp_path / "out", make, OPTIONS, workers=2, progress=False)


def test_people_of_other_options_are_not_mixed_in(standin, tmp_path):
    root = shutil.copytree(standin, tmp_path / "copy")
    with pytest.raises(DataError, match="give another --out"):
        write_standin(root, DrawnPerson, StandinOptions(2, 4, 5), progress=False)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_options_that_cannot_be_read_are_no_reason_to_overwrite_people(tmp_path, content):
    (tmp_path / "standin_options.json").write_bytes(content)
    with pytest.raises(DataError, match="give another --out"):
        write_standin(tmp_path, DrawnPerson, OPTIONS, progress=False)


def test_invented_laptops_lie_within_the_real_ones(shared_dir):
    real = [load_camera_mat(p) for p in sorted((shared_dir / "real/mpiifacegaze/cameras").glob("*.mat"))]
    for seed in range(25):
        rng = np.random.default_rng(seed)
        camera, screen = invent_camera(rng), invent_screen(rng)
        focals = [mat.K[0, 0] for mat in real]
        assert min(focals) - 5 <= camera.K[0, 0] <= max(focals) + 5
        # Over the whole picture distortion moves a point no further than twice the most of the real ones.
        corners = np.array([[0.0, 0], [640, 0], [0, 360], [1279, 719]])
        moved = np.abs(camera.distort(corners) - corners).max()
        most = max(np.abs(m.camera(1280, 720).distort(corners) - corners).max() for m in real)
        assert 0 < moved < 2 * most
        corners_mm = screen.to_camera([[0, 0], [screen.width_px, 0], [0, screen.height_px]])
        # Seen by the camera the screen's left edge is on the right; the screen hangs below the camera.
        assert corners_mm[0, 0] > 100 > -100 > corners_mm[1, 0]
        assert corners_mm[2, 1] > 150
        assert np.linalg.norm(corners_mm[1] - corners_mm[0]) == pytest.approx(screen.width_mm)
