"""The option of the gate that goes by the network's own deviation, for every command that has that gate."""

from __future__ import annotations

import argparse

from deploy.gates import GateConfig
from gaze.option_types import not_below


def add_max_sigma(group: argparse._ActionsContainer) -> None:
    """--max-sigma: GateConfig.sigma_deg."""
    group.add_argument(
        "--max-sigma",
        type=not_below(0),
        default=GateConfig().sigma_deg,
        metavar="DEG",
        help="a gaze that the network itself holds for less certain is not given; 0 never",
    )
