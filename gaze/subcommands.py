"""A command that is a table of others, each imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence

from gaze.standard_streams import printable

# name -> (module with `main(argv) -> int`, one line of help). Strings, so that nothing heavy is imported.
Table = Mapping[str, tuple[str, str]]


def dispatch(prog: str, word: str, table: Table, argv: Sequence[str] | None, note: str = "") -> int:
    """Run what the first argument names with the others; returns its exit code, or 2 for wrong use.

    ``prog`` is the command line so far, ``word`` what an entry of ``table`` is called ("STAGE"), and ``note``
    stands in the help behind the table. Without ``argv`` the arguments are those of the process.

    Raises:
        GazeError, ModuleNotFoundError: as what was called says.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage(prog, word, table, note))
        return 0 if argv else 2
    if argv[0] not in table:
        wrong = f"{prog}: no such {word.lower()}: {printable(argv[0], 60)}"
        print(f"{wrong}\n\n{_usage(prog, word, table, note)}", file=sys.stderr)
        return 2
    return importlib.import_module(table[argv[0]][0]).main(argv[1:])


def _usage(prog: str, word: str, table: Table, note: str) -> str:
    width = max(map(len, table))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in table.items()]
    parts = (
        f"usage: {prog} {word} [OPTIONS]",
        "\n".join(lines),
        note,
        f"`{prog} {word} --help` lists its options.",
    )
    return "\n\n".join(part for part in parts if part)
