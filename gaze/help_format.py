"""How every command shows its options."""

from __future__ import annotations

import argparse
import copy


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, but for what has none; those of several values as they are written in the command."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, [], [None]):
            return (action.help or "").replace(" (default: %(default)s)", "")
        return super()._get_help_string(action)

    def _expand_help(self, action: argparse.Action) -> str:
        if isinstance(action.default, (list, tuple)) and action.default not in ([], [None]):
            action = copy.copy(action)
            action.default = " ".join(map(str, action.default))
        return super()._expand_help(action)
