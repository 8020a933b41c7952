"""Streams from a server: each picture is grey, of a level that says which one it is."""

import numpy as np
import pytest
from loop_fakes import drain, write_clip
from stream_servers import file_server, grey_jpeg, half, mjpeg_server, rtsp_server, whole

from deploy.sources import open_source

# Each far from the others for JPEG, and in no order of brightness.
LEVELS = [20, 60, 40, 120, 90, 150, 200, 170, 230, 10, 250, 130]


def read_until(source, condition, timeout_s=30.0):
    """Frames of a source that may not end, until the condition holds for their list."""
    frames = []
    while not condition(frames):
        frame = source.read(timeout_s)
        assert frame is not None, f"nothing came after {len(frames)} frames"
        frames.append(frame)
    return frames


def level_of(frame):
    assert frame.image.shape == (48, 64, 3)
    assert np.ptp(frame.image) <= 4
    return float(frame.image.mean())


def test_a_stream_of_jpegs_over_http_that_breaks_off_in_a_picture_comes_back():
    """Dark pictures, half a picture, and to the second client bright ones."""
    dark, bright = [grey_jpeg(40)] * 40, [grey_jpeg(200)] * 200
    with mjpeg_server([[*whole(dark), *half(dark[0])], whole(bright)]) as url, open_source(url) as source:
        frames = read_until(source, lambda seen: sum(level_of(frame) > 120 for frame in seen) >= 5)
        assert source.reopened == 1 and source.state == "running" and source.live
    levels = [level_of(frame) for frame in frames]
    of_dark = [level for level in levels if level < 120]
    assert levels[: len(of_dark)] == of_dark  # never dark again once it was bright
    assert of_dark == pytest.approx([40] * len(of_dark), abs=3)
    assert levels[len(of_dark) :] == pytest.approx([200] * (len(levels) - len(of_dark)), abs=3)
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))


def test_a_film_on_a_web_server_is_read_whole(tmp_path):
    film = write_clip(tmp_path / "film.avi", 12, codec="MJPG")
    with file_server(film) as folder, open_source(f"{folder}/film.avi?key=1") as source:
        frames = drain(source, 30.0)
        assert source.ended and not source.live and source.dropped == 0
    assert [frame.image.mean() for frame in frames] == pytest.approx([10 * i for i in range(12)], abs=3)
    assert [frame.t_s for frame in frames] == pytest.approx([i / 25 for i in range(12)])


def test_a_camera_on_the_network_speaks_rtsp():
    """The pictures come in order and unharmed, and no more of them than were sent."""
    jpegs = [grey_jpeg(level) for level in LEVELS for _ in range(8)] + [grey_jpeg(LEVELS[-1])] * 50
    with rtsp_server(jpegs) as place, open_source(f"RTSP://me:secret@{place}") as source:
        assert "secret" not in source.name
        frames = read_until(source, lambda seen: seen and abs(level_of(seen[-1]) - LEVELS[-1]) < 3)
        assert source.dropped + len(frames) <= len(jpegs)
    seen = [min(LEVELS, key=lambda level: abs(level - level_of(frame))) for frame in frames]
    assert [level_of(frame) for frame in frames] == pytest.approx(seen, abs=3)
    order = [LEVELS.index(level) for level in seen]
    assert order == sorted(order) and len(set(order)) >= 3
