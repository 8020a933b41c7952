"""The parts of a session, and how their rows are numbered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Kind(Enum):
    """What a part is; the values stand in the file of a session and on the screen."""

    # A look at a fixed target, for the fit.
    TARGET = "target"
    # A gliding target.
    PURSUIT = "pursuit"
    # One target while the head moves.
    HEAD = "head"
    # A move to a further place of the head; it gives no rows.
    POSITION = "position"
    # A look at a fixed target from such a place.
    ROUND = "round"
    # A look at a fixed target that the fit does not see.
    VALIDATION = "validation"


STAGES = (Kind.PURSUIT, Kind.HEAD)
# The further place of the head that is none: where the person usually sits.
USUAL_POSITION = -1
# Rounds are numbered by their place of the head and their target.
TARGETS_PER_ROUND = 100
# Each kind numbers its places from its own thousand: what they are held out by in a fit must not overlap. The
# numbers stand in the files of sessions.
PLACES_OF_KIND = 1000
_NUMBERED = (Kind.TARGET, Kind.VALIDATION, Kind.PURSUIT, Kind.HEAD, Kind.ROUND)
FIRST_PLACE = {kind: PLACES_OF_KIND * rank for rank, kind in enumerate(_NUMBERED)}
# Looks at fixed targets are counted through a session; the pieces of a stage are numbered from here.
FIRST_LOOK = {Kind.PURSUIT: 100_000, Kind.HEAD: 200_000}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a session. ``number``: of the target in its list (of ``TARGETS_PER_ROUND`` times the place
    of the head and the target in a round), or of the further place of the head; 0 for a stage."""

    kind: Kind
    number: int = 0

    def __str__(self) -> str:
        return self.kind.value if self.kind in STAGES else f"{self.kind.value} {self.number}"

    @classmethod
    def parse(cls, text: str) -> Part:
        """What ``str`` made a text of.

        Raises:
            ValueError: it is no part of any session.
        """
        kind, _, number = text.partition(" ")
        try:
            part = cls(Kind(kind), int(number or 0))
        except ValueError:
            part = None
        # Such as "target 03" or "head 0", which would stand beside "target 3" and "head".
        if str(part) != text:
            raise ValueError(f"{text!r} is no part of a session")
        return part

    @classmethod
    def of_round(cls, position: int, target: int) -> Part:
        """A look at a target from a further place of the head."""
        return cls(Kind.ROUND, position * TARGETS_PER_ROUND + target)

    @property
    def round_target(self) -> int:
        """The target of a part of_round."""
        return self.number % TARGETS_PER_ROUND

    @property
    def place(self) -> int:
        """The number of its place, of a stage the first of them; a move has none.

        Raises:
            KeyError: it is a move to a further place of the head.
        """
        return FIRST_PLACE[self.kind] + self.number


def is_place_of(kind: Kind, place: ArrayLike) -> NDArray[np.bool_]:
    """Which of the places (N,) are of a kind. TARGET's are seen from where the person usually sits."""
    place = np.asarray(place)
    return (place >= FIRST_PLACE[kind]) & (place < FIRST_PLACE[kind] + PLACES_OF_KIND)


def looks_taken(look: ArrayLike) -> int:
    """How many looks at fixed targets were counted, by the numbers of some (N,)."""
    counted = np.asarray(look, dtype=np.int64)
    return int(counted[counted < min(FIRST_LOOK.values())].max(initial=0))
