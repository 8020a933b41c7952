"""What every renderer of people holds: panoramas, the head on the GPU and the wardrobe for it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from gaze.synthesis.dressed import DressedPerson, Wardrobe
from gaze.synthesis.environment import load_environments
from gaze.synthesis.features import ALL_FEATURES, Features
from gaze.synthesis.renderer import HeadRenderer

if TYPE_CHECKING:  # as Python 3.10 has no such name
    from typing import Self


class PeopleRenderer:
    """Dresses people for squares of mostly ``size_px``. It owns an OpenGL context: use it in a ``with``, or
    close it."""

    def __init__(
        self, assets_dir: str | os.PathLike[str], size_px: int, features: Features = ALL_FEATURES
    ) -> None:
        """Raises DataError without the assets, RuntimeUnavailableError without EGL."""
        self.features = features
        self.environments = load_environments(assets_dir)
        with ExitStack() as opened:
            self.renderer = opened.enter_context(HeadRenderer(assets_dir, size_px, features))
            self._wardrobe = Wardrobe(
                self.renderer.context,
                self.renderer.mesh,
                self.renderer.wear,
                self.renderer.hair,
                features,
            )
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Give the context back, and all else that was opened; closing twice is harmless."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def dress(self, seed: int) -> DressedPerson:
        """The person of a seed, ready to be drawn; in a ``with``, or to be released.

        Raises:
            GazeError: the renderer is closed.
        """
        self.renderer.refuse_closed()
        return self._wardrobe.dress(seed)
