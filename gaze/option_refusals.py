"""Options that would silently do nothing beside another are refused."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from gaze.errors import UsageError


def refuse_beside(
    options: argparse.Namespace,
    way: str,
    names: Iterable[str],
    why: str = "",
    parser: argparse.ArgumentParser | None = None,
) -> None:
    """Refuse options beside the option ``way``, and say why where ``why`` does.

    Given is what is not as ``parser`` has it by default; without a parser what is neither None nor False.

    Raises:
        UsageError: one of ``names`` was given.
    """
    for name in names:
        value = getattr(options, name)
        untouched = value is None or value is False
        if parser is not None:
            untouched = value == parser.get_default(name)
        if not untouched:
            flags = [f"--{text.replace('_', '-')}" for text in (name, way)]
            raise UsageError(f"{flags[0]} does not go with {flags[1]}{why and f': {why}'}")
