"""Standard input, output and error as a shell may leave them: closed, full, of a poor alphabet."""

from __future__ import annotations

import os
import sys


def prepare() -> None:
    """Open the streams that are closed, and let output say every character in some way.

    Otherwise the next file that is opened takes the place of a closed stream, and what libraries print goes
    into it. Nothing can be written to an output that was closed: that fails as on a full disk.
    """
    for name, flags, mode in (
        ("stdin", os.O_RDONLY, "r"),
        ("stdout", os.O_RDONLY, "w"),
        ("stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, flags), mode, closefd=False))  # noqa: SIM115
    # Names of files may hold bytes that are no text, and an old terminal knows no ü.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def settle_output() -> None:
    """Flush standard output; where it cannot be written, forget the rest, for the interpreter tries again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: str, longest: int = 2000) -> str:
    """A message fit for a terminal: its control characters escaped, its middle left out where it is long."""
    if len(text) > longest:
        text = f"{text[: longest // 2]} [...] {text[-longest // 2 :]}"
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
