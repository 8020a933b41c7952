"""How every command shows its options."""

from __future__ import annotations

import argparse
import copy


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, but for what has none; those of several values as they are written in the command.

    A flag that is not given is off, so that is not said; of a pair --flag and --no-flag it is.
    """

    def _get_help_string(self, action: argparse.Action) -> str | None:
        off = action.default is False and len(action.option_strings) == 1
        if off or action.default in (None, [], [None]):
            return (action.help or "").replace(" (default: %(default)s)", "")
        return super()._get_help_string(action)

    def _expand_help(self, action: argparse.Action) -> str:
        if isinstance(action.default, (list, tuple)) and action.default not in ([], [None]):
            action = copy.copy(action)
            action.default = " ".join(map(str, action.default))
        return super()._expand_help(action)
