"""What `gaze calibrate simulate` finds out: conditions, bounds, and the tables of the documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from calibration.mirror_simulation import MirrorRow
from calibration.plan import Plan
from calibration.simulated_person import IDEAL, PLAIN, ErrorModel
from calibration.simulation import Condition, Row


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure that must not be exceeded, and what came out; parts have the unit " %"."""

    text: str
    limit: float
    value: float
    unit: str

    @property
    def kept(self) -> bool:
        """Whether the bound holds."""
        return self.value <= self.limit

    def text_row(self) -> str:
        """A line of a Markdown table; what was found has a decimal more than the limit."""
        limit, value = (number * (100 if self.unit == " %" else 1) for number in (self.limit, self.value))
        at_most = f"{limit:g}"
        decimals = len(at_most.partition(".")[2]) + 1
        found = f"{value:.{decimals}f}{self.unit}"
        return f"| {self.text} | {at_most}{self.unit} | {found} | {'kept' if self.kept else 'MISSED'} |"


def plan(points: int, **stages: float) -> Plan:
    """A plan without validation: use comes after."""
    return Plan(points=points, validation=0, **stages)


def bound_conditions() -> dict[str, Condition]:
    """The conditions that the bounds are about."""
    return {
        "ideal": Condition("no noise, 9 points", plan(9), IDEAL),
        "nine": Condition("1° noise, 4° bias, 9 points", plan(9), PLAIN),
        "four": Condition("1° noise, 4° bias, 4 points", plan(4), PLAIN),
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
    ideal, nine, four, pose = (rows[name] for name in ("ideal", "nine", "four", "pose"))
    return [
        Bound("ideal person without noise, 9 points: error", 0.05, ideal.after_deg, "°"),
        Bound("1° noise, 4° bias, 9 points: error of a frame", 1.3, nine.after_deg, "°"),
        Bound("the same, 4 points: error of a frame", 1.8, four.after_deg, "°"),
        Bound("9 points: people worse off than before", 0.01, nine.worse_part, " %"),
        Bound("4 points: people worse off than before", 0.01, four.worse_part, " %"),
        Bound("screen pose from gaze, camera clipped on top: RMS", 15.0, pose.pose_rms[2], " mm"),
        Bound("screen pose from gaze, camera clipped on top: RMS", 5.0, pose.pose_rms[3], "°"),
    ]


def mirror_bounds(rows: list[MirrorRow]) -> list[Bound]:
    """What must hold of the mirror method's stated deviations; beyond two lie 4.6 % if they are exact."""
    text = "screen by mirror, {}: errors beyond two stated deviations"
    return [Bound(text.format(row.condition.name), 0.1, 1.0 - row.within_two, " %") for row in rows]


def tables(full: ErrorModel) -> Iterator[tuple[str, list[Condition]]]:
    """Further tables: title and conditions; ``full`` is the network's error model."""
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
    yield "By stage, head at rest in use", [Condition(name, what, full) for name, what in stages]
    for shift, turn in ((30.0, 5.0), (60.0, 10.0), (120.0, 20.0)):
        yield (
            f"By stage, head moved by {shift:.0f} mm and {turn:.0f}° (RMS) before use",
            [Condition(name, what, full, shift_mm=shift, turn_deg=turn) for name, what in stages],
        )
    screens = []
    for preset in ("laptop", "above", "below"):
        screens += [
            Condition(f"{preset}: place known", plan(9), full, preset=preset, shift_mm=60.0),
            Condition(
                name=f"{preset}: as the preset says",
                plan=plan(9),
                errors=full,
                kind="auto",
                preset=preset,
                screen_known=False,
                shift_mm=60.0,
            ),
            Condition(
                name=f"{preset}: estimated, 4 further places",
                plan=plan(9, positions=4),
                errors=full,
                kind="auto",
                preset=preset,
                screen_known=False,
                estimate_screen=True,
                shift_mm=60.0,
            ),
        ]
    yield "By what is known of the screen's place, head moved by 60 mm", screens


BOUND_HEADER = "| bound | at most | found | |\n|---|---|---|---|"
COLUMNS = ("condition", "before", "after", "95 % of people below", "look after", "worse off")
SCREEN_COLUMN = "screen place off (RMS)"
MIRROR_HEADER = (
    "| corners err | middle off | stated | axes off | stated | within one (68.3 % is right) | "
    "within two (95.4 %) | refused |\n|---|---|---|---|---|---|---|---|"
)


def screens_differ(conditions: Iterable[Condition]) -> bool:
    """Whether the place of a screen is something that a table of these is about."""
    return not all(condition.screen_known for condition in conditions)


def header(screens: bool) -> str:
    """The head of a Markdown table of rows; ``screens``: with the screen's place."""
    columns = (*COLUMNS, SCREEN_COLUMN) if screens else COLUMNS
    return f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"


def row_text(row: Row, screens: bool) -> str:
    """A line of a Markdown table of rows."""
    text = (
        f"| {row.condition.name} | {row.before_deg:.2f}° | {row.after_deg:.2f}° | {row.p95_deg:.2f}° | "
        f"{row.after_look_deg:.2f}° | {100 * row.worse_part:.1f} % |"
    )
    if not screens:
        return text
    pose = "" if not row.pose_rms[0] else f"{row.pose_rms[0]:.0f} mm, {row.pose_rms[1]:.1f}°"
    if row.condition.estimate_screen:
        pose += f" -> {row.pose_rms[2]:.0f} mm, {row.pose_rms[3]:.1f}°"
    return f"{text} {pose} |"


def mirror_row_text(row: MirrorRow) -> str:
    """A line of a Markdown table."""
    return (
        f"| {row.condition.name} | {row.off_mm:.1f} mm | {row.stated_mm:.1f} mm | {row.off_deg:.2f}° | "
        f"{row.stated_deg:.2f}° | {100 * row.within_one:.1f} % | {100 * row.within_two:.1f} % | "
        f"{row.refused} |"
    )
