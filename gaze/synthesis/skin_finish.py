"""How strongly the small things of a skin show in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class SkinFinish:
    """How strongly bumps, oil and the shade of lids and lashes show in one picture (about 0..1).

    ``orbit_stops`` is how much darker it is where the sockets are deepest (gaze.synthesis.orbit).
    """

    bump: float = 0.8
    oiliness: float = 0.5
    lid_shade: float = 0.6
    lash_shade: float = 0.25
    orbit_stops: float = 1.5

    @classmethod
    def sample(cls, rng: np.random.Generator) -> SkinFinish:
        """Draw one picture's finish."""
        return cls(
            bump=float(rng.uniform(0.4, 1.2)),
            oiliness=float(rng.beta(1.6, 2.4)),
            lid_shade=float(rng.uniform(0.55, 0.97)),
            lash_shade=float(rng.uniform(0.25, 0.7)),
            orbit_stops=float(np.clip(rng.normal(1.95, 1.05), 0.0, 4.2)),
        )
