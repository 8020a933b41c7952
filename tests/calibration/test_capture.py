import cv2
import numpy as np
import pytest

from calibration.board import Board
from calibration.capture import SAME_TILT, TILT_WORDS, TILTS, Guidance, GuidedCapture, draw_guidance
from gaze.camera import Camera

SIZE = (960, 540)
CAMERA = Camera.guessed(*SIZE)
BOARD = Board("charuco", 7, 5, 30.0)
PAGE = BOARD.picture(48, 24)


def picture(x_mm=0.0, y_mm=0.0, z_mm=420.0, turn=(0.0, 0.0, 0.0)):
    """The printed board held in front of the camera; turn is a rotation vector."""
    R = cv2.Rodrigues(np.array(turn, dtype=float))[0]
    px_per_mm = 48 / 30.0
    corners_px = np.array(
        [[0, 0], [PAGE.shape[1], 0], [PAGE.shape[1], PAGE.shape[0]], [0, PAGE.shape[0]]], float
    )
    flat = np.c_[(corners_px - corners_px.mean(axis=0)) / px_per_mm, np.zeros(4)]
    seen = CAMERA.project(flat @ R.T + [x_mm, y_mm, z_mm])
    H = cv2.getPerspectiveTransform((corners_px - 0.5).astype(np.float32), seen.astype(np.float32))
    grey = cv2.warpPerspective(PAGE, H, SIZE, flags=cv2.INTER_AREA, borderValue=80)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def hold(capture, image, start_s, seconds=0.8):
    """Hold one picture still; the last guidance, and whether it was taken on the way."""
    taken = False
    for i in range(round(seconds * 10)):
        guidance = capture.feed(image, start_s + i / 10)
        taken = taken or guidance.taken
    return guidance, taken


def test_still_board_is_taken_once():
    capture = GuidedCapture(BOARD, SIZE)
    guidance, taken = hold(capture, picture(), 0.0)
    assert taken
    assert len(capture.views) == 1
    assert guidance.message != "taken"  # the same place again is not wanted
    assert guidance.message == "move the board into the shaded parts of the picture"


def test_moving_board_is_not_taken():
    capture = GuidedCapture(BOARD, SIZE)
    for i in range(10):
        guidance = capture.feed(picture(x_mm=12.0 * i), i / 10)
    assert guidance.message == "hold still"
    assert not capture.views


def test_blurred_board_is_not_taken():
    capture = GuidedCapture(BOARD, SIZE)
    hold(capture, picture(), 0.0)
    guidance, taken = hold(capture, cv2.GaussianBlur(picture(x_mm=60.0), (0, 0), 3.0), 5.0)
    assert not taken
    assert guidance.message in (
        "blurred: hold still, more light",
        "show the board to the camera",
        "show more of the board",
    )


def test_nothing_in_view():
    guidance = GuidedCapture(BOARD, SIZE).feed(np.full((540, 960, 3), 80, np.uint8), 0.0)
    assert guidance.message == "show the board to the camera"
    assert guidance.progress == 0.0


@pytest.mark.parametrize(
    ("turn", "edge"),
    [((0, 0.45, 0), "left"), ((0, -0.45, 0), "right"), ((0.45, 0, 0), "top"), ((-0.45, 0, 0), "bottom")],
)
def test_tilts_are_named_by_the_nearer_edge(turn, edge):
    """The nearer edge is the longer one; left and right are those of the person behind the board."""
    capture = GuidedCapture(BOARD, SIZE)
    for i in range(SAME_TILT):
        assert capture.missing_tilts == TILTS
        hold(capture, picture(x_mm=60.0 * i, turn=turn), 5.0 * i)
    assert set(TILTS) - set(capture.missing_tilts) == {edge}
    view = capture.views[0]
    keys = (view.points_mm // 29.9).astype(int)
    corners = {tuple(key): px for key, px in zip(keys, view.points_px, strict=True)}
    ends = {
        "right": ((1, 1), (1, 4)),
        "left": ((6, 1), (6, 4)),
        "top": ((1, 1), (6, 1)),
        "bottom": ((1, 4), (6, 4)),
    }
    lengths = {name: np.linalg.norm(corners[a] - corners[b]) for name, (a, b) in ends.items()}
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    assert lengths[edge] > 1.05 * lengths[opposite[edge]]


def test_a_full_round_ends():
    capture = GuidedCapture(BOARD, SIZE, views_wanted=12)
    t = 0.0
    turns = ((0, 0, 0), (0, 0.45, 0), (0, -0.45, 0), (0.45, 0, 0), (-0.45, 0, 0))
    places = [
        (x, y, z) for z in (330.0, 460.0) for y in (-70.0, 0.0, 70.0) for x in (-160.0, -60.0, 60.0, 160.0)
    ]
    for i, (x, y, z) in enumerate(places * 2):
        guidance, _ = hold(capture, picture(x, y, z, turns[i % len(turns)]), t)
        t += 2.0
        if capture.done:
            break
    assert capture.done, (capture.missing_tilts, guidance.covered.mean(), len(capture.views))
    assert len(capture.views) >= 12


def test_guidance_picture_shows_corners_and_message():
    capture = GuidedCapture(BOARD, SIZE)
    image = picture()
    guidance, _ = hold(capture, image, 0.0)
    shown = draw_guidance(image, guidance, len(capture.views))
    assert shown.shape == image.shape
    x, y = guidance.corners_px[0]
    # Mirrored, as people expect it.
    assert shown[round(y), SIZE[0] - 1 - round(x)].tolist()[1] > 180


def test_views_of_an_earlier_session_count():
    first = GuidedCapture(BOARD, SIZE)
    hold(first, picture(), 0.0)
    second = GuidedCapture(BOARD, SIZE)
    second.add(first.views)
    assert len(second.views) == 1
    nothing = np.full((540, 960, 3), 80, np.uint8)
    covered = [capture.feed(nothing, 9.0).covered for capture in (first, second)]
    assert covered[0].any()
    assert np.array_equal(covered[1], covered[0])


def test_a_long_message_fits_a_narrow_picture():
    """What is drawn ends before the edge: nothing is cut off."""
    image = np.zeros((480, 640, 3), np.uint8)
    covered = np.ones((4, 6), dtype=bool)
    for name, words in TILT_WORDS.items():
        guidance = Guidance(words, False, np.zeros((0, 2)), covered, (name,), 0.0, False)
        shown = draw_guidance(image, guidance, 15)
        lit = np.flatnonzero((shown[430:468] > 128).any(axis=(0, 2)))
        assert 590 < lit.max() < 632 or len(words) < 45
        assert lit.max() < 632
