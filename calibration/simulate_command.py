"""`gaze calibrate simulate`: simulated people through the real calibration, with the bounds it must keep."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from calibration.error_file import GazeErrors
from calibration.error_model import error_model
from calibration.mirror_simulation import CONDITIONS, run_mirrors
from calibration.simulated_person import FULL
from calibration.simulation import run_condition
from calibration.simulation_tables import (
    BOUND_HEADER,
    MIRROR_HEADER,
    bound_conditions,
    bounds,
    header,
    mirror_bounds,
    mirror_row_text,
    row_text,
    screens_differ,
    tables,
)
from gaze.files import prepare_outputs, spare_inputs, write_json
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least


def make_parser() -> argparse.ArgumentParser:
    """The flags of `gaze calibrate simulate`."""
    parser = argparse.ArgumentParser(
        prog="gaze calibrate simulate",
        description="Sends simulated people through the real calibration and prints what it does for them, "
        "with the bounds it must keep. Exit code 1 when one is not kept.",
        formatter_class=HelpFormatter,
    )
    count = at_least(0)
    parser.add_argument(
        "--people", type=count, default=1000, metavar="N", help="people for each bound; 0: none"
    )
    parser.add_argument(
        "--table-people",
        type=count,
        default=100,
        metavar="N",
        help="people for each row of the tables; 0: bounds only",
    )
    parser.add_argument(
        "--mirrors", type=count, default=100, metavar="N", help="calibrations by mirror for each row; 0: none"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="number of the first person")
    parser.add_argument(
        "--errors",
        metavar="JSON",
        help="measured errors of a network, in place of the built-in model of the tables",
    )
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run it. Returns 0 when every bound is kept, else 1.

    Raises:
        UsageError: a number is out of range.
        DataError: the file of errors is unusable.
    """
    parser = make_parser()
    options = parser.parse_args(argv)
    if not (options.people or options.table_people or options.mirrors):
        parser.error("--people, --table-people and --mirrors are all 0: nothing is left to simulate")
    spare_inputs({"--json": options.json}, {"--errors": [options.errors]})
    prepare_outputs(options.json)
    full = FULL if options.errors is None else error_model(GazeErrors.load(options.errors))
    start = time.monotonic()
    rows = {}
    for name, condition in bound_conditions().items() if options.people else ():
        row = rows[name] = run_condition(condition, options.people, options.seed)
        figures = f"{row.before_deg:.3f} -> {row.after_deg:.3f} deg, {100 * row.worse_part:.1f} % worse off"
        print(f"{time.monotonic() - start:6.0f} s  {condition.name}: {figures}", file=sys.stderr, flush=True)
    mirrors = run_mirrors(CONDITIONS, options.mirrors, options.seed) if options.mirrors else []
    kept = (bounds(rows) if rows else []) + mirror_bounds(mirrors)
    print(f"Bounds, {options.people} simulated people, {options.mirrors} calibrations by mirror each\n")
    print("\n".join([BOUND_HEADER, *(bound.text_row() for bound in kept)]))
    written = {name: asdict(row) for name, row in rows.items()}
    written |= {f"mirror: {row.condition.name}": asdict(row) for row in mirrors}
    if rows:
        print(f"\nThe conditions of the bounds\n\n{header(True)}")
        print("\n".join(row_text(row, True) for row in rows.values()))
    for title, conditions in tables(full) if options.table_people else ():
        screens = screens_differ(conditions)
        print(f"\n{title} ({options.table_people} people a row)\n\n{header(screens)}", flush=True)
        for condition in conditions:
            row = run_condition(condition, options.table_people, options.seed)
            written[f"{title}: {condition.name}"] = asdict(row)
            print(row_text(row, screens), flush=True)
    if mirrors:
        print(f"\nScreen by mirror ({options.mirrors} calibrations a row)\n\n{MIRROR_HEADER}")
        print("\n".join(map(mirror_row_text, mirrors)))
    if options.json:
        write_json(options.json, {"schema": "gaze.simulation/1", "rows": _plain(written)})
    return 0 if all(bound.kept for bound in kept) else 1


def _plain(value):
    """Rows without what JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "residuals_deg"}
    return list(value) if isinstance(value, tuple) else value
