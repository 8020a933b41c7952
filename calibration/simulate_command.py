"""`gaze calibrate simulate`: simulated people through the real calibration, with the bounds it must keep."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from calibration.error_file import GazeErrors
from calibration.error_model import error_model
from calibration.mirror_simulation import CONDITIONS, MirrorRow, run_mirrors
from calibration.plan import Plan
from calibration.simulated_person import FULL, IDEAL, PLAIN, ErrorModel
from calibration.simulation import Condition, Row, run_condition
from gaze.files import prepare_outputs, write_json
from gaze.help_format import HelpFormatter


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure that must not be exceeded, and what came out."""

    text: str
    limit: float
    value: float

    @property
    def kept(self) -> bool:
        """Whether the bound holds."""
        return self.value <= self.limit


def plan(points: int, **stages: float) -> Plan:
    """A plan without validation: use comes after."""
    return Plan(points=points, validation=0, **stages)


def bound_conditions() -> dict[str, Condition]:
    """The conditions that the bounds are about."""
    return {
        "ideal": Condition("no noise, 9 points", plan(9), IDEAL),
        "nine": Condition("1 deg noise, 4 deg bias, 9 points", plan(9), PLAIN),
        "four": Condition("1 deg noise, 4 deg bias, 4 points", plan(4), PLAIN),
        "pose": Condition(
            "screen pose from 9 points and 4 further places",
            plan(9, positions=4),
            PLAIN,
            preset="above",
            screen_known=False,
            estimate_screen=True,
        ),
    }


def bounds(rows: dict[str, Row]) -> list[Bound]:
    """The bounds over the rows of bound_conditions."""
    return [
        Bound("ideal person, 9 points: error, deg", 0.05, rows["ideal"].after_deg),
        Bound("1 deg noise, 4 deg bias, 9 points: error of a frame, deg", 1.3, rows["nine"].after_deg),
        Bound("the same, 4 points: error of a frame, deg", 1.8, rows["four"].after_deg),
        Bound("9 points: people worse off than before, part", 0.01, rows["nine"].worse_part),
        Bound("4 points: people worse off than before, part", 0.01, rows["four"].worse_part),
        Bound("screen pose from gaze, camera clipped on top: RMS, mm", 15.0, rows["pose"].pose_rms[2]),
        Bound("screen pose from gaze, camera clipped on top: RMS, deg", 5.0, rows["pose"].pose_rms[3]),
    ]


def mirror_bounds(rows: list[MirrorRow]) -> list[Bound]:
    """What must hold of the mirror method's stated deviations; beyond two lie 4.6 % if they are exact."""
    return [
        Bound(f"mirror, {row.condition.name}: errors beyond two stated deviations, part", 0.1, value)
        for row, value in ((row, 1.0 - row.within_two) for row in rows)
    ]


def tables(full: ErrorModel) -> Iterator[tuple[str, list[Condition]]]:
    """The tables of docs/calibration.md: title and conditions; ``full`` is the network's error model."""
    counts = [Condition(f"{n} points", plan(n), full) for n in (4, 5, 9, 13, 16)]
    yield "By number of points", counts
    kinds = ("offset", "affine", "ridge", "gp", "auto")
    yield "By model, 9 points", [Condition(kind, plan(9), full, kind) for kind in kinds]
    stages = (
        ("9 points", plan(9)),
        ("9 points, 20 s pursuit", plan(9, pursuit_s=20.0)),
        ("9 points, 20 s head movement", plan(9, head_s=20.0)),
        ("9 points, 4 further places", plan(9, positions=4)),
    )
    yield "By stages, head at rest in use", [Condition(name, what, full) for name, what in stages]
    for shift, turn in ((30.0, 5.0), (60.0, 10.0), (120.0, 20.0)):
        yield (
            f"The same, head moved by {shift:.0f} mm and {turn:.0f} deg (RMS) before use",
            [Condition(name, what, full, shift_mm=shift, turn_deg=turn) for name, what in stages],
        )
    screens = []
    for preset in ("laptop", "above", "below"):
        screens += [
            Condition(f"{preset}: place known", plan(9), full, preset=preset, shift_mm=60.0),
            Condition(f"{preset}: as the preset says", plan(9), full, "auto", preset, False, shift_mm=60.0),
            Condition(
                f"{preset}: estimated, 4 further places",
                plan(9, positions=4),
                full,
                "auto",
                preset,
                False,
                True,
                shift_mm=60.0,
            ),
        ]
    yield "By what is known of the screen's place, head moved by 60 mm", screens


def row_text(row: Row) -> str:
    """A line of a Markdown table."""
    kinds = ", ".join(f"{kind} {100 * count / row.people:.0f} %" for kind, count in row.kinds.items())
    pose = "" if not row.pose_rms[0] else f"{row.pose_rms[0]:.0f} mm, {row.pose_rms[1]:.1f} deg"
    if row.condition.estimate_screen:
        pose += f" -> {row.pose_rms[2]:.0f} mm, {row.pose_rms[3]:.1f} deg"
    return (
        f"| {row.condition.name} | {row.before_deg:.2f} | {row.after_deg:.2f} | {row.p95_deg:.2f} | "
        f"{row.before_look_deg:.2f} | {row.after_look_deg:.2f} | {100 * row.worse_part:.1f} % | "
        f"{row.seconds:.0f} s | {kinds} | {pose} |"
    )


HEADER = (
    "| condition | before | after | 95 % of people below | look before | look after | worse off | takes | "
    "models chosen | screen pose off (RMS) |\n|---|---|---|---|---|---|---|---|---|---|"
)


MIRROR_HEADER = (
    "| corners | off by | stated | axes off by | stated | within one deviation (68.3 %) | "
    "within two (95.4 %) | refused |\n|---|---|---|---|---|---|---|---|"
)


def mirror_row_text(row: MirrorRow) -> str:
    """A line of a Markdown table."""
    return (
        f"| {row.condition.name} | {row.off_mm:.1f} mm | {row.stated_mm:.1f} mm | {row.off_deg:.2f} deg | "
        f"{row.stated_deg:.2f} deg | {100 * row.within_one:.1f} % | {100 * row.within_two:.1f} % | "
        f"{row.refused} |"
    )


def make_parser() -> argparse.ArgumentParser:
    """The flags of `gaze calibrate simulate`."""
    parser = argparse.ArgumentParser(
        prog="gaze calibrate simulate",
        description="Sends simulated people through the real calibration and prints what it does for them, "
        "with the bounds it must keep. Exit code 1 when one is not kept.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--people", type=int, default=1000, help="people for each bound; 0: none")
    parser.add_argument(
        "--table-people", type=int, default=100, help="people for each row of the tables; 0: bounds only"
    )
    parser.add_argument(
        "--mirrors", type=int, default=100, help="calibrations by mirror for each row; 0: none"
    )
    parser.add_argument("--seed", type=int, default=0, help="number of the first person")
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
    counts = (options.people, options.table_people, options.mirrors)
    if min(counts) < 0 or max(counts) == 0:
        parser.error("--people, --table-people and --mirrors must be at least 0, and not all 0")
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
    print("| bound | at most | found | |\n|---|---|---|---|")
    for bound in kept:
        print(
            f"| {bound.text} | {bound.limit:g} | {bound.value:.4g} | {'kept' if bound.kept else 'MISSED'} |"
        )
    if mirrors:
        print(f"\nScreen by mirror ({options.mirrors} calibrations a row)\n\n{MIRROR_HEADER}")
        print("\n".join(map(mirror_row_text, mirrors)))
    if rows:
        print(f"\nThe conditions of the bounds\n\n{HEADER}")
        print("\n".join(map(row_text, rows.values())))
    written = {name: asdict(row) for name, row in rows.items()}
    written |= {f"mirror: {row.condition.name}": asdict(row) for row in mirrors}
    if options.table_people:
        for title, conditions in tables(full):
            print(f"\n{title} ({options.table_people} people a row)\n\n{HEADER}", flush=True)
            for condition in conditions:
                row = run_condition(condition, options.table_people, options.seed)
                written[f"{title}: {condition.name}"] = asdict(row)
                print(row_text(row), flush=True)
    if options.json:
        write_json(options.json, {"schema": "gaze.simulation/1", "rows": _plain(written)})
    return 0 if all(bound.kept for bound in kept) else 1


def _plain(value):
    """Rows without what JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "residuals_deg"}
    return list(value) if isinstance(value, tuple) else value
