"""Screens, simulated looks and made observations for the calibration tests."""

import numpy as np

from calibration.observation import Observation
from calibration.samples import Samples
from calibration.screen_presets import placed_screen, preset
from calibration.simulated_person import IDEAL, SimulatedPerson, facing_head
from calibration.targets import layout, to_px

SIZE_PX, SIZE_MM = (1920, 1080), (344.0, 194.0)


def laptop(place="laptop"):
    return placed_screen(preset(place, SIZE_MM[1]), SIZE_PX, SIZE_MM, "panel")


def looks_at(person, screen, targets_px, head, frames=20, first_look=0, first_place=0):
    """Samples of a person who looks at each target in turn."""
    parts = []
    for i, target in enumerate(np.atleast_2d(targets_px)):
        seen = person.look(screen, target, head, frames)
        parts.append(
            Samples(
                np.arange(frames) / 30.0 + 2.0 * (first_look + i),
                seen.pitch_yaw_rad,
                seen.R_norm_cam,
                seen.R_cam_head,
                seen.origin_cam_mm,
                np.tile(target, (frames, 1)),
                np.full(frames, first_look + i),
                np.full(frames, first_place + i),
            )
        )
    return Samples.join(parts)


def calibrated_person(seed=1, errors=IDEAL, points=9, screen=None):
    """(samples at a layout, person, head, screen)."""
    screen = screen or laptop()
    person, head = SimulatedPerson(seed, errors), facing_head(screen, seed)
    samples = looks_at(person, screen, to_px(layout(points), SIZE_PX), head)
    return samples, person, head, screen


def straight_observation(t_s, pitch_yaw_rad=(0.0, 0.0), distance_mm=600.0):
    """A frontal face in the middle of the picture."""
    return Observation(
        t_s,
        None,
        np.asarray(pitch_yaw_rad, dtype=float),
        np.eye(3),
        np.eye(3),
        np.array([0.0, 0.0, distance_mm]),
    )
