import json
import os
import shutil
import signal
import sys
import time

import cv2
import numpy as np
import pytest
from loop_fakes import FakeEstimator, ListSource, make_estimate, noise, read_clip, records

from deploy.display.overlay import OverlayOptions
from deploy.loop import Loop
from deploy.pipeline import Pipeline
from deploy.service import Health
from deploy.sinks import open_sinks
from deploy.stopping import StopSignals, signals_exit
from gaze.errors import SourceError


class FakeWindow:
    """Takes pictures; presses ``keys[n]`` after the n-th poll."""

    def __init__(self, keys=()):
        self.keys = list(keys)
        self.shown = []

    def show(self, picture):
        self.shown.append(picture.copy())

    def poll(self, wait_ms=1):
        return self.keys.pop(0) if self.keys else None


def pictures(count):
    return [noise(i) for i in range(count)]


def loop(source=None, tmp_path=None, script=None, **options):
    return Loop(
        source or ListSource(pictures(5)),
        Pipeline(FakeEstimator(script)),
        out_folder=tmp_path / "out" if tmp_path else None,
        **options,
    )


def test_every_frame_reaches_every_sink(tmp_path):
    paths = {name: str(tmp_path / f"a.{name}") for name in ("mp4", "jsonl", "csv")}
    seen = []
    with open_sinks(
        save=paths["mp4"], jsonl=paths["jsonl"], csv_path=paths["csv"], fps=25.0, real_time=False
    ) as sinks:
        script = lambda f: [make_estimate(f.index, f.t_s)] if f.index != 2 else []  # noqa: E731
        summary = loop(script=script, sinks=sinks, observers=[seen.append]).run()
    assert (summary.frames, summary.faces, summary.complete) == (5, 4, True)
    assert summary.statuses == {"OK": 4, "NO_FACE": 1}
    lines = records(tmp_path / "a.jsonl")
    assert [line["status"] for line in lines] == ["OK", "OK", "NO_FACE", "OK", "OK"]
    assert len(read_clip(paths["mp4"])) == 5
    assert len(seen) == 5


def test_what_was_written_before_the_source_broke_off_is_kept(tmp_path):
    source = ListSource(pictures(10), fail_at=6)
    with (
        pytest.raises(SourceError, match="breaks off"),
        open_sinks(
            save=str(tmp_path / "a.mp4"),
            jsonl=str(tmp_path / "a.jsonl"),
            csv_path=None,
            fps=25.0,
            real_time=False,
        ) as sinks,
    ):
        loop(source, sinks=sinks).run()
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 6
    assert len(read_clip(tmp_path / "a.mp4")) == 6


def test_what_broke_the_source_is_told_although_the_status_file_fails_too(tmp_path):
    folder = tmp_path / "status"
    folder.mkdir()

    class Breaking(ListSource):
        def read(self, timeout_s):
            if self._next == 2:
                shutil.rmtree(folder)
                self.state = "ended"
            return super().read(timeout_s)

    with (
        pytest.raises(SourceError, match="breaks off"),
        Health(str(folder / "status.json"), environment={}) as health,
    ):
        loop(Breaking(pictures(5), fail_at=2), health=health).run()


def test_the_last_numbers_stand_in_the_last_status(tmp_path):
    path = tmp_path / "status.json"
    with Health(str(path), interval_s=60.0, environment={}) as health:
        loop(health=health).run()
    status = json.loads(path.read_text())
    assert (status["state"], status["frames"], status["last_status"]) == ("ended", 5, "OK")


def test_a_source_without_a_frame_is_an_error():
    with pytest.raises(SourceError, match="list: ended without a single frame"):
        loop(ListSource([])).run()


def test_a_limit_of_frames():
    summary = loop(max_frames=3).run()
    assert (summary.frames, summary.complete) == (3, True)


def test_stop_ends_between_frames():
    stop = StopSignals()
    stop_at_2 = lambda result: stop._handle(signal.SIGTERM, None) if result.frame.index == 1 else None  # noqa: E731
    summary = loop(stop=stop, observers=[stop_at_2]).run()
    assert (summary.frames, summary.complete) == (2, False)


def test_a_second_interrupt_is_immediate():
    stop = StopSignals()
    assert not stop.requested
    stop._handle(signal.SIGINT, None)
    assert stop.requested
    with pytest.raises(KeyboardInterrupt):
        stop._handle(signal.SIGINT, None)


def test_a_signal_before_the_loop_runs_ends_the_program():
    """While models load nobody looks whether a signal came."""
    with pytest.raises(SystemExit) as ended:
        StopSignals()._handle(signal.SIGTERM, None)
    assert ended.value.code == 143


def test_a_signal_that_breaks_an_import_off_is_no_import_error():
    """A native library that is being imported makes an ImportError of what the signal raised."""
    with pytest.raises(SystemExit) as ended, StopSignals() as stop:
        try:
            stop._handle(signal.SIGTERM, None)
        except SystemExit:
            raise ImportError("initialization failed") from None
    assert ended.value.code == 143
    with pytest.raises(ImportError), StopSignals():
        raise ImportError("of its own")


def test_sigterm_that_breaks_an_import_off_is_no_import_error():
    with pytest.raises(SystemExit) as ended, signals_exit():
        try:
            signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)
        except SystemExit:
            raise ImportError("initialization failed") from None
    assert ended.value.code == 143
    with pytest.raises(ImportError), signals_exit():
        raise ImportError("of its own")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
def test_a_closed_terminal_ends_in_good_order_and_nohup_does_not_mind():
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with StopSignals() as stop:
            assert not stop.requested
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.requested and stop.number == signal.SIGHUP
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
        with pytest.raises(SystemExit) as ended, signals_exit():
            os.kill(os.getpid(), signal.SIGHUP)
        assert ended.value.code == 129
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with StopSignals() as stop, signals_exit():
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_keys_change_what_is_shown(tmp_path):
    window = FakeWindow([None, "m", "l", "h", "q"])
    summary = loop(tmp_path=tmp_path, window=window, overlay=OverlayOptions(timings=False)).run()
    assert summary.frames == 5
    assert not summary.complete
    plain, mirrored = window.shown[1], window.shown[2]
    # Away from box and text the mirrored picture is the frame flipped.
    assert np.array_equal(plain[-10:, :20], noise(1)[-10:, :20])
    assert np.array_equal(mirrored[-10:, :20], cv2.flip(noise(2), 1)[-10:, :20])


def test_quit_ends():
    summary = loop(window=FakeWindow([None, "q"])).run()
    assert (summary.frames, summary.complete) == (2, False)


def test_pause_stands_still_and_goes_on(tmp_path):
    window = FakeWindow(["space", None, None, "space"])
    summary = loop(tmp_path=tmp_path, window=window, overlay=OverlayOptions(timings=False)).run()
    assert summary.frames == 5
    # One picture a frame, and one for each of the three turns of the pause.
    assert len(window.shown) == 8


def test_snapshot_and_recording(tmp_path):
    window = FakeWindow(["s", "r", None, "r"])
    summary = loop(tmp_path=tmp_path, window=window).run()
    files = sorted((tmp_path / "out").iterdir(), key=lambda file: file.suffix)
    assert [file.suffix for file in files] == [".mp4", ".png"]
    assert sorted(summary.files) == sorted(map(str, files))
    assert cv2.imread(str(files[1])).shape == noise().shape
    # Started after frame 1 and ended after frame 3.
    assert len(read_clip(files[0])) == 2


def test_a_recording_is_closed_when_the_run_ends_with_a_fault(tmp_path):
    window = FakeWindow(["r"])
    with pytest.raises(SourceError):
        loop(ListSource(pictures(9), fail_at=5), tmp_path, window=window).run()
    (file,) = (tmp_path / "out").iterdir()
    assert len(read_clip(file)) == 4


def test_a_snapshot_that_cannot_be_saved_is_told_and_the_loop_goes_on(tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    window = FakeWindow(["s"])
    summary = loop(tmp_path=tmp_path, window=window).run()
    assert summary.frames == 5
    assert summary.files == []


@pytest.mark.parametrize("fault", ["no folder", "full disk"])
def test_a_recording_that_cannot_be_made_is_told_and_the_loop_goes_on(tmp_path, monkeypatch, caplog, fault):
    caplog.set_level("INFO", logger="gaze")
    if fault == "no folder":
        (tmp_path / "out").write_text("a file where the folder should be")
    else:
        monkeypatch.setattr("gaze.disk_space.RESERVED_BYTES", 1 << 60)
    summary = loop(tmp_path=tmp_path, window=FakeWindow(["r"])).run()
    assert (summary.frames, summary.files) == (5, [])
    assert any(message.startswith("no recording: ") for message in caplog.messages)


def test_a_recording_ends_where_the_disk_fills_up_and_the_loop_goes_on(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", logger="gaze")
    monkeypatch.setattr("gaze.disk_space.SPACE_CHECK_S", 0.0)

    def fill_up(result):
        if result.frame.index == 2:
            monkeypatch.setattr("gaze.disk_space.RESERVED_BYTES", 1 << 60)

    summary = loop(tmp_path=tmp_path, window=FakeWindow(["r"]), observers=[fill_up]).run()
    (file,) = (tmp_path / "out").iterdir()
    assert (summary.frames, summary.files, len(read_clip(file))) == (5, [str(file)], 2)
    assert any("the disk is full" in message for message in caplog.messages)


@pytest.mark.skipif(sys.platform == "win32", reason="a folder with an open file stays there")
def test_a_recording_ends_where_its_folder_vanishes_and_the_loop_goes_on(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", logger="gaze")
    monkeypatch.setattr("gaze.disk_space.SPACE_CHECK_S", 0.0)

    def pull_out(result):
        if result.frame.index == 2:
            shutil.rmtree(tmp_path / "out")

    summary = loop(tmp_path=tmp_path, window=FakeWindow(["r"]), observers=[pull_out]).run()
    assert (summary.frames, summary.files) == (5, [])
    assert any("its folder cannot be reached any more" in message for message in caplog.messages)


def test_a_heat_map_that_the_model_does_not_give_is_told(tmp_path, caplog):
    caplog.set_level("INFO", logger="gaze")
    loop(tmp_path=tmp_path, window=FakeWindow(["w"])).run()
    assert "this model gives no weight map" in caplog.messages


def test_files_play_no_faster_than_they_were_filmed():
    class Sleeper(FakeWindow):
        def poll(self, wait_ms=1):
            time.sleep(wait_ms / 1000)

    start = time.monotonic()
    loop(window=Sleeper()).run()
    # The fifth frame is due 160 ms after the first.
    assert time.monotonic() - start > 0.155


def test_unrelated_pictures_wait_for_a_key():
    source = ListSource(pictures(2))
    source.sequence = False
    window = FakeWindow([None, None, "n", None, "n"])
    summary = loop(source, window=window).run()
    assert summary.frames == 2
    assert window.keys == []


def test_the_hook_draws_on_what_is_shown_and_saved(tmp_path):
    class Hook:
        def __call__(self, estimate):
            return estimate

        def events(self):
            return ()

        def draw(self, picture, estimates):
            picture[:8, -8:] = (0, 0, 255)

        def close(self):
            pass

    window = FakeWindow()
    with open_sinks(
        save=str(tmp_path / "a.avi"), jsonl=None, csv_path=None, fps=25.0, real_time=False
    ) as sinks:
        Loop(
            ListSource(pictures(2)), Pipeline(FakeEstimator(), hook=Hook()), sinks=sinks, window=window
        ).run()
    assert np.all(window.shown[0][:8, -8:] == (0, 0, 255))
    assert read_clip(tmp_path / "a.avi")[0][2:6, -6:-2].mean(axis=(0, 1)) == pytest.approx(
        (0, 0, 255), abs=40
    )


def test_a_frozen_camera_is_logged_once(caplog):
    caplog.set_level("INFO", logger="gaze")
    same = [noise(0)] * 60 + [noise(1)]
    summary = loop(ListSource(same)).run()
    assert summary.statuses["FROZEN"] > 20
    assert caplog.messages == ["the camera is frozen", "the camera moves again"]
