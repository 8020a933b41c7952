"""`gaze synthesize fetch-assets` against a server on this machine and local folders: whole, or nothing."""

import base64
import errno
import gzip
import hashlib
import json
import threading
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_head import MOVED, SMALL

from gaze import cli, fetching
from gaze.synthesis import asset_checks, asset_files, fetch_assets
from gaze.synthesis.asset_files import sha256_of_array
from gaze.synthesis.pack_environments import pack_environment
from gaze.synthesis.pack_ict import NEUTRAL, pack_ict
from gaze.synthesis.pack_mobilenet import pack_mobilenet
from tests.gaze.synthesis.tflite_file import CONV, Tensor, tflite_file

TFLITE = tflite_file([(CONV, Tensor(np.int8([[[[5]]]]), np.float32([0.5]), 0), Tensor(np.float32([1])))])
GREY = np.full((256, 512, 3), 0.5, np.float32)
HEADS = {NEUTRAL: SMALL, "identity000.obj": MOVED, "jawOpen.obj": MOVED}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def exr_module():
    cv2_exr = cv2.imencode(".exr", 0.75 * GREY)[1]
    return b"export default 'data:application/exr;base64," + base64.b64encode(cv2_exr) + b"'"


class Server:
    """Answers with ``files`` (path -> bytes); ``faults`` (path -> status codes) come first."""

    def __init__(self, files):
        self.files, self.faults, self.requests, self.gzip = dict(files), {}, [], False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                faults = outer.faults.get(self.path, [])
                status = faults.pop(0) if faults else 200 if self.path in outer.files else 404
                body = outer.files.get(self.path, b"") if status == 200 else b"no"
                self.send_response(status)
                if outer.gzip:
                    body = gzip.compress(body)
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def upstream(monkeypatch, tmp_path):
    """The server, with a manifest of a small head, one panorama and one layer that points to it."""
    monkeypatch.setenv("OPENCV_IO_ENABLE_OPENEXR", "1")
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)
    hdr, built = cv2.imencode(".hdr", GREY)[1].tobytes(), exr_module()
    files = {f"/head/Model/{name}": content for name, content in HEADS.items()}
    files |= {
        "/head/LICENSE": b"MIT",
        "/hdri/sky.hdr": hdr,
        "/built/sky.exr.js": built,
        "/net/x.tflite": TFLITE,
    }
    server = Server(files)
    packed = dict(pack_ict(list(HEADS), HEADS.__getitem__))
    head_sums = {key: sha256_of_array(array) for key, array in packed[NEUTRAL].items()}
    head_sums |= {name: sha256_of_array(packed[name]["shape"]) for name in HEADS if name != NEUTRAL}
    listed = {"LICENSE": sha256(b"MIT"), **{f"Model/{name}": None for name in HEADS}}
    listed[f"Model/{NEUTRAL}"] = sha256(SMALL)
    network = pack_mobilenet(TFLITE, "x.tflite")
    manifest = {
        "ict_face": {"url": f"{server.url}head/", "files": listed, "arrays": head_sums},
        "hdri": {
            "originals": {
                "url": f"{server.url}hdri/",
                "arrays": {"sky": sha256_of_array(pack_environment(hdr, "sky.hdr"))},
            },
            "built": {
                "url": f"{server.url}built/",
                "files": {"sky": sha256(built)},
                "arrays": {"sky": sha256_of_array(pack_environment(built, "sky.exr.js"))},
            },
        },
        "mobilenetv2_imagenet": {
            "url": f"{server.url}net/",
            "file": "x.tflite",
            "arrays": {name: sha256_of_array(array) for name, array in network.items()},
        },
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    monkeypatch.setattr(asset_checks, "MANIFEST", path)
    yield server
    server.close()


@pytest.fixture
def assets(tmp_path):
    return tmp_path / "deep" / "assets"


def run(assets, *options):
    return cli.main(["synthesize", "fetch-assets", "--assets", str(assets), *options])


def below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


WHOLE = [
    "hdri/environments.npz",
    "ict_face/LICENSE",
    "ict_face/ict_face.npz",
    "mobilenetv2_imagenet/mobilenet_v2_imagenet_bn_folded.npz",
]


@pytest.mark.parametrize("gzipped", [False, True])
def test_everything_is_fetched_once(upstream, assets, capsys, gzipped):
    upstream.gzip = gzipped
    assert run(assets) == 0
    assert below(assets) == WHOLE and not (assets / "downloads").exists()
    with np.load(assets / "ict_face/ict_face.npz") as head:
        assert head["identity"][0, 2, 1] == 0.25 and head["expression_names"].tolist() == ["jawOpen"]
        assert head["vertices"].shape == (4, 3)
    with np.load(assets / "hdri/environments.npz") as panoramas:
        assert panoramas.files == ["sky"] and (panoramas["sky"] == np.float16(0.5)).all()
    with np.load(assets / WHOLE[3]) as layers:
        assert layers["00_conv.weight"].ravel() == [2.5]
    upstream.requests.clear()
    assert run(assets) == 0
    assert upstream.requests == [] and capsys.readouterr().out.count("already there") == 3


def test_an_interrupted_run_goes_on(upstream, assets, capsys):
    upstream.faults["/head/Model/jawOpen.obj"] = [404]
    assert run(assets) == 1
    assert "jawOpen.obj" in (fault := capsys.readouterr().err) and "--from" in fault
    # The other groups are there; nothing of the head passes for whole.
    assert [name for name in below(assets) if "downloads" not in name] == [WHOLE[0], WHOLE[3]]
    upstream.requests.clear()
    assert run(assets) == 0
    assert upstream.requests == ["/head/Model/jawOpen.obj"]
    assert below(assets) == WHOLE


def test_passing_faults_are_tried_again(upstream, assets):
    upstream.faults["/net/x.tflite"] = [503, 429]
    assert run(assets, "--only", "mobilenetv2_imagenet") == 0
    assert upstream.requests == ["/net/x.tflite"] * 3


def test_a_file_with_another_checksum_is_refused(upstream, assets, capsys):
    upstream.files[f"/head/Model/{NEUTRAL}"] = MOVED
    assert run(assets, "--only", "ict_face") == 1
    assert "SHA-256" in capsys.readouterr().err
    assert not (assets / "ict_face").exists()


def test_altered_values_are_refused_and_fetched_again(upstream, assets, capsys):
    """A file without a checksum of its own is known by what is packed from it."""
    good = upstream.files["/head/Model/identity000.obj"]
    upstream.files["/head/Model/identity000.obj"] = good.replace(b"1.25", b"1.5")
    assert run(assets, "--only", "ict_face") == 1
    assert "identity000.obj" in (fault := capsys.readouterr().err) and "not those of the release" in fault
    upstream.files["/head/Model/identity000.obj"] = good
    upstream.requests.clear()
    assert run(assets, "--only", "ict_face") == 0
    assert "/head/Model/identity000.obj" in upstream.requests
    assert f"/head/Model/{NEUTRAL}" not in upstream.requests


@pytest.mark.parametrize("fault", ["gone", "changed"])
def test_the_built_package_stands_in_for_an_original(upstream, assets, capsys, fault):
    if fault == "gone":
        del upstream.files["/hdri/sky.hdr"]
    else:
        upstream.files["/hdri/sky.hdr"] = cv2.imencode(".hdr", 0.25 * GREY)[1].tobytes()
    assert run(assets, "--only", "hdri") == 0
    assert "built package" in capsys.readouterr().out
    with np.load(assets / "hdri/environments.npz") as panoramas:
        assert (panoramas["sky"] == np.float16(0.375)).all()
    assert run(assets, "--only", "hdri") == 0
    assert "already there" in capsys.readouterr().out
    del upstream.files["/built/sky.exr.js"]
    (assets / "hdri/environments.npz").unlink()
    assert run(assets, "--only", "hdri") == 1
    assert "sky.hdr" in (text := capsys.readouterr().err) and "sky.exr.js" in text


@pytest.mark.parametrize("damage", ["truncated", "values", "missing"])
def test_an_altered_packed_file_is_made_again(upstream, assets, capsys, damage):
    assert run(assets) == 0
    path = assets / "ict_face/ict_face.npz"
    content = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        with np.load(path) as data:
            arrays = {name: data[name] for name in data.files if damage == "values" or name != "uv"}
        arrays["vertices"] = arrays["vertices"] + np.float32(0.001)
        np.savez(path, **arrays)
    assert run(assets) == 0
    assert "made again" in capsys.readouterr().out
    with np.load(path) as data:
        assert data["vertices"][0, 2] == 0.5 and "uv" in data.files


def test_offline_from_a_folder(upstream, assets, tmp_path, capsys):
    source = tmp_path / "fetched"
    for path, content in upstream.files.items():
        target = source / (path[1:] + (".gz" if path.endswith("jawOpen.obj") else ""))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(content) if target.suffix == ".gz" else content)
    (source / "a_LICENSE").mkdir()
    (source / "a_LICENSE/LICENSE").write_text("of something else")
    before = below(source)
    assert run(assets, "--from", str(source)) == 0
    assert upstream.requests == [] and below(assets) == WHOLE and below(source) == before
    (source / "head/Model/identity000.obj").unlink()
    (assets / "ict_face/ict_face.npz").unlink()
    assert run(assets, "--from", str(source)) == 1
    assert "holds no identity000.obj; it comes from http" in capsys.readouterr().err
    assert run(assets, "--from", str(source / "none"), "--only", "ict_face") == 1
    assert "no such folder" in capsys.readouterr().err


def test_what_would_fill_the_memory_is_not_unpacked(upstream, assets, tmp_path, capsys, monkeypatch):
    """Ten kilobytes that stand for ten megabytes, where no file has one; as an answer and as a file."""
    monkeypatch.setattr(asset_files, "MAX_BYTES", 1_000_000)
    bomb = bytes(10_000_000)
    upstream.files["/net/x.tflite"], upstream.gzip = bomb, True
    assert run(assets, "--only", "mobilenetv2_imagenet") == 1
    assert "x.tflite: holds more than 1,000,000 bytes" in capsys.readouterr().err
    assert upstream.requests == ["/net/x.tflite"]
    source = tmp_path / "fetched"
    source.mkdir()
    (source / "x.tflite.gz").write_bytes(gzip.compress(bomb))
    tracemalloc.start()
    assert run(assets, "--from", str(source), "--only", "mobilenetv2_imagenet") == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "x.tflite.gz: holds more than 1,000,000 bytes" in capsys.readouterr().err
    assert peak < 4_000_000
    assert below(assets) == []


def test_a_full_disk_leaves_nothing_half_written(upstream, assets, capsys, monkeypatch):
    assert run(assets, "--only", "hdri") == 0
    path = assets / "hdri/environments.npz"
    path.write_bytes(b"an older one")

    real = Path.write_bytes

    def full(target, content):
        if target.suffix != ".npz":
            return real(target, content)
        real(target, b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run(assets, "--only", "hdri") == 1
    assert "No space left on device" in (text := capsys.readouterr().err) and "run again" in text
    assert path.read_bytes() == b"an older one"
    assert [name for name in below(assets) if "downloads" not in name] == ["hdri/environments.npz"]
    monkeypatch.undo()


def test_no_network(upstream, assets, capsys):
    upstream.close()
    assert run(assets, "--only", "mobilenetv2_imagenet") == 1
    assert "cannot be fetched" in (text := capsys.readouterr().err) and "--from" in text
    assert below(assets) == []


def test_the_manifest_names_public_homes_and_every_file():
    manifest = asset_checks.read_manifest()
    heads, panoramas, network = (manifest[name] for name in fetch_assets.GROUPS)
    urls = [heads["url"], panoramas["originals"]["url"], panoramas["built"]["url"], network["url"]]
    assert all(url.startswith("https://") and url.endswith("/") for url in urls)
    models = [name for name in heads["files"] if name.endswith(".obj")]
    assert (
        len(models) == 158 and len(panoramas["originals"]["arrays"]) == 18 and len(network["arrays"]) == 106
    )
    assert {name.rpartition("/")[2] for name in models} - {NEUTRAL} <= heads["arrays"].keys()


def test_the_packed_assets_here_are_those_of_the_release(shared_dir):
    manifest = asset_checks.read_manifest()
    for name, group in fetch_assets.GROUPS.items():
        assert fetch_assets.is_intact(shared_dir / "assets" / group.path, manifest[name]), name
