"""Whom weights were trained on, also by way of the weights that those came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gaze.network_checkpoint import checkpoint_of
from gaze.training.config import TrainConfig
from gaze.training.start import StartKind, kind_of


def person_key(source: str, person: str) -> str:
    """One name for a person of a data set, whichever of its formats the faces came from."""
    same = {"mpiifacegaze-raw", "mpiifacegaze-released", "gazehub"}
    return f"{'mpiifacegaze' if source in same else source}:{person}"


def people_of(meta: Mapping[str, object]) -> list[str] | None:
    """Who a checkpoint of this meta was trained on, as person_key gives them; None where it does not say."""
    if "data" not in meta or meta.get("seen_people", []) is None:
        return None
    own = [person_key(str(meta["data"]), name) for name in meta.get("train_persons", [])]
    return sorted({*meta.get("seen_people", []), *own})


def people_seen(weights: str) -> list[str] | None:
    """The same of a start ("random" or a file) or of a teacher.

    Raises:
        ModelError: the file is missing or of another kind.
    """
    kind, content = kind_of(weights)
    return people_of(checkpoint_of(content, weights)[1]) if kind is StartKind.GAZE else []


def people_by_option(config: TrainConfig) -> dict[str, list[str] | None]:
    """The people seen by each file that a run learns from: its --start and, if there is one, its --teacher.

    Raises:
        ModelError: a file is missing or of another kind.
    """
    weights = {"--start": config.start, "--teacher": config.teacher}
    return {f"{option} {path}": people_seen(path) for option, path in weights.items() if path is not None}


def everybody(groups: Iterable[list[str] | None]) -> list[str] | None:
    """The people of all groups; None where one of them is not known."""
    groups = list(groups)
    return None if None in groups else sorted({name for group in groups for name in group})
