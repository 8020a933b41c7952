"""How every command shows its options."""

from __future__ import annotations

import argparse


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, but for what has none."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None:
            return (action.help or "").replace(" (default: %(default)s)", "")
        return super()._get_help_string(action)
