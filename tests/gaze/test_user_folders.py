"""Users that the system does not know, as `docker run --user 12345` makes them."""

import os
from pathlib import Path

import pytest

from gaze import cli
from gaze.user_folders import cache_dir, settle_home, user_name

pwd = pytest.importorskip("pwd")


@pytest.fixture
def stranger(monkeypatch):
    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setenv("HOME", "")  # so that it is put back
    for name in ("HOME", "XDG_CACHE_HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("stranger")
def test_a_user_without_a_home_gets_one_that_is_not_there(capsys):
    with pytest.raises(RuntimeError):
        Path.home()
    assert cli.main(["--help"]) == 0
    assert capsys.readouterr().err == ""
    assert os.environ["HOME"] == "/nonexistent"
    assert cache_dir() == Path("/nonexistent/.cache/webcam-gaze")
    assert user_name() == "unnamed"


def test_a_home_that_is_there_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    settle_home()
    assert cache_dir() == tmp_path / ".cache" / "webcam-gaze"
