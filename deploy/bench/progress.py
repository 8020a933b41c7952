"""How far a long measurement is, in one line on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[int, str], None]


@contextmanager
def progress_line(count: int) -> Iterator[Say]:
    """``say(done, what)`` writes the line anew; it is wiped at the end. Silent where there is no terminal."""
    shown = sys.stderr.isatty()

    def put(text: str) -> None:
        if shown:
            # To the end of the line is erased: a shorter text leaves nothing of a longer one.
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)

    try:
        yield lambda done, what: put(f"{done}/{count} {what}")
    finally:
        put("")
