"""A simulated person with a profile, and what the estimator gives of them, for tests of the point of gaze."""

from types import SimpleNamespace

import numpy as np
from loop_fakes import make_face, noise

from calibration.person import fit
from calibration.profile import Profile
from calibration.samples import Samples, condense
from calibration.screen_presets import PRESETS, placed_screen
from calibration.simulated_person import IDEAL, SimulatedPerson, facing_head
from calibration.targets import layout, to_px
from gaze.camera import Camera
from gaze.types import Estimate, GazeAngles, HeadPose, NormalizedFace, Status

SIZE_PX = (1920, 1080)
SCREEN = placed_screen(PRESETS["laptop"], SIZE_PX, (344.0, 194.0), "panel")
CAMERA = Camera.from_hfov(70.0, 1280, 720)
SHA = "ab" * 32


def estimates(person, head, targets, frames, start_s=0.0, face=None):
    """What the estimator gives while the person looks at each target for some frames."""
    result = []
    for target in targets:
        seen = person.look(SCREEN, target, head, frames)
        for i in range(frames):
            index = len(result)
            R = seen.R_norm_cam[i]
            result.append(
                Estimate(
                    index,
                    start_s + index / 30.0,
                    Status.OK,
                    face or make_face(),
                    HeadPose(seen.R_cam_head[i], seen.origin_cam_mm[i], 0.5),
                    NormalizedFace(noise(1, (112, 112)), R, seen.origin_cam_mm[i], 1.0),
                    GazeAngles(*seen.pitch_yaw_rad[i]),
                )
            )
    return result


def person_and_profile(errors=IDEAL, seed=3):
    person, head = SimulatedPerson(seed, errors), facing_head(SCREEN, seed)
    parts = []
    for i, target in enumerate(to_px(layout(9), SIZE_PX)):
        seen = person.look(SCREEN, target, head, 15)
        n = np.full(15, i)
        parts.append(
            Samples(
                i * 2 + np.arange(15) / 30, seen.pitch_yaw_rad, seen.R_norm_cam, seen.R_cam_head,
                seen.origin_cam_mm, np.tile(target, (15, 1)), n, n,
            )
        )  # fmt: skip
    correction = fit(condense(Samples.join(parts), SCREEN))
    profile = Profile("Ada", "now", CAMERA, (SCREEN,), "net", SHA, correction)
    return person, head, profile


def fake_estimator(camera=CAMERA, sha=SHA):
    return SimpleNamespace(camera=camera, predictor=SimpleNamespace(spec=SimpleNamespace(sha256=sha)))
