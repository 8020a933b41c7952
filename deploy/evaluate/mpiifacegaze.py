"""`gaze evaluate mpiifacegaze`: a folder of fold runs -> table, JSON, CSV, pictures and a page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from gaze.errors import DataError
from gaze.help_format import HelpFormatter


def main(argv: Sequence[str] | None = None) -> int:
    """Run `gaze evaluate mpiifacegaze`; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="gaze evaluate mpiifacegaze",
        description="Gather the folds that `gaze train --protocol leave-one-person-out` wrote and report the "
        "error at the last epoch. Refuses when folds are missing, a test person was trained on, or the folds "
        "do not belong together.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("runs", type=Path, help="folder of the fold runs, searched with its subfolders")
    parser.add_argument("--out", type=Path, help="folder for the report (default: report inside RUNS)")
    parser.add_argument(
        "--no-calibration", action="store_true", help="leave out the error after a few samples"
    )
    args = parser.parse_args(argv)
    # Here, so that --help needs none of the packages of training.
    from calibration.few_shot import few_shot_errors
    from gaze.training.fold_errors import evaluate
    from gaze.training.report import text_table, write_report

    evaluation = evaluate(args.runs, None if args.no_calibration else few_shot_errors)
    print(text_table(evaluation))
    out = args.out or args.runs / "report"
    try:
        written = write_report(evaluation, out)
    except OSError as error:
        raise DataError(f"{out}: the report cannot be written ({error}); give another --out") from error
    print(f"\nwrote {written[-1]} and {len(written) - 1} files beside it")
    return 0
