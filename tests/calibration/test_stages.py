"""Stages that nobody took part in do not get into the fit."""

import dataclasses

import numpy as np
import pytest
from gaze_people import laptop

from calibration.observation import Observation
from calibration.part import FIRST_PLACE, PLACES_OF_KIND, Kind, Part
from calibration.plan import Plan
from calibration.pursuit import correlations
from calibration.session import Session, explain_skipped
from calibration.simulated_person import FULL, PLAIN
from calibration.simulated_viewer import SimulatedViewer
from calibration.stages import choose_stages
from calibration.steps import head_step, pursuit_step
from deploy.calibrate.result import fit_person

MIDDLE = (960.0, 540.0)


def play(plan, looks_at=None, problem=None, errors=PLAIN, seed=1):
    """A session; ``looks_at(session, t)`` instead of the target, ``problem(session, t)``, no frame."""
    session, viewer, t = Session(plan, laptop()), SimulatedViewer(seed, laptop(), errors), 0.0
    while not session.done and t < 300.0:
        target = session.target_px(t)
        why = problem(session, t) if problem else None
        viewer.head_moves = session.stage == "head"
        aim = looks_at(session, t) if looks_at and target is not None else None
        session.take(Observation(t, why) if why else viewer.observe(t, aim or target))
        t += 1 / 30
    return session


def read_elsewhere(session, t):
    """Somebody who reads during the pursuit."""
    if session.stage != "pursuit":
        return None
    return 300.0 + t % 2.0 * 600.0, 200.0 + t % 14.0 * 50.0


@pytest.mark.parametrize(
    "looks_at", [read_elsewhere, lambda session, t: MIDDLE if session.stage == "pursuit" else None]
)
def test_a_pursuit_that_nobody_follows_is_left_out_by_name(looks_at):
    session = play(Plan(points=5, validation=0, pursuit_s=10.0, attempts=2), looks_at)
    assert session.taken == (5, 6)
    assert explain_skipped(session) == "1 not taken: pursuit: the gaze did not follow the target"
    assert session.lag_s == 0.0
    assert session.samples.place.max() < 1000


def test_people_with_every_error_follow():
    for seed in range(3):
        session = play(Plan(points=4, validation=0, pursuit_s=10.0), errors=FULL, seed=seed)
        assert session.taken == (5, 5)


def test_correlation_is_one_for_the_target_itself_and_none_for_two_pieces_of_it():
    def followed(seconds):
        step, viewer = pursuit_step(10.0, 0, 0, (1920, 1080)), SimulatedViewer(1, laptop(), PLAIN)
        step.begin(0.0)
        for t in np.arange(0.0, seconds, 1 / 30):
            step.feed(viewer.observe(t, step.target_px(t)), False)
        return step

    assert min(correlations(followed(10.0), laptop(), 0.13)) > 0.97
    assert len(followed(1.2).samples(0.13)) > 10  # of two pieces of the path, which say nothing
    assert correlations(followed(1.2), laptop(), 0.13) == (0.0, 0.0)


@pytest.mark.parametrize("stage", ["pursuit", "head"])
def test_a_stage_with_few_usable_frames_is_left_out(stage):
    def mostly_closed(session, t):
        return "eyes closed" if session.stage == stage and round(t * 30) % 5 < 3 else None

    plan = Plan(points=4, validation=0, attempts=1, **{f"{stage}_s": 8.0})
    session = play(plan, problem=mostly_closed)
    text = session.skipped[Part(Kind(stage))]
    assert text.startswith(f"{stage}: 9")
    assert text.endswith("frames were usable (eyes closed)")
    assert session.taken == (4, 5)


def test_half_of_the_frames_is_enough():
    session = play(
        Plan(points=4, validation=0, head_s=8.0),
        problem=lambda one, t: "eyes closed" if one.stage == "head" and round(t * 30) % 5 < 2 else None,
    )
    assert session.taken == (5, 5)


def test_a_stage_that_harms_at_the_fixed_targets_is_left_out_and_the_other_kept():
    session = play(Plan(points=9, validation=6, pursuit_s=20.0, head_s=10.0))
    good = choose_stages(session.samples, session.screen)
    assert len(good.samples) == len(session.samples)
    assert not good.left_out
    pursuit = session.samples.place // PLACES_OF_KIND == FIRST_PLACE[Kind.PURSUIT] // PLACES_OF_KIND
    # As if the gaze had gone along beside the target: correlation alone does not tell.
    beside_px = session.samples.target_px + np.outer(pursuit, [300.0, 0.0])
    spoiled = dataclasses.replace(session.samples, target_px=beside_px)
    chosen = choose_stages(spoiled, session.screen)
    assert list(chosen.left_out) == [Kind.PURSUIT]
    assert "pursuit: left out; with it held-out targets are missed by" in chosen.left_out[Kind.PURSUIT]
    assert len(chosen.samples) == len(spoiled) - pursuit.sum() < len(spoiled)
    assert (chosen.samples.place >= 3000).any()
    fitted = fit_person(spoiled, session.validation, session.screen, "auto", False)
    assert fitted.after.accuracy_deg < 1.0
    assert "pursuit: left out" in fitted.text()


def test_prompts_stand_at_the_dot():
    step = head_step(12.0, 0, 0, (1920, 1080))
    step.begin(0.0)
    scene = step.scene(1.0, (1920, 1080))
    # 2 degrees from the dot at 600 mm are 21 mm: 117 px of a laptop's 5.6 px in a millimetre.
    assert np.hypot(scene.texts[0].x_px - MIDDLE[0], scene.texts[0].y_px - MIDDLE[1]) < 117
