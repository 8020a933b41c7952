"""The rows that the command prints are those of the documents."""

from pathlib import Path

import pytest

from calibration.mirror_simulation import CONDITIONS, MirrorRow
from calibration.simulated_person import FULL
from calibration.simulation import Condition, Row
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

_DOCS = Path(__file__).parents[2] / "docs"
DOCS = "".join(
    (_DOCS / name).read_text(encoding="utf-8") for name in ("calibration.md", "calibration_figures.md")
)
# Tables that the docs leave out, since the next ones say more.
NOT_IN_DOCS = ("By stage, head at rest in use", "By stage, head moved by 30 mm and 5° (RMS) before use")
PLACE = (33.9, 10.4, 12.54, 3.88)


def made(condition, pose_rms=(0.0, 0.0, 0.0, 0.0), after_deg=1.26, worse_part=0.0):
    return Row(condition, 1000, 3.71, after_deg, 1.35, 3.5, 0.55, worse_part, 0, 30.0, {"gp": 1000}, pose_rms)


def table_after(title):
    """Lines of the table of the docs that follows a line which begins with a title."""
    (rest,) = DOCS.split(f"\n{title}")[1:]
    lines = rest[rest.index("\n| ") + 1 :].splitlines()
    return lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]


def names(lines):
    return [line.split(" | ")[0].removeprefix("| ") for line in lines]


def test_every_table_of_conditions_is_that_of_the_docs():
    shown = [(title, conditions) for title, conditions in tables(FULL) if title not in NOT_IN_DOCS]
    assert len(shown) == 5
    for title, conditions in [*shown, ("The conditions of the bounds", list(bound_conditions().values()))]:
        lines = table_after(title)
        assert lines[:2] == header(screens_differ(conditions)).splitlines(), title
        assert names(lines[2:]) == [condition.name for condition in conditions], title


def test_rows_are_written_as_in_the_docs():
    conditions = bound_conditions()
    lines = table_after("The conditions of the bounds")
    assert row_text(made(conditions["nine"]), True) == lines[3]
    pose = row_text(made(conditions["pose"], PLACE, 1.25), True)
    cells = [cell.strip() for cell in lines[5].split("|")]
    assert [cell.strip() for cell in pose.split("|")][7] == cells[7] == "34 mm, 10.4° -> 13 mm, 3.9°"
    counts = row_text(made(Condition("4 points")), False)
    assert counts.count("|") == table_after("By number of points")[2].count("|")


def test_bounds_are_those_of_the_docs():
    conditions = bound_conditions()
    rows = {
        "ideal": made(conditions["ideal"], after_deg=0.004),
        "nine": made(conditions["nine"]),
        "four": made(conditions["four"], after_deg=1.28, worse_part=0.006),
        "pose": made(conditions["pose"], PLACE),
    }
    lines = table_after("`gaze calibrate simulate`, 1,000 people")
    assert lines[:2] == BOUND_HEADER.splitlines()
    assert [bound.text_row() for bound in bounds(rows)] == lines[2:]


@pytest.mark.parametrize(("value", "found"), [(0.2, "20.0 % | MISSED"), (0.1, "10.0 % | kept")])
def test_a_bound_that_is_not_kept_is_told(value, found):
    (bound,) = mirror_bounds([mirror(CONDITIONS[0], 1.0 - value)])
    assert f" | 10 % | {found} |" in bound.text_row()


def mirror(condition, within_two=0.958):
    return MirrorRow(condition, 100, 0, 5.4, 6.4, 0.19, 0.31, 0.71, within_two)


def test_the_mirror_table_is_that_of_the_docs():
    lines = table_after("## Screen by mirror")
    assert lines[:2] == MIRROR_HEADER.splitlines()
    assert names(lines[2:]) == [condition.name for condition in CONDITIONS]
    assert mirror_row_text(mirror(CONDITIONS[0])) == lines[2]
