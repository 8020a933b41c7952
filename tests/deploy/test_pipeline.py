from dataclasses import replace

import cv2
import numpy as np
import pytest
from loop_fakes import FakeEstimator, make_estimate, make_face, noise, sharp_face

from deploy.gates import GateConfig
from deploy.pipeline import Pipeline, frame_status
from deploy.smoothing import SmoothingConfig
from gaze.geometry import angles_from_vector, angular_error_rad, vector_from_angles
from gaze.normalization import denormalize_direction
from gaze.types import Frame, Status


def run(script, count=3, **options):
    pipeline = Pipeline(FakeEstimator(script), **options)
    return [pipeline.process(Frame(noise(i), i, i / 25)) for i in range(count)]


def test_ok_passes_unchanged_with_a_track_id():
    results = run(None)
    assert [result.status for result in results] == [Status.OK] * 3
    assert [result.estimates[0].face.track_id for result in results] == [0, 0, 0]
    assert np.allclose(angles_from_vector(results[2].estimates[0].ray.direction_cam), (0.1, 0.2))
    assert list(results[0].stage_ms) == ["landmarks", "head_pose", "normalize", "network", "filters"]
    assert results[0].total_ms == pytest.approx(5.3 + results[0].stage_ms["filters"])


def test_no_face_is_a_status_without_estimates():
    result = run(lambda frame: [])[0]
    assert result.status is Status.NO_FACE
    assert result.estimates == ()


def gated(face=None, image=None):
    return run(lambda frame: [make_estimate(frame.index, frame.t_s, face=face, image=image)])[0]


def test_closed_eyes_take_the_gaze_away_and_keep_the_head():
    result = gated(face=make_face(eye_open=(0.02, 0.0)))
    (estimate,) = result.estimates
    assert result.status is estimate.status is Status.BLINK
    assert estimate.ray is None
    assert estimate.gaze is None
    assert estimate.head_pose is not None


def test_a_blurred_face_takes_the_gaze_away():
    result = gated(image=cv2.GaussianBlur(sharp_face(), (0, 0), 12))
    assert result.status is result.estimates[0].status is Status.BLUR
    assert result.estimates[0].ray is None


def test_a_frozen_camera_takes_the_gaze_away_from_everybody():
    pipeline = Pipeline(FakeEstimator(), gates=GateConfig(frozen_s=0.5))
    results = [pipeline.process(Frame(noise(0), i, i / 10)) for i in range(10)]
    assert results[3].status is Status.OK
    assert results[9].status is results[9].estimates[0].status is Status.FROZEN
    assert results[9].estimates[0].ray is None


@pytest.mark.parametrize("sigma_deg, status", [(None, Status.OK), (13.9, Status.OK), (14.1, Status.UNSURE)])
def test_a_gaze_that_the_network_doubts_is_not_given(sigma_deg, status):
    (estimate,) = run(lambda frame: [doubting(frame, sigma_deg)])[0].estimates
    assert estimate.status is status
    assert (estimate.gaze is None) == (estimate.ray is None) == (status is Status.UNSURE)
    assert estimate.head_pose is not None
    (estimate,) = run(lambda frame: [doubting(frame, sigma_deg)], gates=GateConfig(sigma_deg=0.0))[
        0
    ].estimates
    assert estimate.status is Status.OK and estimate.ray is not None


def doubting(frame, sigma_deg):
    estimate = make_estimate(frame.index, frame.t_s)
    sigma_rad = None if sigma_deg is None else np.deg2rad(sigma_deg)
    return replace(estimate, gaze=replace(estimate.gaze, sigma_rad=sigma_rad))


def test_gates_can_be_switched_off():
    off = GateConfig(0.0, 0.0, 0.0, 0.0)
    blurred = cv2.GaussianBlur(sharp_face(), (0, 0), 12)
    script = lambda f: [make_estimate(f.index, f.t_s, face=make_face(eye_open=(0, 0)), image=blurred)]  # noqa: E731
    assert all(result.status is Status.OK for result in run(script, gates=off))


def test_smoothing_moves_ray_and_angles_together():
    script = lambda f: [make_estimate(f.index, f.t_s, (0.0, 0.4 if f.index else 0.0))]  # noqa: E731
    results = run(script, 2, smoothing=SmoothingConfig(min_cutoff_hz=1.0, beta=0.0))
    (estimate,) = results[1].estimates
    pitch, yaw = angles_from_vector(estimate.ray.direction_cam)
    assert 0.02 < yaw < 0.2
    back = denormalize_direction(
        vector_from_angles((estimate.gaze.pitch_rad, estimate.gaze.yaw_rad)), estimate.normalized.R_norm_cam
    )
    assert angular_error_rad(back, estimate.ray.direction_cam) < 1e-9
    assert abs(pitch) < 1e-9


def test_a_blink_does_not_feed_the_smoother():
    def script(frame):
        face = make_face(eye_open=(0, 0) if frame.index == 1 else (1, 1))
        return [make_estimate(frame.index, frame.t_s, (0.0, 1.0 if frame.index == 1 else 0.0), face=face)]

    results = run(script, 3, smoothing=SmoothingConfig())
    assert np.allclose(angles_from_vector(results[2].estimates[0].ray.direction_cam), (0, 0), atol=1e-9)


def test_unrelated_pictures_are_neither_tracked_smoothed_nor_frozen():
    script = lambda f: [make_estimate(f.index, f.t_s, (0.0, 0.3 * f.index))]  # noqa: E731
    pipeline = Pipeline(
        FakeEstimator(script), smoothing=SmoothingConfig(), gates=GateConfig(frozen_s=0.01), sequence=False
    )
    results = [pipeline.process(Frame(noise(0), i, i / 10)) for i in range(3)]
    assert [result.status for result in results] == [Status.OK] * 3
    yaws = [angles_from_vector(result.estimates[0].ray.direction_cam)[1] for result in results]
    assert yaws == pytest.approx([0.0, 0.3, 0.6])


def test_the_hook_sees_smoothed_estimates_and_adds_events():
    class Hook:
        seen = ()

        def __call__(self, estimate):
            self.seen += (estimate,)
            return estimate

        def events(self):
            return [{"kind": "fixation"}]

    hook = Hook()
    results = run(None, 2, hook=hook)
    assert len(hook.seen) == 2
    assert hook.seen[0].face.track_id == 0
    assert results[0].events == ({"kind": "fixation"},)


def test_frame_status_prefers_ok():
    ok, failed = make_estimate(0, 0.0), make_estimate(0, 0.0, status=Status.POSE_FAILED)
    assert frame_status([failed, ok], False) is Status.OK
    assert frame_status([failed], False) is Status.POSE_FAILED
    assert frame_status([], True) is Status.FROZEN


def test_many_faces_keep_their_ids_and_statuses():
    boxes = [(30 * i, 10, 30 * i + 25, 40) for i in range(20)]

    def script(frame):
        faces = [make_face(b, (0.0, 0.0) if i == 3 else (1.0, 1.0)) for i, b in enumerate(boxes)]
        return [make_estimate(frame.index, frame.t_s, face=face) for face in faces]

    result = run(script, 2)[1]
    assert [e.face.track_id for e in result.estimates] == list(range(20))
    assert [e.status for e in result.estimates].count(Status.BLINK) == 1
    assert result.status is Status.OK


def test_memory_of_people_long_gone_is_given_back():
    """A thousand people pass one after the other; trackers, gates and smoothers keep only the last ones."""

    def script(frame):
        left = 400.0 * (frame.index // 4 % 2)
        return [make_estimate(frame.index, frame.t_s, face=make_face((left, 10, left + 60, 90), (1, 1)))]

    pipeline = Pipeline(FakeEstimator(script), smoothing=SmoothingConfig(), gates=GateConfig(frozen_s=0.0))
    picture = noise(0)
    ids = set()
    for index in range(4000):
        result = pipeline.process(Frame(picture, index, index * 1.0 + 0.6 * (index // 4)))
        ids.add(result.estimates[0].face.track_id)
    assert len(ids) == 1000
    assert len(pipeline._tracker._tracks) <= 2
    assert len(pipeline._smoother._filters) <= 2
    assert len(pipeline._blink._closed) <= 2
