"""Who is trained on and who is tested: leave one person out, and the split inside a fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gaze.errors import DataError


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: its number, the person left out, and the others."""

    index: int
    test_person: str
    train_persons: tuple[str, ...]


def leave_one_person_out(persons: Sequence[str]) -> list[Fold]:
    """One fold per person, in the sorted order of their names.

    Raises:
        DataError: there are fewer than two people, or a name stands twice.
    """
    names = sorted(persons)
    if len(set(names)) != len(names):
        raise DataError(f"people must be distinct, got {', '.join(names)}")
    if len(names) < 2:
        raise DataError(f"leaving one person out needs at least two people, got {len(names)}")
    return [
        Fold(index, name, tuple(other for other in names if other != name))
        for index, name in enumerate(names)
    ]


def validation_person(fold: Fold) -> tuple[str, tuple[str, ...]]:
    """A training person to select settings on, and the training people that are left.

    The person after the test person in the sorted order, so that each serves once over all folds; the test
    person is never looked at.

    Raises:
        DataError: the fold has only one training person.
    """
    if len(fold.train_persons) < 2:
        raise DataError(f"fold {fold.index}: selection inside the fold needs at least two training people")
    later = [name for name in fold.train_persons if name > fold.test_person]
    chosen = later[0] if later else fold.train_persons[0]
    return chosen, tuple(name for name in fold.train_persons if name != chosen)
