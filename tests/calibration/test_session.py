import json

import numpy as np
import pytest
from gaze_people import laptop, straight_observation

from calibration.look import LookSettings
from calibration.observation import Observation
from calibration.person import fit
from calibration.plan import Plan
from calibration.samples import condense
from calibration.scene import draw
from calibration.session import Session, explain_skipped, require_samples
from calibration.simulated_person import IDEAL, PLAIN
from calibration.simulated_viewer import FOLLOW_LAG_S, SimulatedViewer
from calibration.steps import WaitStep
from gaze.errors import CalibrationError, UsageError


def play(session, viewer=None, problem=None, limit_s=200.0, until=None, start_s=0.0):
    """Drive a session; ``problem(t, session)`` overrides what the viewer shows. Returns the end time."""
    t = start_s
    while not session.done and t < limit_s and not (until is not None and until(session)):
        why = problem(t, session) if problem else None
        if why is not None:
            frame = Observation(t, why)
        elif viewer is None:
            frame = straight_observation(t)
        else:
            viewer.head_moves = session.stage == "head"
            viewer.go_to(session.position)
            frame = viewer.observe(t, session.target_px(t))
        session.feed(frame)
        t += 1 / 30
    return t


def viewer(seed=1, errors=IDEAL):
    return SimulatedViewer(seed, laptop(), errors)


def test_nine_points_and_validation_are_taken_once_each():
    session = Session(Plan(points=9, validation=6), laptop())
    seconds = play(session, viewer())
    assert session.done
    assert len(np.unique(session.samples.place)) == 9
    assert len(np.unique(session.validation.place)) == 6
    assert not session.skipped
    assert seconds < 30.0
    targets = np.unique(session.samples.target_px, axis=0)
    assert targets.min(axis=0) == pytest.approx([0.08 * 1920, 0.08 * 1080])
    assert session.taken == (15, 15)


def test_rows_carry_the_target_that_was_looked_at():
    """With an ideal person the estimate must differ from the row's target by one constant offset."""
    session = Session(Plan(points=9, validation=0), laptop())
    play(session, viewer(4))
    looks = condense(session.samples, session.screen)
    assert np.ptp(looks.offset_rad, axis=0).max() < np.deg2rad(0.1)


def test_order_depends_on_the_seed_only():
    def order(seed):
        session = Session(Plan(points=9, validation=0, seed=seed), laptop())
        play(session, viewer())
        return session.samples.target_px[np.unique(session.samples.look, return_index=True)[1]].tolist()

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_skipped_points_are_repeated_then_named():
    blind = (0.08 * 1920, 0.08 * 1080)

    def problem(t, session):
        return "eyes closed" if session.target_px(t) == pytest.approx(blind) else None

    session = Session(Plan(points=5, validation=0), laptop())
    play(session, viewer(), problem)
    assert session.done
    assert len(np.unique(session.samples.place)) == 4
    assert explain_skipped(session).endswith("eyes closed")
    assert "1 not taken" in explain_skipped(session)
    fit(condense(require_samples(session), session.screen))


def test_person_who_leaves_is_waited_for():
    away = [6.0, 20.0]
    session = Session(Plan(points=9, validation=0), laptop())
    play(session, viewer(), lambda t, s: "no face in view" if away[0] < t < away[1] else None)
    assert session.done
    assert session.gave_up is None
    assert len(np.unique(session.samples.place)) == 9


def test_person_who_leaves_for_good_ends_it_and_what_was_taken_stays():
    session = Session(Plan(points=9, validation=0), laptop())
    play(session, viewer(), lambda t, s: "no face in view" if t > 8.0 else None)
    assert session.gave_up == "no face in view"
    assert 2 <= len(np.unique(session.samples.place)) < 9


@pytest.mark.parametrize(
    ("away_s", "ends_s"),
    [([], 6.0), ([(1.0, 1.15), (3.0, 3.3), (5.0, 5.15)], 6.0), ([(3.0, 4.0)], 10.0), ([(0.0, 57.0)], 63.0)],
    ids=["all the time", "but for blinks", "but for a second", "at last"],
)
def test_pause_ends_once_somebody_has_been_in_view_long_enough(away_s, ends_s):
    pause = WaitStep(("Sit down.",), hold_s=6.0, limit_s=60.0)
    t = 0.0
    while not pause.finished and t < 100.0:
        away = any(start <= t < end for start, end in away_s)
        pause.feed(Observation(t, "eyes closed" if away else None), False)
        t += 1 / 30
    assert pause.failed is None
    assert t == pytest.approx(ends_s, abs=0.1)


def test_eyes_closed_throughout():
    session = Session(Plan(points=4, validation=0), laptop())
    play(session, None, lambda t, s: "eyes closed" if s.stage != "pause" else None)
    with pytest.raises(CalibrationError, match=r"0 of 4 targets were taken.*eyes closed"):
        require_samples(session)
    never = Session(Plan(points=4, validation=0), laptop())
    play(never, None, lambda t, s: "eyes closed")
    assert never.gave_up == "eyes closed"
    with pytest.raises(CalibrationError, match="eyes closed"):
        require_samples(never)


def test_two_people_in_view_pause_it():
    session = Session(Plan(points=4, validation=0), laptop())
    play(session, viewer(), lambda t, s: "two people in view" if 3.0 < t < 9.0 else None)
    assert session.done
    assert len(np.unique(session.samples.place)) == 4


def look_elsewhere_at_the_fourth(session, person, until=lambda session: session.done):
    """Drive a session with somebody who at the fourth attempt, a fourth target, looks at the opposite place.

    Returns the targets in the order in which they were shown, one for each attempt.
    """
    shown, before, t = [], None, 0.0
    while not session.done and not until(session) and t < 100:
        target = session.target_px(t)
        if target is not None and target != before:
            shown.append(target)
        before, aim = target, target
        if target is not None and len(shown) == 4:
            aim = (1920.0 - target[0], 1080.0 - target[1])
        session.feed(person.observe(t, aim))
        t += 1 / 30
    return shown


def test_look_at_the_wrong_place_is_repeated():
    session = Session(Plan(points=9, validation=0), laptop())
    shown = look_elsewhere_at_the_fourth(session, viewer(2))
    assert len(set(shown[:9])) == 9
    assert shown[9:] == [shown[3]]
    offsets = condense(session.samples, session.screen).offset_rad
    assert np.ptp(offsets, axis=0).max() < np.deg2rad(0.2)


def test_look_at_the_wrong_place_is_repeated_also_after_a_stop(tmp_path):
    """What was taken before the stop is judged with the rest, and its target shown once more."""
    session, person = Session(Plan(points=9, validation=0), laptop()), viewer(2)
    look_elsewhere_at_the_fourth(session, person, lambda one: one.taken[0] == 7)
    session.save(tmp_path / "s.json")
    assert "target 3" in json.loads((tmp_path / "s.json").read_text())["kept"]
    resumed = Session.load(tmp_path / "s.json")
    play(resumed, person, start_s=100.0, limit_s=200.0)
    assert resumed.done
    assert resumed.taken == (9, 9)
    offsets = condense(resumed.samples, resumed.screen).offset_rad
    assert np.ptp(offsets, axis=0).max() < np.deg2rad(0.2)


def test_stopped_session_goes_on_where_it_was(tmp_path):
    path = tmp_path / "s.json"
    plan = Plan(points=9, validation=4, positions=2, seed=3)
    session = Session(plan, laptop())
    play(session, viewer(), until=lambda s: s.taken[0] == 11)
    session.save(path, {"camera": "c"})
    resumed = Session.load(path)
    assert resumed.taken == (11, 23)
    assert resumed.setup == {"camera": "c"}
    # Nine targets and two of the first further place are there; that place is asked for again.
    seconds = play(resumed, viewer(), until=lambda s: s.stage == "round" or s.taken[0] > 11)
    assert (resumed.stage, resumed.position) == ("round", 0)
    play(resumed, viewer(), start_s=seconds)
    assert resumed.done
    assert resumed.taken == (23, 23)
    kept = resumed.samples.look[resumed.samples.place < 9]
    assert len(np.unique(resumed.samples.look)) == 19
    assert kept.max() <= 9


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text[: len(text) // 2], "is not JSON"),
        (lambda text: text.replace('"schema": "gaze.session/1"', '"schema": "x"'), "is not a gaze.session/1"),
        (lambda text: text.replace('"points": 5', '"dots": 5'), "dots"),
        (lambda text: text.replace('"target 0"', '"target 77"'), "target 77"),
        (lambda text: text.replace('"width_mm": 344.0', '"width_mm": 0'), "width_mm must be positive"),
    ],
)
def test_damaged_session_is_refused(tmp_path, edit, message):
    path = tmp_path / "s.json"
    session = Session(Plan(points=5, validation=0), laptop())
    play(session, viewer(), until=lambda s: s.taken[0] == 2)
    session.save(path)
    path.write_text(edit(path.read_text()))
    with pytest.raises(CalibrationError, match=message):
        Session.load(path)


def test_pursuit_finds_the_lag_of_the_gaze():
    session = Session(Plan(points=5, validation=0, pursuit_s=12.0), laptop())
    play(session, viewer(1, IDEAL))
    # The simulated gaze follows by whole frames, at least FOLLOW_LAG_S late.
    assert session.lag_s == pytest.approx(FOLLOW_LAG_S + 0.03, abs=0.03)
    chunks = condense(session.samples, session.screen)
    assert len(chunks) > 25


def test_head_movement_gives_many_places_to_hold_out():
    session = Session(Plan(points=5, validation=0, head_s=10.0), laptop())
    play(session, viewer(1, PLAIN))
    head = session.samples.take(session.samples.place >= 3000)
    assert len(np.unique(head.place)) >= 3
    assert np.ptp(head.origin_cam_mm[:, 2]) > 60.0
    assert np.unique(head.target_px, axis=0) == pytest.approx(np.array([[960.0, 540.0]]))


def test_further_places_move_the_head_and_come_back_for_validation():
    session = Session(Plan(points=4, validation=3, positions=4), laptop())
    play(session, viewer())
    assert session.done
    x = [session.samples.origin_cam_mm[session.samples.place // 100 == 40 + k, 0].mean() for k in range(4)]
    assert x[0] - x[1] > 150.0
    assert session.position == -1
    assert len(np.unique(session.validation.place)) == 3


def test_confirm_waits_for_the_key():
    session = Session(Plan(points=4, validation=0, confirm=True), laptop(), LookSettings(confirm=True))
    person, t, presses = viewer(), 0.0, 0
    while not session.done and t < 60:
        press = session.stage == "target" and int(t * 30) % 60 == 0
        presses += press
        session.feed(person.observe(t, session.target_px(t)), confirmed=press)
        t += 1 / 30
    assert session.done
    assert presses >= 4


def test_scenes_show_the_target_where_it_is():
    session = Session(Plan(points=4, validation=0), laptop())
    person, t, settled_s = viewer(), 0.0, None
    while settled_s is None or t < settled_s + 0.1:
        scene = session.feed(person.observe(t, session.target_px(t)))
        t += 1 / 30
        if settled_s is None and session.target_px(t) is not None:
            settled_s = t + LookSettings().settle_s
    picture = draw(scene)
    assert picture.shape == (1080, 1920, 3)
    x, y = (round(value) for value in session.target_px(t))
    assert picture[y, x].max() < 120  # the black or red middle
    ring = picture[y, x + 8]
    assert ring[1] > 150  # green: frames are being taken
    assert ring[2] < 150


def test_time_that_runs_backwards_is_refused():
    session = Session(Plan(points=4), laptop())
    session.feed(straight_observation(2.0))
    with pytest.raises(CalibrationError, match="1\\.000 s came after one of 2\\.000 s"):
        session.feed(straight_observation(1.0))


def test_impossible_plans_are_refused():
    with pytest.raises(UsageError, match="no layout of 7"):
        Session(Plan(points=7), laptop())
    for wrong, message in (
        ({"positions": 5}, "positions must be 0 to 4, got 5"),
        ({"validation": -1}, "validation must be 0 to 100, got -1"),
        ({"validation": 10**9}, "validation must be 0 to 100"),
        ({"pursuit_s": float("nan")}, "pursuit_s must be 0 to 600, got nan"),
        ({"attempts": 0}, "attempts must be 1 to 20"),
        ({"seed": -1}, "seed must be 0 to"),
        ({"points": "9"}, "points must be 0 to 16, got '9'"),
        ({"confirm": "no"}, "confirm must be true or false"),
    ):
        with pytest.raises(UsageError, match=message):
            Plan(**wrong)


def test_session_file_holds_no_picture(tmp_path):
    session = Session(Plan(points=4, validation=0), laptop())
    play(session, viewer())
    session.save(tmp_path / "s.json")
    content = json.loads((tmp_path / "s.json").read_text())
    columns = set(content["kept"]["target 0"])
    assert columns == {
        "t_s", "pitch_yaw_rad", "R_norm_cam", "R_cam_head", "origin_cam_mm", "target_px", "look", "place",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["plan"].update(points=7), "no layout of 7 targets"),
        (lambda c: c["plan"].update(points="4"), "points must be 0 to 16"),
        (lambda c: c["plan"].update(colour=1), "colour"),
        (lambda c: c["plan"].update(seed=-1), "seed must be 0 to 4294967296, got -1"),
        (lambda c: c.update(plan=[4]), "plan must be an object"),
        (lambda c: c.update(setup=[1, 2]), "setup must be an object"),
        (lambda c: c.update(kept=[1]), "kept must be an object"),
        (lambda c: c.update(other_screens=[{}]), "the screen lacks"),
        (lambda c: c.update(lag_s="late"), "take the targets anew"),
        (lambda c: c["kept"].update({"target 9": c["kept"]["target 0"]}), "which its plan does not"),
        (lambda c: c["kept"].update({"position 0": c["kept"]["target 0"]}), "'position 0', which its plan"),
        (lambda c: c["kept"].update({"target 00": c["kept"]["target 0"]}), "'target 00' is no part"),
        (lambda c: c["kept"].update({"goal 0": c["kept"]["target 0"]}), "'goal 0' is no part"),
        (lambda c: c["kept"]["target 0"].update(look=None), "column look of the samples is unusable"),
        (lambda c: c["kept"]["target 0"]["t_s"].pop(), "differ in length"),
        (
            lambda c: c["kept"]["target 0"]["R_cam_head"].__setitem__(0, [[0.0] * 3] * 3),
            "must hold rotations",
        ),
        (lambda c: c["kept"]["target 0"]["origin_cam_mm"].__setitem__(0, [0.0] * 3), "nearer than 10 mm"),
        (lambda c: c["screen"].update(width_px=0), "width_px must be positive"),
    ],
)
def test_session_edited_by_hand_is_refused_with_its_name(tmp_path, change, message):
    session = Session(Plan(points=4, validation=0), laptop())
    play(session, viewer())
    path = tmp_path / "s.json"
    session.save(path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match=message) as caught:
        Session.load(path)
    assert str(path) in str(caught.value)
