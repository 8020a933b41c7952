"""An orderly end on SIGINT and SIGTERM, and on SIGHUP, which comes when a terminal is closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


def _asking() -> list[int]:
    """SIGTERM, and SIGHUP where there is one that `nohup` has not set aside."""
    hangup = getattr(signal, "SIGHUP", None)
    heeded = hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN
    return [signal.SIGTERM, *([hangup] if heeded else [])]


class StopSignals:
    """Inside its ``with`` the first SIGINT, SIGTERM or SIGHUP sets ``requested``; a second SIGINT interrupts.

    Until somebody looks at ``requested``, as the loop does once it runs, a signal ends the program at once.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._watched = False
        self._before: dict[int, object] = {}

    @property
    def requested(self) -> bool:
        """Whether the run shall end."""
        self._watched = True
        return self.number is not None

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, *_asking()):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.number is not None and not self._watched and isinstance(error, Exception):
            # The SystemExit of _handle, in the midst of a native library's import, came out as another error.
            raise SystemExit(128 + self.number) from error

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number
        if not self._watched:
            raise SystemExit(128 + number)


@contextmanager
def signals_exit() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise SystemExit, which closes every ``with`` before the process ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    came: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in _asking()}
    try:
        yield
    except Exception as error:
        if came:  # as in StopSignals.__exit__
            raise SystemExit(128 + came[0]) from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
