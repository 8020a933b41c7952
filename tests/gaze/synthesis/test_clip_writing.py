"""Films are written whole or not at all, though OpenCV does not say when a disk is full."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gaze import disk_space
from gaze.camera import Camera
from gaze.errors import DataError
from gaze.synthesis.clip import write_clip

CAMERA = Camera.from_hfov(60.0, 160, 120, "calibrated")
REPOSITORY = Path(__file__).resolve().parents[3]
ENDINGS = ("mp4", "mkv", "avi", "mov")
ON_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
from tests.gaze.synthesis.test_clip_writing import CAMERA, frames
from gaze import disk_space
from gaze.errors import DataError
from gaze.synthesis.clip import write_clip
if sys.argv[2] == "untold":  # as of a file system that takes no file so large
    disk_space.largest_file_bytes = lambda: None
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    write_clip(Path(sys.argv[1]), CAMERA, frames(40), 20)
except DataError as error:
    print(error)
"""


def frames(count):
    rng = np.random.default_rng(0)
    for number in range(count):
        yield rng.integers(0, 256, (120, 160, 3), dtype=np.uint8), {"frame": number}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("count", [1, 30])
def test_all_frames_are_there(tmp_path, ending, count):
    assert write_clip(tmp_path / f"a.{ending}", CAMERA, frames(count), 20) == count
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{ending}", "a.truth.jsonl"]


@pytest.mark.parametrize(
    ("ending", "limit", "message"),
    [
        *((ending, "untold", "of 40 frames could be written; free some space") for ending in ENDINGS),
        ("mp4", "told", "a file may have 0.1 MB at most here (ulimit -f); raise that"),
    ],
)
def test_a_film_that_is_cut_off_is_told_and_an_older_one_stays(tmp_path, ending, limit, message):
    """Files may grow to 60 kB: OpenCV goes on as if all were well."""
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"older")
    done = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_DISK, str(path), limit],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert message in done.stdout
    assert [each.name for each in tmp_path.iterdir()] == [path.name] and path.read_bytes() == b"older"


def test_writing_ends_before_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_space, "SPACE_CHECK_S", 0.0)
    drawn = []

    def filling():
        for frame in frames(9):
            if len(drawn) == 4:
                monkeypatch.setattr(disk_space, "RESERVED_BYTES", 1 << 60)
            drawn.append(frame)
            yield frame

    with pytest.raises(DataError, match=r"a\.mp4: the disk is full .* free some space"):
        write_clip(tmp_path / "a.mp4", CAMERA, filling(), 20)
    assert len(drawn) == 5 and not list(tmp_path.iterdir())


def test_a_really_full_disk(tmp_path):
    """A file system of half a megabyte, where this machine lets us mount one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(tmp_path)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        with pytest.raises(DataError, match=r"a\.mp4: the disk is full \(1 MB left\); free some space"):
            write_clip(tmp_path / "a.mp4", CAMERA, frames(3), 20)
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
