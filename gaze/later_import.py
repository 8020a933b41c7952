"""Modules that are loaded when something of them is wanted, and not where they are imported."""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Iterator


@contextlib.contextmanager
def imported_later(*names: str) -> Iterator[None]:
    """Within it, ``import name`` gives something that imports the module at the first use of it.

    What is imported already stays as it is; afterwards an import is an ordinary one again. For packages
    whose users need a part that does without these modules.
    """
    later = {name: _Later(name) for name in names if name not in sys.modules}
    for name, module in later.items():
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent in later:
            setattr(later[parent], child, module)
    try:
        yield
    finally:
        _forget()


class _Later(types.ModuleType):
    """Stands for a module until something of it is wanted."""

    def __getattr__(self, name: str) -> object:
        # Inspection asks every module for its file and the like; only packages are asked for their path.
        if name.startswith("__") and name != "__path__":
            raise AttributeError(f"module {self.__name__!r} is not loaded yet and has no {name!r}")
        _forget()
        return getattr(importlib.import_module(self.__name__), name)


def _forget() -> None:
    for name, module in list(sys.modules.items()):
        if isinstance(module, _Later):
            del sys.modules[name]
