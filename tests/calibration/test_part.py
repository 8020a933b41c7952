import numpy as np
import pytest

from calibration.part import FIRST_LOOK, Kind, Part, is_place_of, looks_taken
from calibration.plan import Plan
from calibration.session_course import Course

# As they stand in the files of sessions that exist.
WRITTEN = {
    "target 3": Part(Kind.TARGET, 3),
    "pursuit": Part(Kind.PURSUIT),
    "head": Part(Kind.HEAD),
    "position -1": Part(Kind.POSITION, -1),
    "round 304": Part.of_round(3, 4),
    "validation 12": Part(Kind.VALIDATION, 12),
}


def test_names_in_the_file_stay():
    for text, part in WRITTEN.items():
        assert str(part) == text
        assert Part.parse(text) == part


@pytest.mark.parametrize(
    "text", ["", "goal 1", "target", "target 03", "target 3 ", "target x", "head 0", "pursuit 2", "Head"]
)
def test_other_names_are_refused(text):
    with pytest.raises(ValueError, match="is no part of a session"):
        Part.parse(text)


def test_places_and_looks_are_numbered_as_in_the_files_that_exist():
    places = [WRITTEN[text].place for text in ("target 3", "validation 12", "pursuit", "head", "round 304")]
    assert places == [3, 1012, 2000, 3000, 4304]
    among = [0, 999, 1000, 1999, 2000, 3000, 3999, 4304]
    numbered = [Kind.TARGET] * 2 + [Kind.VALIDATION] * 2 + [Kind.PURSUIT] + [Kind.HEAD] * 2 + [Kind.ROUND]
    for kind in set(numbered):
        assert is_place_of(kind, among).tolist() == [own is kind for own in numbered]
    assert FIRST_LOOK == {Kind.PURSUIT: 100_000, Kind.HEAD: 200_000}
    assert looks_taken([3, 7, 5, 100_031, 200_002]) == 7
    assert looks_taken(np.zeros(0)) == 0


def test_no_two_parts_of_a_plan_share_a_place():
    course = Course(Plan(points=16, pursuit_s=20, head_s=20, positions=4, validation=6), (1920, 1080))
    parts = course.parts()
    assert len(set(parts)) == len(parts)
    with_rows = [part for part in parts if part.kind is not Kind.POSITION]
    assert len({course.place_of(part) for part in with_rows}) == len(with_rows)
