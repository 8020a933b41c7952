import cv2
import numpy as np
import pytest
from loop_fakes import FakeEstimator, make_estimate, make_face

from deploy.display.overlay import ARROW_MM, KEYS, Hud, OverlayOptions, arrow_ends_px, draw_overlay
from deploy.pipeline import Pipeline
from gaze.camera import Camera
from gaze.types import Frame

SIZE = (640, 480)
BOX = (220, 140, 420, 360)
QUIET = OverlayOptions(timings=False)


def result_of(angles=(0.0, 0.5), size=SIZE, eye_open=(1, 1), box=BOX, grey=128):
    image = np.full((size[1], size[0], 3), grey, np.uint8)
    script = lambda f: [make_estimate(f.index, f.t_s, angles, make_face(box, eye_open))]  # noqa: E731
    return Pipeline(FakeEstimator(script)).process(Frame(image, 0, 0.0))


def changed(result, options=QUIET, hud=None):
    """Where (H, W) the overlay differs from the frame."""
    drawn = draw_overlay(result, options, hud).image
    return np.any(drawn != result.frame.image, axis=2)


def test_arrow_points_where_the_gaze_goes():
    """Yaw is positive to the image's left, pitch upwards; checked against the pinhole formula."""
    camera = Camera.from_hfov(60.0, *SIZE)
    for pitch, yaw in ((0.0, 0.5), (0.4, 0.0), (-0.3, -0.2), (0.0, 0.0)):
        start, tip = arrow_ends_px(make_estimate(0, 0.0, (pitch, yaw)), camera)
        f, (cx, cy) = camera.K[0, 0], camera.K[:2, 2]
        x, y, z = (
            0.0 - ARROW_MM * np.cos(pitch) * np.sin(yaw),
            23.0 - ARROW_MM * np.sin(pitch),
            600.0 - ARROW_MM * np.cos(pitch) * np.cos(yaw),
        )
        assert tip == pytest.approx((f * x / z + cx, f * y / z + cy), abs=1e-6)
        assert start == pytest.approx((cx, f * 23.0 / 600.0 + cy), abs=1e-6)
    assert arrow_ends_px(make_estimate(0, 0.0, (0.0, 0.5)), camera)[1][0] < cx


def test_an_arrow_never_passes_the_camera():
    tip = arrow_ends_px(make_estimate(0, 0.0, (0.1, 0.1)), Camera.from_hfov(60.0, *SIZE), length_mm=5000.0)[1]
    assert np.all(np.isfinite(tip))
    assert np.abs(tip).max() < 5000


def test_the_arrow_is_drawn_along_its_line_and_not_when_gated():
    result = result_of((0.0, 0.5))
    start, tip = arrow_ends_px(result.estimates[0], result.camera)
    middle = tuple(np.round((start + tip) / 2).astype(int)[::-1])
    assert changed(result)[middle]
    closed = result_of((0.0, 0.5), eye_open=(0, 0))
    assert not changed(closed)[middle]
    # Of a gated face box and label remain.
    assert changed(closed).any()


def test_mirror_shows_the_mirrored_picture_with_everything_on_it():
    """Box, axes and arrow are where the flipped overlay has them; only the label is moved and readable."""
    result = result_of((0.2, 0.4))
    plain = draw_overlay(result, QUIET).image
    mirrored = draw_overlay(result, OverlayOptions(mirror=True, timings=False)).image
    below_label = slice(BOX[1] + 3, None)
    difference = cv2.absdiff(cv2.flip(plain, 1), mirrored)[below_label].astype(int).sum(axis=2)
    assert np.mean(difference > 60) < 0.002
    text = draw_overlay(result, OverlayOptions(mirror=True, help=True)).image
    assert not np.array_equal(text, cv2.flip(text, 1))


def test_the_frame_itself_is_left_alone():
    result = result_of()
    before = result.frame.image.copy()
    draw_overlay(result, OverlayOptions(True, True, True, True, True), Hud(30.0, 4, True, True, ["hello"]))
    assert np.array_equal(result.frame.image, before)


def test_landmarks_timings_help_and_messages_are_drawn_where_they_belong():
    result = result_of()
    base = changed(result)
    landmarks = changed(result, OverlayOptions(landmarks=True, timings=False)) & ~base
    rows, columns = np.nonzero(landmarks)
    assert landmarks.sum() > 300
    assert columns.min() >= BOX[0] - 4
    assert columns.max() <= BOX[2] + 4
    timings = changed(result, OverlayOptions()) & ~base
    rows, columns = np.nonzero(timings)
    assert rows.max() < SIZE[1] / 2
    assert columns.max() < SIZE[0] / 2
    assert (changed(result, OverlayOptions(timings=False, help=True)) & ~base).sum() > 10_000
    message = changed(result, QUIET, Hud(messages=["camera lost"])) & ~base
    assert np.nonzero(message)[0].min() > 0.85 * SIZE[1]
    recording = changed(result, QUIET, Hud(recording=True)) & ~base
    assert np.nonzero(recording)[1].min() > 0.8 * SIZE[0]


def test_no_face_and_frozen_are_told():
    image = np.full((480, 640, 3), 128, np.uint8)
    pipeline = Pipeline(FakeEstimator(lambda frame: []))
    assert changed(pipeline.process(Frame(image, 0, 0.0)))[-40:].sum() > 500


def test_heat_map_needs_no_map():
    """Without a weight map the normalised face is shown; with one it is coloured."""
    import dataclasses

    plain = result_of()
    options = OverlayOptions(weight_map=True, timings=False)
    with_map = dataclasses.replace(
        plain,
        estimates=(dataclasses.replace(plain.estimates[0], weight_map=np.eye(4, dtype=np.float32)),),
    )
    a, b = draw_overlay(plain, options).image, draw_overlay(with_map, options).image
    corner = (slice(330, 470), slice(500, 630))
    assert np.any(a[corner] != 128)
    assert np.any(a[corner] != b[corner])


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (40, 30), (320, 240), (3840, 2160), (480, 1920)])
def test_every_size_of_picture(size):
    options = OverlayOptions(True, True, True, True, True)
    for box in ((0, 0, 1, 1), (-50, -50, 40, 40), (size[0] - 5, size[1] - 5, size[0] + 300, size[1] + 300)):
        result = result_of(size=size, box=box)
        drawn = draw_overlay(result, options, Hud(12.3, 7, True, True, ["a message that is rather long"]))
        assert drawn.image.shape == (size[1], size[0], 3)


def test_a_face_beside_the_camera_is_no_trouble():
    """A pose so near that its axes would lie behind the camera is left out."""
    import dataclasses

    from gaze.types import GazeRay, HeadPose

    result = result_of()
    near = dataclasses.replace(
        result.estimates[0],
        head_pose=HeadPose(np.eye(3), (5.0, 0.0, 30.0), 1.0),
        ray=GazeRay((5.0, 0.0, 30.0), (0.0, 0.0, -1.0)),
    )
    drawn = draw_overlay(dataclasses.replace(result, estimates=(near,)), QUIET)
    assert drawn.image.shape == result.frame.image.shape


def test_help_names_every_key_once():
    keys = [key for key, _ in KEYS]
    assert len(set(keys)) == len(keys)
    assert {"q", "space", "m", "l", "w", "s", "r", "h"} <= set(keys)
