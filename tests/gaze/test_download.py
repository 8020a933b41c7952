"""`gaze download-models` against a local server and local files: whole and right, or nothing."""

import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gaze import cli, download, fetching, landmark_model
from gaze.errors import DataError, GazeError, ModelError

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def serving(body=CONTENT, status=200, announced=None):
    """A server on this machine that answers every request with ``body``."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if announced is None else announced))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/model.task", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nothing is waited for between two tries."""
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "deep" / "folder" / "model.task"


def nothing_left(target):
    return not target.parent.exists() or list(target.parent.iterdir()) == []


def test_fetch_writes_the_checked_file(target):
    with serving() as (url, _):
        download.fetch(url, target, SHA256, len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    "body", [CONTENT[:-1], b"", b"<html>log in first</html>"], ids=["short", "empty", "page"]
)  # fmt: skip
def test_anything_else_is_refused_and_not_kept(target, body):
    with serving(body) as (url, _), pytest.raises(ModelError, match="SHA-256"):
        download.fetch(url, target, SHA256, len(CONTENT))
    assert nothing_left(target)


@pytest.mark.parametrize("body", [CONTENT + b"x", CONTENT * 50], ids=["long", "huge"])
def test_more_than_the_file_is_refused_and_not_kept(target, body):
    with serving(body) as (url, _), pytest.raises(DataError, match="more than 102,400 bytes"):
        download.fetch(url, target, SHA256, len(CONTENT))
    assert nothing_left(target)


def test_a_connection_that_breaks_off(target):
    with serving(CONTENT[:1000], announced=len(CONTENT)) as (url, _), pytest.raises(GazeError):
        download.fetch(url, target, SHA256, len(CONTENT))
    assert nothing_left(target)


def test_a_server_that_refuses(target):
    with (
        serving(b"gone", status=404) as (url, _),
        pytest.raises(GazeError, match=r"cannot be fetched.*--file"),
    ):
        download.fetch(url, target, SHA256)


def test_no_network(target):
    with serving() as (url, _):
        pass
    with pytest.raises(GazeError, match=r"cannot be fetched.*--file"):
        download.fetch(url, target, SHA256)
    assert nothing_left(target)


def test_old_file_survives_a_bad_download(target):
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    with serving(b"bad") as (url, _), pytest.raises(ModelError):
        download.fetch(url, target, SHA256)
    assert target.read_bytes() == CONTENT


def test_unwritable_target(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with serving() as (url, _), pytest.raises(GazeError, match=r"cannot be written.*--output"):
        download.fetch(url, tmp_path / "file" / "model.task", SHA256, len(CONTENT))


@pytest.fixture
def pinned(monkeypatch, tmp_path):
    """The command, with the pinned file replaced by the small one and the cache in tmp_path."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "SHA256", SHA256)
    return tmp_path / "cache" / "webcam-gaze" / "face_landmarker.task"


def test_command_fetches_once(pinned, monkeypatch, capsys):
    with serving() as (url, requests):
        monkeypatch.setattr(download, "URL", url)
        assert cli.main(["download-models"]) == 0
        assert cli.main(["download-models"]) == 0
    assert pinned.read_bytes() == CONTENT
    assert len(requests) == 1
    assert "already there" in capsys.readouterr().out


def test_command_replaces_an_altered_copy(pinned, monkeypatch):
    pinned.parent.mkdir(parents=True)
    pinned.write_bytes(b"altered")
    with serving() as (url, _):
        monkeypatch.setattr(download, "URL", url)
        assert cli.main(["download-models"]) == 0
    assert pinned.read_bytes() == CONTENT


def test_command_takes_a_local_copy(pinned, tmp_path):
    (tmp_path / "copy.task").write_bytes(CONTENT)
    assert cli.main(["download-models", "--file", str(tmp_path / "copy.task")]) == 0
    assert pinned.read_bytes() == CONTENT


def test_command_refuses_a_wrong_local_copy(pinned, tmp_path, capsys):
    (tmp_path / "copy.task").write_bytes(CONTENT[:50])
    assert cli.main(["download-models", "--file", str(tmp_path / "copy.task")]) == 1
    assert "SHA-256" in capsys.readouterr().err
    assert cli.main(["download-models", "--file", str(tmp_path / "none.task")]) == 1
    assert "--file" in capsys.readouterr().err
    assert not pinned.exists()


def test_relative_cache_setting_is_ignored(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert landmark_model.cached_model_path().parent.parent == Path.home() / ".cache"


def test_pinned_facts(shared_dir):
    """The pinned checksum and size are those of the real file; it comes over https."""
    content = (shared_dir / "assets/mediapipe/face_landmarker.task").read_bytes()
    assert hashlib.sha256(content).hexdigest() == landmark_model.SHA256
    assert len(content) == landmark_model.SIZE_BYTES
    assert landmark_model.URL.startswith("https://")
