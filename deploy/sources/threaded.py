"""Live sources: a thread that captures, keeps the newest frame, and brings a lost camera back."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

import cv2

from deploy.sources.base import Capture, Source, check_complete
from gaze.errors import SourceError
from gaze.types import Frame

log = logging.getLogger("gaze")

REOPEN_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
# Webcams begin with pictures that cannot be decoded, and spoil one now and then: a source is lost only when
# it has given nothing for so long, before its first picture and after.
PATIENCE_S = (5.0, 1.0)
PAUSE_AFTER_FAILED_READ_S = 0.02
# The same for one that is not opened again: there it is the end of a film.
END_S = 0.1
QUEUE_LENGTH = 4


class ThreadedSource(Source):
    """Pictures captured by a thread of their own.

    With ``newest`` the latest picture is handed over and those it replaced are counted in ``dropped``;
    otherwise every picture is, and the thread waits when four are queued. A source that disappears is
    reopened with growing pauses. One that cannot be opened at the start raises from ``read``, and one that
    ends in good order is the end, unless ``wait`` says to keep trying. ``reopen`` False: once a picture has
    come, however the stream ends, it is the end.

    ``Frame.index`` counts captured pictures, so that dropped ones are gaps; ``t_s`` runs from the moment
    the source was made, or is the picture's number over ``timed_by_count_fps`` where that is given. ``why``
    gives the likely reason when an opened source delivers nothing.
    """

    live = True

    def __init__(
        self,
        name: str,
        opener: Callable[[], Capture],
        *,
        newest: bool = True,
        wait: bool = False,
        reopen: bool = True,
        timed_by_count_fps: float | None = None,
        why: Callable[[], str] = lambda: "check that its sender still runs",
        pauses_s: tuple[float, ...] = REOPEN_PAUSES_S,
        patience_s: tuple[float, float] = PATIENCE_S,
    ) -> None:
        self.name = name
        self.live = newest
        self.fps = timed_by_count_fps
        self._opener = opener
        self._why = why
        self._promised: int | None = None
        self._newest = newest
        self._wait = wait
        self._reopen = reopen
        self._count_fps = timed_by_count_fps
        self._pauses_s = pauses_s
        self._patience_s = patience_s if reopen else (END_S, END_S)
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._error: SourceError | None = None
        self._thread_done = False
        self._captured = 0
        self._capture: Capture | None = None
        self._start = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="gaze-capture", daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> Frame | None:
        """The newest frame (or the next, see the class), waiting for one at most ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._thread_done, timeout_s)
            if self._frames:
                frame = self._frames.popleft()
                self._changed.notify_all()
                return frame
            if self._thread_done:
                self.state = "ended"
                if self._error is not None:
                    error, self._error = self._error, None
                    raise error
            return None

    def close(self) -> None:
        """Stop the thread; one that is stuck in its driver is left behind, it ends with the process."""
        self._stop.set()
        if (capture := self._capture) is not None:
            capture.interrupt()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(timeout=0.5)
        self.state = "ended"

    def _run(self) -> None:
        try:
            self._capture_until_stopped()
        except SourceError as error:
            self._error = error
        except (cv2.error, OSError, ValueError, MemoryError) as error:
            # What a driver or decoder throws would end the thread without a word to the loop.
            self._error = SourceError(
                f"{self.name}: cannot be read ({type(error).__name__}: {str(error).strip()}); "
                "try the source in another program, or run `gaze doctor`"
            )
        finally:
            with self._changed:
                self._thread_done = True
                self._changed.notify_all()

    def _capture_until_stopped(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            delivered, reason = self._capture_once()
            if self._stop.is_set() or reason is None:
                return
            if not self._captured and not self._wait:
                raise reason
            if self._captured and not self._reopen:
                check_complete(self.name, self._captured, self._promised)
                return
            attempt = 0 if delivered else attempt
            pause = self._pauses_s[min(attempt, len(self._pauses_s) - 1)]
            self._change_state("lost" if self._captured else "waiting", str(reason))
            attempt += 1
            self._stop.wait(pause)

    def _capture_once(self) -> tuple[bool, SourceError | None]:
        """Open, deliver until it fails. Returns whether a picture came, and why it stopped (None: ended)."""
        try:
            capture = self._capture = self._opener()
        except SourceError as error:
            return False, error
        delivered, latest = False, time.monotonic()
        try:
            self.fps = self.fps or capture.fps
            self._promised = capture.frame_count
            if not self._newest and self._count_fps is None:
                self._count_fps = capture.fps
            while not self._stop.is_set():
                image = capture.read()
                if image is not None:
                    self.reopened += self.state == "lost"
                    self._change_state("running", "")
                    self._hand_over(image)
                    delivered, latest = True, time.monotonic()
                    continue
                if capture.finished:
                    # A service outlives the sender that closes its stream in good order.
                    return delivered, SourceError(f"{self.name} ended; {self._why()}") if self._wait else None
                if time.monotonic() - latest >= self._patience_s[delivered]:
                    what = "stopped delivering" if delivered else "was opened but delivers no picture"
                    return delivered, SourceError(f"{self.name} {what}; {self._why()}")
                self._stop.wait(PAUSE_AFTER_FAILED_READ_S)
            return delivered, None
        finally:
            self._capture = None
            capture.close()

    def _hand_over(self, image) -> None:
        t_s = time.monotonic() - self._start
        if self._count_fps is not None:
            t_s = self._captured / self._count_fps
        frame = Frame(image, self._captured, t_s)
        with self._changed:
            self._captured += 1
            if self._newest:
                self.dropped += len(self._frames)
                self._frames.clear()
            else:
                self._changed.wait_for(lambda: len(self._frames) < QUEUE_LENGTH or self._stop.is_set())
            self._frames.append(frame)
            self._changed.notify_all()

    def _change_state(self, state: str, reason: str) -> None:
        if state == self.state:
            return
        before, self.state = self.state, state
        if state == "lost":
            log.warning("%s; trying again until it is back", reason)
        elif state == "waiting":
            log.warning("%s; waiting for it", reason)
        elif before in ("lost", "waiting"):
            log.info("%s delivers pictures%s", self.name, " again" if before == "lost" else "")
