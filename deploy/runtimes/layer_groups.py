"""Groups of a network's layers, by parts of the names of their nodes in the exported graph."""

from __future__ import annotations

from collections.abc import Iterable


def belongs(name: str, groups: Iterable[str]) -> bool:
    """Whether a node of that name is of one of the groups, such as ``/backbone.1/``."""
    return any(group in name for group in groups)
