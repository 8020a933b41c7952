"""Sources that are GStreamer pipelines."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from loop_fakes import drain, until

from deploy.sources import open_source
from deploy.sources.pipes import GStreamerProcess
from gaze.errors import SourceError

ROOT = Path(__file__).resolve().parents[3]
needs_gstreamer = pytest.mark.skipif(
    shutil.which("gst-launch-1.0") is None, reason="gst-launch-1.0 is not installed"
)


@needs_gstreamer
@pytest.mark.parametrize("size", [(64, 48), (101, 75)])
def test_gstreamer_pipeline(size):
    text = f"videotestsrc num-buffers=4 pattern=red ! video/x-raw,width={size[0]},height={size[1]} ! appsink"
    with open_source(text) as source:
        frames = drain(source, 20.0)
    assert frames
    assert frames[-1].image.shape == (size[1], size[0], 3)
    assert np.abs(frames[-1].image.reshape(-1, 3).astype(int) - (0, 0, 255)).max() <= 3
    assert source.fps == 30.0


def needs_elements(*names):
    """Skips, with the names, where this GStreamer has not all of these elements."""

    def is_there(name):
        inspect = shutil.which("gst-inspect-1.0")
        return inspect is not None and subprocess.run([inspect, name], capture_output=True).returncode == 0

    missing = [name for name in names if not is_there(name)]
    return pytest.mark.skipif(bool(missing), reason=f"GStreamer elements are missing: {', '.join(missing)}")


@needs_gstreamer
@needs_elements("filesrc", "avidemux", "jpegdec", "videoconvert")
def test_a_gstreamer_pipeline_reads_a_file(tmp_path):
    """A film of grey pictures, each darker than the next: their order and their end."""
    film = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 25.0, (96, 64))
    for level in range(20, 220, 20):
        writer.write(np.full((64, 96, 3), level, np.uint8))
    writer.release()
    with open_source(f"filesrc location={film} ! avidemux ! jpegdec ! videoconvert") as source:
        frames = drain(source, 20.0)
        assert source.ended and source.fps == 25.0
    assert {frame.image.shape for frame in frames} == {(64, 96, 3)}
    # A pipeline is live: a reader that is slower than the file gets the newest, and the last in any case.
    wanted = np.arange(20, 220, 20)[[frame.index for frame in frames]]
    assert [frame.image.mean() for frame in frames] == pytest.approx(wanted, abs=2)
    assert frames[-1].index == 9


@needs_gstreamer
def test_a_gstreamer_pipeline_with_a_file_that_is_missing(tmp_path):
    with (
        open_source(f"filesrc location={tmp_path}/none.avi ! jpegdec ! videoconvert") as source,
        pytest.raises(SourceError, match=r"pipeline does not start.*Resource not found$"),
    ):
        drain(source, 20.0)


@needs_gstreamer
def test_a_gstreamer_pipeline_that_is_wrong():
    with (
        open_source("nosuchelement ! appsink") as source,
        pytest.raises(SourceError, match=r'does not start.*no element "nosuchelement"; check the name'),
    ):
        drain(source, 20.0)


@pytest.mark.skipif(sys.platform == "win32", reason="gst-launch-1.0 is not used there")
@pytest.mark.parametrize(
    ("lines", "package"),
    [
        (['WARNING: erroneous pipeline: no element "avidemux"'], "install gstreamer1.0-plugins-good`"),
        (['WARNING: erroneous pipeline: no element "h264parse"'], "install gstreamer1.0-plugins-bad`"),
        (['WARNING: erroneous pipeline: no element "avdec_h264"'], "install gstreamer1.0-libav`"),
        (['WARNING: erroneous pipeline: no element "libcamerasrc"'], "install gstreamer1.0-libcamera`"),
        (
            [
                "Missing element: H.264 (High Profile) decoder",
                "ERROR: from element /GstPipeline: Your GStreamer installation is missing a plug-in.",
            ],
            r"a plug-in; Missing element: H\.264 \(High Profile\) decoder; .* gstreamer1.0-libav`",
        ),
    ],
)
def test_a_missing_element_names_its_package(lines, package, tmp_path, monkeypatch):
    """What GStreamer 1.22 says on Debian 12, said by a program in its place."""
    program = tmp_path / "gst-launch-1.0"
    program.write_text("#!/bin/sh\ncat <<'SAID'\n" + "\n".join(lines) + "\nSAID\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("deploy.sources.pipes.shutil.which", lambda name: str(program))
    with (
        open_source("filesrc location=film.mp4 ! decodebin ! videoconvert") as source,
        pytest.raises(SourceError, match=f"does not start.*{package}"),
    ):
        drain(source, 20.0)


@pytest.fixture
def silent_program(tmp_path):
    """A gst-launch-1.0 that starts and gives nothing; it leaves its process id in a file."""
    if sys.platform != "linux":
        pytest.skip("processes are read in /proc")
    program = tmp_path / "bin" / "gst-launch-1.0"
    program.parent.mkdir()
    new, pid = tmp_path / "new", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ >'{new}' && mv '{new}' '{pid}'\nexec sleep 60\n")
    program.chmod(0o755)
    return program


def is_running(pid):
    """Whether there is such a process; what is left of one that ended has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def test_a_pipeline_that_gives_no_picture_is_an_error_in_time(silent_program, tmp_path, monkeypatch):
    monkeypatch.setattr("deploy.sources.pipes.shutil.which", lambda name: str(silent_program))
    monkeypatch.setattr("deploy.sources.pipes.START_TIMEOUT_S", 0.5)
    with pytest.raises(SourceError, match=r"no picture came within 0\.5 seconds; check .*gst-launch-1\.0 -v"):
        GStreamerProcess("somesrc ! somedec ! appsink")
    assert not is_running(int((tmp_path / "pid").read_text()))


def test_a_program_that_ends_while_a_pipeline_starts_takes_it_along(silent_program, tmp_path):
    code = f"""
import time
from functools import partial
from pathlib import Path
from deploy.sources.pipes import GStreamerProcess
from deploy.sources.threaded import ThreadedSource
with ThreadedSource("camera", partial(GStreamerProcess, "somesrc ! somedec")):
    while not Path({str(tmp_path / "pid")!r}).exists():
        time.sleep(0.01)
"""
    environment = {**os.environ, "PATH": f"{silent_program.parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT, timeout=60)
    pid = int((tmp_path / "pid").read_text())
    assert until(lambda: not is_running(pid), 5)


@needs_gstreamer
def test_a_gstreamer_pipeline_with_half_a_quote():
    with (
        open_source("videotestsrc ! 'bad") as source,
        pytest.raises(SourceError, match="quotes must come in pairs"),
    ):
        drain(source, 20.0)


def test_gstreamer_without_gstreamer(monkeypatch):
    monkeypatch.setattr("deploy.sources.pipes.shutil.which", lambda name: None)
    with (
        open_source("videotestsrc ! appsink") as source,
        pytest.raises(SourceError, match="apt-get install gstreamer"),
    ):
        drain(source)


def test_windows_is_told_what_to_give_instead(monkeypatch):
    monkeypatch.setattr("deploy.sources.pipes.sys.platform", "win32")
    with pytest.raises(SourceError, match=r"do not run on Windows; give a camera by its number"):
        GStreamerProcess("videotestsrc ! appsink")
