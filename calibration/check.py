"""Does a profile still hold? Three looks tell, and can mend a constant offset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.accuracy import Accuracy, measure
from calibration.profile import Profile
from calibration.samples import Samples, condense
from gaze.errors import CalibrationError

# A profile holds while its error is within this factor, or this many degrees, of what its validation found.
FACTOR, MARGIN_DEG = 1.5, 0.8


@dataclass(frozen=True, slots=True)
class Check:
    """``found``: accuracy now; ``expected_deg`` of the profile; ``limit_deg``; ``drift_rad`` (2,): the
    constant offset that would mend it, ``mended_deg`` the accuracy with it."""

    found: Accuracy
    expected_deg: float
    limit_deg: float
    drift_rad: tuple[float, float]
    mended_deg: float

    @property
    def holds(self) -> bool:
        """Whether the profile can be used as it is."""
        return self.found.accuracy_deg <= self.limit_deg

    def text(self) -> str:
        """The verdict."""
        lines = [self.found.text("check:")]
        drift = np.rad2deg(np.linalg.norm(self.drift_rad))
        if self.holds:
            verdict = "the profile holds"
        elif self.mended_deg <= self.limit_deg:
            verdict = f"the profile has drifted by {drift:.1f} deg; --correct takes that out"
        else:
            verdict = "the profile does not hold and a constant offset does not mend it: calibrate again"
        lines.append(
            f"{verdict} ({self.found.accuracy_deg:.2f} deg now, {self.expected_deg:.2f} deg when it was "
            f"made, up to {self.limit_deg:.2f} deg is accepted; {self.mended_deg:.2f} deg without the offset)"
        )
        return "\n".join(lines)


def check_profile(profile: Profile, samples: Samples) -> Check:
    """Judge a profile by looks at known targets.

    Raises:
        CalibrationError: fewer than two looks.
    """
    screen = profile.screen
    looks = condense(samples, screen)
    if len(looks) < 2:
        raise CalibrationError(f"{len(looks)} of the targets could be taken; a check needs at least two")
    found = measure(samples, profile.correction, screen)
    expected = _expected_deg(profile)
    left = looks.offset_rad - profile.correction.offset_rad(looks.features)
    drift = np.median(left, axis=0)
    mended = measure(samples, profile.drifted(drift).correction, screen)
    return Check(
        found,
        expected,
        max(FACTOR * expected, expected + MARGIN_DEG),
        (float(drift[0]), float(drift[1])),
        mended.accuracy_deg,
    )


def _expected_deg(profile: Profile) -> float:
    after = profile.accuracy.get("after")
    if isinstance(after, dict) and isinstance(after.get("accuracy_deg"), float):
        return after["accuracy_deg"]
    return float(np.rad2deg(profile.correction.held_out_rad))
