"""Folds and the split inside a fold."""

import pytest

from gaze.datasets.splits import leave_one_person_out, validation_person
from gaze.errors import DataError

PEOPLE = tuple(f"p{i:02d}" for i in range(15))


def test_each_person_is_left_out_once():
    folds = leave_one_person_out(PEOPLE[::-1])
    assert [fold.test_person for fold in folds] == list(PEOPLE)
    assert [fold.index for fold in folds] == list(range(15))
    for fold in folds:
        assert len(fold.train_persons) == 14
        assert fold.test_person not in fold.train_persons


def test_selection_never_sees_the_test_person_and_uses_everybody_once():
    chosen = []
    for fold in leave_one_person_out(PEOPLE):
        person, rest = validation_person(fold)
        assert person in fold.train_persons
        assert person not in rest
        assert {person, *rest, fold.test_person} == set(PEOPLE)
        chosen.append(person)
    assert sorted(chosen) == list(PEOPLE)


def test_too_few_or_repeated_people_are_refused():
    with pytest.raises(DataError, match="at least two people, got 1"):
        leave_one_person_out(["p00"])
    with pytest.raises(DataError, match="distinct"):
        leave_one_person_out(["p00", "p00"])
    with pytest.raises(DataError, match="at least two training people"):
        validation_person(leave_one_person_out(["p00", "p01"])[0])
