"""What the file system does wrong, through the command: one line with file and mend, no traceback."""

import errno
import os

import pytest

from gaze.cli import main as gaze_main
from gaze.datasets.prepare import prepare
from gaze.datasets.prepare_raw import RawSource
from gaze.datasets.system_errors import reading, writing
from gaze.errors import DataError, UsageError


def _missing(path):
    path.unlink()


def _folder(path):
    path.unlink()
    path.mkdir()


def _loop(path):
    path.unlink()
    path.symlink_to(path.name)


def _empty(path):
    path.write_bytes(b"")


def _noise(path):
    path.write_bytes(b"\x80\xff\x00 \n" * 200)


@pytest.mark.parametrize("harm", [_missing, _folder, _loop, _empty, _noise])
@pytest.mark.parametrize("name", ["p01.txt", "Calibration/Camera.mat", "Calibration/screenSize.mat"])
def test_a_file_that_is_none_is_named_with_the_mend(damaged, tmp_path, capsys, name, harm):
    path = damaged / "p01" / name
    harm(path)
    assert gaze_main(["prepare", str(damaged), "--size", "112", "--out", str(tmp_path / "o.h5")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"gaze prepare: {path}: ")
    assert "download" in said
    assert not (tmp_path / "o.h5").exists()


@pytest.mark.parametrize("harm", [_missing, _folder, _loop, _empty, _noise])
def test_a_picture_that_is_none_is_named_with_its_line(damaged, tmp_path, capsys, harm):
    harm(damaged / "p01" / "day01" / "0002.jpg")
    words = ["--size", "112", "--workers", "1", "--out", str(tmp_path / "o.h5")]
    assert gaze_main(["prepare", str(damaged), *words]) == 1
    assert "p01/p01.txt: line 2: " in capsys.readouterr().err
    assert gaze_main(["prepare", str(damaged), *words, "--max-skipped", "0.2"]) == 0
    assert '"faces": 23' in capsys.readouterr().out


@pytest.mark.parametrize("harm", [_missing, _folder, _loop, _empty, _noise])
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_prepared_file_that_is_none_is_named(tmp_path, capsys, command, harm):
    if command == "train":
        pytest.importorskip("torch")
    path = tmp_path / "a.h5"
    path.touch()
    harm(path)
    words = {
        "train": ["train", "--data", str(path), "--protocol", "all", "--out", str(tmp_path / "out")],
        "evaluate": ["evaluate", "faces", "--data", str(path)],
    }[command]
    assert gaze_main(words) in (1, 2)
    said = capsys.readouterr().err
    assert f"{path}: " in said
    assert "gaze prepare" in said


def test_the_files_of_others_are_named():
    denied = PermissionError(errno.EACCES, "Permission denied", "p01.txt")
    with pytest.raises(DataError, match=r"^p01.txt: cannot be read \(Permission denied\); check"), reading():
        raise denied
    message = r"^out.h5: cannot be written \(Permission denied\); check the folder's permissions .*, do that"
    with pytest.raises(DataError, match=message), writing("out.h5", "do that"):
        raise denied
    message = "the disk is full: free some space, do that"
    with pytest.raises(DataError, match=message), writing("out.h5", "do that"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_places_that_can_not_be_written_are_named_before_the_work(standin, tmp_path):
    source = RawSource(standin, 112)
    with pytest.raises(UsageError, match="is a folder; give --out the name of a file"):
        prepare(source, tmp_path, overwrite=True, progress=False)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written \(Not a directory|File exists\)"):
        prepare(source, tmp_path / "file" / "o.h5", progress=False)
    with pytest.raises(DataError, match=r"cannot be written \(File name too long\)"):
        prepare(source, tmp_path / ("a" * (os.pathconf(tmp_path, "PC_NAME_MAX") + 1)), progress=False)


def test_damaged_blocks_are_done_again_and_damaged_settings_refused(damaged, tmp_path):
    picture, out = damaged / "p01" / "day01" / "0002.jpg", tmp_path / "o.h5"
    whole = picture.read_bytes()
    picture.write_bytes(b"")
    source, parts = RawSource(damaged, 112), tmp_path / "o.h5.parts"
    with pytest.raises(DataError, match=r"0002\.jpg"):
        prepare(source, out, workers=1, progress=False)
    picture.write_bytes(whole)
    (parts / "p00_000000_000008.json").write_text("[{")
    (parts / "p02_000000_000008.h5").write_bytes(b"\x89HDF\r\n\x1a\n half a block")
    manifest = (parts / "parts.json").read_text()
    (parts / "parts.json").write_text(manifest[:20])
    with pytest.raises(UsageError, match=r"other settings.*--restart"):
        prepare(source, out, workers=1, progress=False)
    (parts / "parts.json").write_text(manifest)
    report = prepare(source, out, workers=1, progress=False)
    assert (report["faces"], report["blocks_done_before"]) == (24, 0)


def test_settings_may_change_while_no_block_is_done(standin, tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
        with pytest.raises(DataError, match=r"needs about 25 MB, 1 MB are free.*smaller --size"):
            prepare(RawSource(standin, 448), tmp_path / "o.h5", workers=1, progress=False)
    assert prepare(RawSource(standin, 112), tmp_path / "o.h5", workers=1, progress=False)["size_px"] == 112
