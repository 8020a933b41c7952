import dataclasses
import json

import numpy as np
import pytest
from gaze_people import SIZE_PX, calibrated_person, laptop, looks_at

from calibration.accuracy import measure
from calibration.check import check_profile
from calibration.observation import Observation
from calibration.part import Kind, Part
from calibration.person import Prior, fit
from calibration.profile import Profile
from calibration.samples import condense
from calibration.schedule import collect, load_schedule, scheduled_session
from calibration.session import Session
from calibration.simulated_person import IDEAL, PLAIN
from calibration.simulated_viewer import SimulatedViewer
from calibration.targets import check_layout, layout, to_px, validation_layout
from gaze.camera import Camera
from gaze.errors import CalibrationError, DataError


def schedule_file(tmp_path, targets):
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps({"schema": "gaze.schedule/1", "targets": targets}))
    return path


def watched(viewer, showings, offset_s=0.0):
    """Frames of a viewer who sees the targets at their times."""
    frames = []
    for i in range(round((showings[-1].end_s + 0.5) * 30)):
        t = i / 30
        shown = next((item for item in showings if item.start_s <= t < item.end_s), None)
        target = None if shown is None else (shown.x_px, shown.y_px)
        frame = viewer.observe(t, target)
        frames.append(dataclasses.replace(frame, t_s=t + offset_s))
    return frames


def timetable(count=5, validation=3):
    fit_points, rest = to_px(layout(count), SIZE_PX), to_px(validation_layout(validation), SIZE_PX)
    entries = []
    for i, (x, y) in enumerate([*fit_points, *rest]):
        entries.append(
            {"start_s": 2.0 * i, "end_s": 2.0 * i + 2.0, "x_px": x, "y_px": y, "validation": i >= count}
        )
    return entries


def test_a_recording_and_its_time_table_are_a_calibration(tmp_path):
    showings = load_schedule(schedule_file(tmp_path, timetable()), laptop())
    frames = watched(SimulatedViewer(3, laptop(), IDEAL), showings, offset_s=1000.0)
    session = scheduled_session(showings, laptop())
    collect(frames, showings, session)
    assert not session.skipped
    assert session.taken == (8, 8)
    assert len(np.unique(session.samples.place)) == 5
    correction = fit(condense(session.samples, laptop()))
    assert measure(session.validation, correction, laptop()).accuracy_deg < 0.05


def test_targets_that_were_not_looked_at_are_named(tmp_path):
    showings = load_schedule(schedule_file(tmp_path, timetable(4, 0)), laptop())
    frames = watched(SimulatedViewer(3, laptop(), IDEAL), showings)
    frames = [Observation(f.t_s, "eyes closed") if 2.0 <= f.t_s < 4.0 else f for f in frames]
    session = scheduled_session(showings, laptop())
    collect(frames, showings, session)
    assert session.taken == (3, 4)
    assert len(session.validation) == 0
    assert list(session.skipped) == [Part(Kind.TARGET, 1)]
    assert session.skipped[Part(Kind.TARGET, 1)].endswith("eyes closed")
    early = scheduled_session(showings, laptop())
    collect(frames[:20], showings, early)
    assert early.skipped[Part(Kind.TARGET, 3)].endswith("the recording has too few frames")
    with pytest.raises(CalibrationError, match="no frame"):
        collect([], showings, scheduled_session(showings, laptop()))


def test_a_scheduled_session_survives_its_file_and_shows_what_is_missing(tmp_path):
    """Two showings of one target are two looks at one place; a missing one is shown when it goes on."""
    entries = timetable(4, 2)
    entries[2].update(x_px=entries[0]["x_px"], y_px=entries[0]["y_px"])
    showings = load_schedule(schedule_file(tmp_path, entries), laptop())
    frames = watched(SimulatedViewer(3, laptop(), IDEAL), showings)
    frames = [Observation(f.t_s, "eyes closed") if 2.0 <= f.t_s < 4.0 else f for f in frames]
    session = scheduled_session(showings, laptop())
    collect(frames, showings, session)
    session.save(tmp_path / "s.json", {"camera": "c"})
    again = Session.load(tmp_path / "s.json")
    assert again.taken == (5, 6)
    assert again.setup == {"camera": "c"}
    assert again.samples.pitch_yaw_rad == pytest.approx(session.samples.pitch_yaw_rad, abs=1e-7)
    assert again.samples.place.tolist() == session.samples.place.tolist()
    assert set(again.samples.place) == {0, 3}
    assert len(np.unique(again.samples.look)) == 3
    assert again.validation.target_px == pytest.approx(session.validation.target_px)
    viewer, t = SimulatedViewer(4, laptop(), IDEAL), 0.0
    while not again.done and t < 60.0:
        again.feed(viewer.observe(t, again.target_px(t)))
        t += 1 / 30
    assert again.taken == (6, 6)
    shown = again.samples.take(again.samples.place == 1).target_px
    assert np.unique(shown, axis=0) == pytest.approx(np.array([[entries[1]["x_px"], entries[1]["y_px"]]]))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([[1, 2, 3]], "pairs of numbers"),
        ([[1, "a"]], "pairs of numbers"),
        ([[1, float("nan")]], "pairs of numbers"),
        ("12", "at most 1000 targets"),
        ([[1, 2]] * 1001, "at most 1000 targets"),
        ([[5000, 2]], "lies off the screen"),
        ([], "needs targets_px"),
    ],
)
def test_scheduled_session_edited_by_hand_is_refused(tmp_path, targets, message):
    showings = load_schedule(schedule_file(tmp_path, timetable()), laptop())
    path = tmp_path / "s.json"
    scheduled_session(showings, laptop()).save(path)
    content = json.loads(path.read_text())
    content["plan"]["targets_px"] = targets
    path.write_text(json.dumps(content))
    with pytest.raises(CalibrationError, match=message) as caught:
        Session.load(path)
    assert str(caught.value).count(str(path)) == 1
    assert "take the targets anew" in str(caught.value)


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ([], DataError, "at least one target"),
        (
            [{"start_s": 0, "end_s": 1, "x_px": 5, "y_px": 5, "validation": True}],
            DataError,
            "at least one must be for the fit",
        ),
        ([{"start_s": 1, "end_s": 1, "x_px": 5, "y_px": 5}], DataError, "end_s must be after start_s"),
        ([{"start_s": 0, "end_s": 1, "x_px": 5}], DataError, "y_px"),
        ([{"start_s": 0, "end_s": 1, "x_px": 5, "y_px": 5, "size": 3}], DataError, "size"),
        ([{"start_s": 0, "end_s": 1, "x_px": 5000, "y_px": 5}], CalibrationError, r"json: .* off the screen"),
        ([{"start_s": 0, "end_s": 1, "x_px": "a", "y_px": 5}], DataError, "target 0"),
        ([{"start_s": "0", "end_s": "1", "x_px": 1, "y_px": 5}], DataError, "start_s must be a number"),
        ([{"start_s": 0, "end_s": float("nan"), "x_px": 1, "y_px": 5}], DataError, "end_s must be a number"),
        ([{"start_s": -1, "end_s": 1, "x_px": 1, "y_px": 5}], DataError, "0 or later"),
        ([{"start_s": 0, "end_s": 1, "x_px": 1, "y_px": 5, "validation": "no"}], DataError, "true or false"),
        (5, DataError, "at least one target"),
        ({"a": 1}, DataError, "at least one target"),
        ([5], DataError, "must be an object"),
        (
            [
                {"start_s": 1, "end_s": 3, "x_px": 1, "y_px": 5},
                {"start_s": 0, "end_s": 2, "x_px": 9, "y_px": 5},
            ],
            DataError,
            "at 1 s begins before that of 0 s ends",
        ),
    ],
)
def test_impossible_time_tables_are_refused(tmp_path, targets, error, message):
    with pytest.raises(error, match=message):
        load_schedule(schedule_file(tmp_path, targets), laptop())


def test_accuracy_and_precision_of_made_hits():
    """An ideal person with a known constant offset left in: its size is the accuracy."""
    samples, _, _, screen = calibrated_person(5, IDEAL)
    correction = fit(condense(samples, screen), "offset")
    shifted = dataclasses.replace(correction, drift_rad=(np.deg2rad(1.5), np.deg2rad(-2.0)))
    found = measure(samples, shifted, screen)
    assert found.accuracy_deg == pytest.approx(2.5, abs=0.05)
    assert found.rms_s2s_deg < 0.02
    assert found.sd_deg < 0.05
    # 2.5 degrees at about 600 mm.
    assert found.accuracy_cm == pytest.approx(60 * np.tan(np.deg2rad(2.5)), rel=0.35)
    assert found.accuracy_px == pytest.approx(found.accuracy_cm * 10 / screen.mm_per_px[0], rel=0.01)
    table = found.text("title")
    assert len(table.splitlines()) == 12
    assert found.to_json()["accuracy_deg"] == found.accuracy_deg


def test_precision_is_that_of_the_noise():
    errors = dataclasses.replace(PLAIN, memory_s=0.0, lapse=0.0, blinks_per_s=0.0)
    samples, _, _, screen = calibrated_person(5, errors)
    found = measure(samples, fit(condense(samples, screen), "offset"), screen)
    # One degree per axis, independent from frame to frame: deviation sqrt(2), sample to sample 2.
    assert found.sd_deg == pytest.approx(np.sqrt(2), rel=0.12)
    assert found.rms_s2s_deg == pytest.approx(2.0, rel=0.12)


def test_gaze_that_misses_the_plane_is_an_error():
    samples, _, _, screen = calibrated_person(1, IDEAL)
    away = dataclasses.replace(samples, pitch_yaw_rad=samples.pitch_yaw_rad + np.array([0.0, np.pi]))
    nothing = dataclasses.replace(fit(condense(samples, screen)), prior=Prior("none"))
    with pytest.raises(CalibrationError, match="no line of sight meets the plane"):
        measure(away, nothing, screen)


def profile_and_check(drift_deg):
    samples, person, head, screen = calibrated_person(2, PLAIN)
    correction = fit(condense(samples, screen))
    accuracy = {"after": measure(samples, correction, screen).to_json()}
    camera = Camera.guessed(1280, 720)
    profile = Profile("p", "now", camera, (screen,), "net", "00", correction, "", accuracy)
    seen = looks_at(person, screen, to_px(check_layout(), SIZE_PX), head)
    drifted = dataclasses.replace(seen, pitch_yaw_rad=seen.pitch_yaw_rad + np.deg2rad([drift_deg, 0.0]))
    return profile, drifted, check_profile(profile, drifted)


def test_profile_that_holds():
    _, _, result = profile_and_check(0.0)
    assert result.holds
    assert "the profile holds" in result.text()


def test_profile_that_drifted_is_mended_by_an_offset():
    profile, seen, result = profile_and_check(4.0)
    assert not result.holds
    assert result.found.accuracy_deg == pytest.approx(4.0, abs=0.6)
    assert "--correct" in result.text()
    again = check_profile(profile.drifted(result.drift_rad), seen)
    assert again.holds
    assert again.found.accuracy_deg == pytest.approx(result.mended_deg, abs=1e-9)


def test_profile_that_an_offset_does_not_mend():
    profile, seen, _ = profile_and_check(0.0)
    angles = seen.pitch_yaw_rad.copy()
    angles[seen.place == 1] += 0.2
    angles[seen.place == 2] -= 0.2
    result = check_profile(profile, dataclasses.replace(seen, pitch_yaw_rad=angles))
    assert not result.holds
    assert "calibrate again" in result.text()


def test_check_of_one_target_is_refused():
    profile, seen, _ = profile_and_check(0.0)
    with pytest.raises(CalibrationError, match="at least two"):
        check_profile(profile, seen.take(seen.look == 0))
