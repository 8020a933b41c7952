"""The live loop: frames in, results out to window and sinks, until the source ends or somebody stops it."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.display.overlay import Hud, OverlayOptions, draw_overlay
from deploy.display.window import Window
from deploy.key_recorder import KeyRecorder
from deploy.pacing import Pacing
from deploy.pipeline import FrameResult, Pipeline
from deploy.service import Health, resident_mb
from deploy.sinks import ReaderGone, Sink, any_needs_picture
from deploy.sources import Source
from deploy.stopping import StopSignals
from gaze.errors import SourceError
from gaze.types import Status

log = logging.getLogger("gaze")

READ_TIMEOUT_S = 0.2
MESSAGE_S = 3.0
DEFAULT_FPS = 30.0


@dataclass(slots=True)
class LoopSummary:
    """What a run did."""

    frames: int = 0
    faces: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    dropped: int = 0
    complete: bool = False
    files: list[str] = field(default_factory=list)


class Loop:
    """Runs a source through a pipeline.

    Args:
        window: shown where given; its keys work then.
        observers: called with every result (a score, a progress bar).
        out_folder: where snapshots and recordings made by key go.
        max_frames: end after this many.
    """

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        *,
        sinks: Sequence[Sink] = (),
        window: Window | None = None,
        overlay: OverlayOptions | None = None,
        health: Health | None = None,
        stop: StopSignals | None = None,
        observers: Sequence[Callable[[FrameResult], None]] = (),
        out_folder: Path = Path("out"),
        max_frames: int | None = None,
    ) -> None:
        self._source = source
        self._pipeline = pipeline
        self._sinks = list(sinks)
        self._window = window
        self._overlay = overlay or OverlayOptions()
        self._health = health
        self._stop = stop or StopSignals()
        self._observers = observers
        self._max_frames = max_frames
        self._recorder = KeyRecorder(out_folder, self._say)
        self._pacing = Pacing(source, self._stop, self._tell_health)
        self._summary = LoopSummary(files=self._recorder.files)
        self._paused = False
        self._quit = False
        self._last: FrameResult | None = None
        self._fps: float | None = None
        self._last_processed = 0.0
        self._frozen = False
        self._message, self._message_until = "", 0.0

    def run(self) -> LoopSummary:
        """Go until the end; whatever ends it, recordings are closed.

        Raises:
            SourceError: the source cannot be opened, broke off, or gave no frame at all.
            SinkError: a file cannot be written any more.
        """
        with self._recorder:
            try:
                while not self._finished():
                    self._step()
            except ReaderGone:
                log.info("the reader of standard output has gone")
                self._summary.complete = True
            finally:
                self._summary.dropped = self._source.dropped
                if self._health is not None:
                    # The last state of the status file holds the last numbers. It is not written here, where
                    # a failure would take the place of what ended the run.
                    self._health.note(self._facts())
        if self._source.ended and self._summary.frames == 0 and not self._stop.requested:
            raise SourceError(f"{self._source.name}: ended without a single frame")
        return self._summary

    def _finished(self) -> bool:
        if self._stop.requested or self._quit:
            return True
        if self._max_frames is not None and self._summary.frames >= self._max_frames:
            self._summary.complete = True
            return True
        if self._source.ended:
            self._summary.complete = True
            return True
        return False

    def _step(self) -> None:
        self._tell_health()
        if self._paused:
            self._show()
            self._handle_key(self._window.poll(30))
            return
        frame = self._source.read(READ_TIMEOUT_S)
        if frame is None:
            if self._window is not None and self._last is not None and not self._source.ended:
                self._show()
                self._handle_key(self._window.poll())
            return
        result = self._pipeline.process(frame)
        self._count(result)
        picture = None
        if any_needs_picture(self._sinks) or self._recorder.recording:
            # What is saved shows the scene as it is: not mirrored, without help and messages.
            plain = dataclasses.replace(self._overlay, mirror=False, help=False)
            canvas = draw_overlay(result, plain, Hud(self._fps, self._source.dropped))
            picture = self._hooked(canvas.image, result)
        for sink in self._sinks:
            sink.write(result, picture)
        self._recorder.write(result, picture)
        for observe in self._observers:
            observe(result)
        if self._window is not None:
            self._show()
            self._handle_key(self._pacing.wait(self._window, frame.t_s))

    def _count(self, result: FrameResult) -> None:
        summary = self._summary
        summary.frames += 1
        summary.faces += len(result.estimates)
        summary.statuses[result.status.value] += 1
        now = time.monotonic()
        if self._last is not None and now > self._last_processed:
            rate = 1.0 / (now - self._last_processed)
            self._fps = rate if self._fps is None else self._fps + 0.1 * (rate - self._fps)
        self._last, self._last_processed = result, now
        frozen = result.status is Status.FROZEN
        if frozen != self._frozen:
            self._frozen = frozen
            if frozen:
                log.warning("the camera is frozen")
            else:
                log.info("the camera moves again")

    def _tell_health(self) -> None:
        if self._health is None:
            return
        state = self._source.state
        if state == "running" and self._frozen:
            state = "frozen"
        self._health.tell(state, self._facts())

    def _facts(self) -> dict[str, object]:
        """What the status file says beside the state."""
        return {
            "source": self._source.name,
            "frames": self._summary.frames,
            "faces": self._summary.faces,
            "dropped": self._source.dropped,
            "reopened": self._source.reopened,
            "fps": round(self._fps, 2) if self._fps is not None else None,
            "last_status": self._last.status.value if self._last is not None else None,
            "resident_mb": resident_mb(),
        }

    def _hooked(self, picture: NDArray[np.uint8], result: FrameResult) -> NDArray[np.uint8]:
        """The picture, into which the hook has drawn."""
        if self._pipeline.hook is not None:
            self._pipeline.hook.draw(picture, result.estimates)
        return picture

    def _show(self) -> None:
        if self._window is None or self._last is None:
            return
        messages = []
        if self._source.state in ("lost", "waiting"):
            messages.append("camera lost: trying again")
        if time.monotonic() < self._message_until:
            messages.append(self._message)
        hud = Hud(self._fps, self._source.dropped, self._recorder.recording, self._paused, messages)
        canvas = draw_overlay(self._last, self._overlay, hud)
        self._window.show(self._hooked(canvas.image, self._last))

    def _say(self, text: str) -> None:
        self._message, self._message_until = text, time.monotonic() + MESSAGE_S
        log.info("%s", text)

    def _handle_key(self, key: str | None) -> None:
        flip = {"m": "mirror", "l": "landmarks", "w": "weight_map", "t": "timings", "h": "help"}
        if key in flip:
            name = flip[key]
            self._overlay = dataclasses.replace(self._overlay, **{name: not getattr(self._overlay, name)})
            if key == "w" and self._overlay.weight_map and not self._has_weight_map():
                self._say("this model gives no weight map")
        elif key == "q":
            self._quit = True
        elif key == "space":
            self._paused = not self._paused
            self._pacing.restart()
        elif key == "s":
            self._snapshot()
        elif key == "r":
            self._toggle_recording()

    def _has_weight_map(self) -> bool:
        shown = self._last.estimates if self._last is not None else ()
        return not shown or any(estimate.weight_map is not None for estimate in shown)

    def _snapshot(self) -> None:
        if self._last is not None:
            picture = draw_overlay(self._last, dataclasses.replace(self._overlay, help=False)).image
            self._recorder.snapshot(self._hooked(picture, self._last))

    def _toggle_recording(self) -> None:
        if self._recorder.recording:
            self._recorder.stop()
        else:
            self._recorder.start(self._source.fps or DEFAULT_FPS, real_time=self._source.live)
