"""Shards: whole or not there, resumed, refused where they do not fit."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from gaze import cli
from gaze.errors import DataError, GazeError
from gaze.synthesis import shards, shards_command
from gaze.synthesis.shards import prepare_folder, render_shard, shard_is_whole, shard_path
from gaze.synthesis.shards_command import render_all
from tests.gaze.synthesis.fake_renderer import FakeRenderer

SHA256 = "of the panoramas"
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Shards of 3 people with 4 pictures each."""
    monkeypatch.setattr(shards, "PEOPLE_PER_SHARD", 3)
    monkeypatch.setattr(shards, "PICTURES_PER_PERSON", 4)


def arrays_of(path):
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def test_a_shard_holds_what_its_seeds_say(tmp_path):
    prepare_folder(tmp_path, 32, SHA256)
    assert render_shard(FakeRenderer(), tmp_path, 5) == 12
    data = arrays_of(shard_path(tmp_path, 5))
    assert data["faces"].shape == (12, 32, 32, 3) and data["faces"].dtype == np.uint8
    assert data["pitch_yaw_rad"].dtype == data["head_pitch_yaw_rad"].dtype == np.float32
    assert data["person"].dtype == np.int32 and data["seed"].dtype == np.int64
    # The number is the seed: shard 5 has people 15 to 17, and pictures of different people never share one.
    assert sorted(set(data["person"].tolist())) == [15, 16, 17]
    assert len(set(data["seed"].tolist())) == 12
    for row in range(12):
        seed, person = int(data["seed"][row]), int(data["person"][row])
        assert seed // 1000 == person
        assert (data["faces"][row, 1:] == seed % 251).all()
        assert data["pitch_yaw_rad"][row] == pytest.approx([seed * 1e-5, person * 1e-3])
        assert json.loads(str(data["attributes"][row]))["seed"] == seed
    # A reader may take pictures in order: neighbours are mostly different people.
    assert (np.diff(data["person"]) != 0).mean() > 0.4


def test_the_same_number_gives_the_same_file(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        render_shard(FakeRenderer(), tmp_path / name, 2)
    first, second = (arrays_of(shard_path(tmp_path / name, 2)) for name in ("a", "b"))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_whole_shards_are_kept(tmp_path):
    render_shard(FakeRenderer(), tmp_path, 0)
    before = shard_path(tmp_path, 0).stat().st_mtime_ns

    def never(count):
        raise AssertionError("rendered again")

    assert render_shard(FakeRenderer(at_crop=never), tmp_path, 0) == 0
    assert shard_path(tmp_path, 0).stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["truncated", "empty", "another archive"])
def test_a_shard_that_is_not_whole_is_made_again(tmp_path, damage):
    render_shard(FakeRenderer(), tmp_path, 0)
    path = shard_path(tmp_path, 0)
    content = path.read_bytes()
    if damage == "another archive":
        np.savez(path, faces=np.zeros(3))
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    assert not shard_is_whole(path)
    assert render_shard(FakeRenderer(), tmp_path, 0) == 12
    assert path.read_bytes() == content


FULL_DISK = """
    import resource, sys
    from gaze.errors import DataError
    from gaze.synthesis import shards
    from tests.gaze.synthesis.fake_renderer import FakeRenderer
    shards.PEOPLE_PER_SHARD, shards.PICTURES_PER_PERSON = 3, 4
    shards.render_shard(FakeRenderer(), sys.argv[1], 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        shards.render_shard(FakeRenderer(), sys.argv[1], 1)
    except DataError as error:
        print(error)
"""


def test_a_full_disk_in_the_middle_of_a_shard(tmp_path):
    """Told in one line: an archive that is thrown away half written must not add a traceback."""
    command = [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=250, check=True)
    assert "shard_000001.npz: cannot be written (File too large); free space and run again" in done.stdout
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["shard_000000.npz"]
    assert render_shard(FakeRenderer(), tmp_path, 0) == 0
    assert render_shard(FakeRenderer(), tmp_path, 1) == 12
    assert shard_is_whole(shard_path(tmp_path, 1))


def test_a_shard_is_byte_for_byte_what_numpy_writes(tmp_path):
    """Readers map it into memory."""
    render_shard(FakeRenderer(), tmp_path, 0)
    path = shard_path(tmp_path, 0)
    np.savez(tmp_path / "numpy.npz", **arrays_of(path))
    assert path.read_bytes() == (tmp_path / "numpy.npz").read_bytes()


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from gaze.synthesis import shards
    from tests.gaze.synthesis.fake_renderer import FakeRenderer
    shards.PEOPLE_PER_SHARD, shards.PICTURES_PER_PERSON = 3, 4
    def die():
        os.kill(os.getpid(), signal.SIGKILL)
    def write_a_part(path, content):
        with path.open("wb") as file:
            file.write(content[:5000])
        die()
    shards.render_shard(FakeRenderer(), sys.argv[1], 0)
    if sys.argv[2] == "writing":
        Path.write_bytes = write_a_part
    at_crop = (lambda count: die() if count == 7 else None) if sys.argv[2] == "rendering" else lambda count: 0
    shards.render_shard(FakeRenderer(at_crop=at_crop), sys.argv[1], 1)
"""


@pytest.mark.parametrize("moment", ["rendering", "writing"])
def test_killed_in_the_middle_it_goes_on(tmp_path, moment):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), moment]
    assert subprocess.run(command, cwd=REPOSITORY, timeout=250).returncode == -signal.SIGKILL
    assert shard_is_whole(shard_path(tmp_path, 0)) and not shard_path(tmp_path, 1).exists()
    # What was cut off keeps a name that readers pass over.
    left = [path.name for path in tmp_path.iterdir() if path.name != "shard_000000.npz"]
    assert all(".tmp" in name for name in left) and bool(left) == (moment == "writing")
    others = ["shard_000002.7.tmp.npz", "shard_000001.mine.tmp.npz", "shard_000001.7.tmp.npz.txt"]
    for name in others:
        (tmp_path / name).touch()
    assert render_shard(FakeRenderer(), tmp_path, 0) == 0
    assert render_shard(FakeRenderer(), tmp_path, 1) == 12
    # Of the leftovers only those of the shard that is made again go.
    whole = ["shard_000000.npz", "shard_000001.npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others + whole)


@pytest.mark.parametrize("size", ["31", "513", "60000", "many"])
def test_a_side_that_no_memory_holds_is_refused(tmp_path, capsys, size):
    with pytest.raises(SystemExit) as ended:
        cli.main(["synthesize", "shards", "--out", str(tmp_path / "out"), "--size", size])
    assert ended.value.code == 2
    assert f"--size: '{size}' must be a whole number from 32 to 512" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [32, 512])
def test_the_bounds_of_a_side_are_allowed(tmp_path, monkeypatch, size):
    monkeypatch.setattr(shards_command, "read_head", lambda folder: None)
    monkeypatch.setattr(shards_command, "environments_digest", lambda folder: SHA256)
    monkeypatch.setattr(shards_command, "render_all", lambda *rest: 0)
    assert cli.main(["synthesize", "shards", "--out", str(tmp_path), "--size", str(size)]) == 0
    assert json.loads((tmp_path / "shards.json").read_text())["size"] == size


def test_a_folder_with_other_settings_is_refused(tmp_path, monkeypatch):
    prepare_folder(tmp_path / "a", 112, SHA256)
    prepare_folder(tmp_path / "a", 112, SHA256)
    with pytest.raises(DataError, match=r"other settings \(normalized_camera, size\); give another --out"):
        prepare_folder(tmp_path / "a", 224, SHA256)
    with monkeypatch.context() as patch, pytest.raises(DataError, match=r"other settings"):
        patch.setattr(shards, "PICTURES_PER_PERSON", 8)
        prepare_folder(tmp_path / "a", 112, SHA256)
    with pytest.raises(DataError, match=r"other settings \(environments_sha256\)"):
        prepare_folder(tmp_path / "a", 112, "of other panoramas")
    monkeypatch.setattr(shards, "RENDERER", shards.RENDERER + 1)
    with pytest.raises(DataError, match=r"other settings \(renderer\)"):
        prepare_folder(tmp_path / "a", 112, SHA256)
    (tmp_path / "a/shards.json").write_text('{"schema": ')
    with pytest.raises(DataError, match=r"shards.json: is not JSON"):
        prepare_folder(tmp_path / "a", 112, SHA256)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written.*--out"):
        prepare_folder(tmp_path / "file" / "out", 112, SHA256)


def render_or_die(folder, deadly, number):
    """Stands for a process that renders: number 2 brings it down, once or whenever it is tried."""
    mark = Path(folder) / "died"
    if number == 2 and (deadly == "always" or not mark.exists()):
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    (Path(folder) / str(number)).write_text("")
    return 12


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_came_down_is_replaced(tmp_path, workers):
    with tqdm(total=60, disable=True) as bar:
        made = render_all(partial(render_or_die, str(tmp_path), "once"), range(5), workers, bar)
    assert made == 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3", "4", "died"]


def test_the_first_shard_of_all_may_be_begun_again(tmp_path):
    with tqdm(total=12, disable=True) as bar:
        assert render_all(partial(render_or_die, str(tmp_path), "once"), [2], 1, bar) == 12


def test_processes_that_always_come_down_are_reported(tmp_path):
    with tqdm(total=36, disable=True) as bar, pytest.raises(GazeError, match="before their first shard"):
        render_all(partial(render_or_die, str(tmp_path), "always"), [1, 2, 3], 1, bar)
    assert (tmp_path / "1").exists()


@pytest.mark.parametrize("wrong", ["ict_face/ict_face.npz", "hdri/environments.npz"])
def test_altered_assets_are_told_before_anything_is_written(tmp_path, shared_dir, capfd, wrong):
    for path in ("ict_face/ict_face.npz", "hdri/environments.npz"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).symlink_to(shared_dir / "assets" / path)
    arrays = arrays_of(tmp_path / wrong)
    name = "lobby" if "lobby" in arrays else "vertices"
    arrays[name] = np.zeros_like(arrays[name])
    (tmp_path / wrong).unlink()
    np.savez(tmp_path / wrong, **arrays)
    options = ["--out", str(tmp_path / "out"), "--assets", str(tmp_path), "--workers", "1", "--count", "1"]
    assert cli.main(["synthesize", "shards", *options]) == 1
    assert name in (text := capfd.readouterr().err) and "fetch-assets" in text
    assert not (tmp_path / "out").exists()


def test_missing_assets_end_the_command(tmp_path, capfd, shared_dir):
    options = ["--out", str(tmp_path / "out"), "--assets", str(tmp_path), "--workers", "1", "--count", "2"]
    assert cli.main(["synthesize", "shards", *options]) == 1
    assert "fetch-assets" in capfd.readouterr().err
    (tmp_path / "ict_face").symlink_to(shared_dir / "assets/ict_face")
    assert cli.main(["synthesize", "shards", *options]) == 1
    assert "environments.npz: no such file" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
