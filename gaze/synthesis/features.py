"""Features of every picture, each of which can be left out to learn what it is worth to a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from gaze.errors import UsageError
from gaze.synthesis.eyes import EyeAppearance
from gaze.synthesis.skin_finish import SkinFinish


@dataclass(frozen=True, slots=True)
class Features:
    """What is drawn: all of it, but for an ablation.

    ``kappa``: optical axes that are not the lines of sight. ``refraction``: irises seen through the cornea.
    ``eye_reflections``: surroundings and lamps mirrored in eyes. ``self_shadow``: light that brow, nose and
    lids keep off the face. ``eye_shade``: the shade in the sockets and beneath lids and lashes.
    ``lid_following``: lids and brows that go up and down with the eyes. ``lashes``. ``skin_detail``: pores
    and wrinkles as bumps.
    """

    kappa: bool = True
    refraction: bool = True
    eye_reflections: bool = True
    self_shadow: bool = True
    eye_shade: bool = True
    lid_following: bool = True
    lashes: bool = True
    skin_detail: bool = True

    @classmethod
    def without(cls, names: Iterable[str]) -> Features:
        """All but those named, as in ``names_of_features``.

        Raises:
            UsageError: there is no such feature.
        """
        names = list(names)
        if unknown := set(names) - set(names_of_features()):
            raise UsageError(
                f"no feature {', '.join(sorted(unknown))}; there are {', '.join(names_of_features())}"
            )
        return cls(**{name.replace("-", "_"): False for name in names})

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of those that are not drawn."""
        return tuple(name for name in names_of_features() if not getattr(self, name.replace("-", "_")))

    def of_eyes(self, eyes: EyeAppearance) -> EyeAppearance:
        """A person's eyes as they are drawn."""
        return eyes if self.kappa else replace(eyes, kappa_rad=((0.0, 0.0), (0.0, 0.0)))

    def of_finish(self, finish: SkinFinish) -> SkinFinish:
        """A picture's skin as it is drawn."""
        if not self.eye_shade:
            finish = replace(finish, lid_shade=0.0, lash_shade=0.0, orbit_stops=0.0)
        return finish if self.skin_detail else replace(finish, bump=0.0)


def names_of_features() -> tuple[str, ...]:
    """As options of a command spell them."""
    return tuple(field.name.replace("_", "-") for field in fields(Features))


ALL_FEATURES = Features()
