"""Faces that the whole picture does not show are found in parts of it, and followed there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gaze.closer_look import NEAR_SHARE, WHOLE_EVERY, CloserLook, part_about, parts_of
from gaze.landmarks import create_detector
from gaze.types import LANDMARK_COUNT, Face, Frame

mediapipe = pytest.importorskip("mediapipe")
WIDTH, HEIGHT = 1280, 720


class Drawn:
    """A detector of white rectangles that does as MediaPipe.

    It finds none narrower than a tenth of the longer side of the picture, but follows one of any size from
    where it was, as a share of the picture, until it loses it.
    """

    name = "drawn"

    def __init__(self, static=False, max_faces=1):
        self.static, self.max_faces, self.calls = static, max_faces, 0
        self.followed = []
        self.closed = False

    def detect(self, frame):
        self.calls += 1
        height, width = frame.image.shape[:2]
        shown = boxes_in(frame.image)
        if self.followed and not self.static:
            near = [
                box
                for box in shown
                if any(abs(middle_share(box, width, height) - at).max() < 0.1 for at in self.followed)
            ]
        else:
            near = [box for box in shown if box[2] - box[0] >= 0.1 * max(width, height)]
        near = near[: self.max_faces]
        self.followed = [middle_share(box, width, height) for box in near]
        return [face_of(box) for box in near]

    def close(self):
        self.closed = True


def middle_share(box, width, height):
    return np.array([(box[0] + box[2]) / 2 / width, (box[1] + box[3]) / 2 / height])


def boxes_in(image):
    """Boxes of the white rectangles, largest first."""
    contours, _ = cv2.findContours((image[:, :, 0] > 128).astype(np.uint8), cv2.RETR_EXTERNAL, 2)
    boxes = [cv2.boundingRect(contour) for contour in contours]
    boxes = [np.array([x, y, x + w, y + h], float) for x, y, w, h in boxes]
    return sorted(boxes, key=lambda box: box[0] - box[2])


def face_of(box):
    landmarks = np.linspace(box[:2], box[2:], LANDMARK_COUNT)
    return Face(box, landmarks, np.ones(2))


def picture(*boxes, size=(WIDTH, HEIGHT)):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y, side in boxes:
        cv2.rectangle(image, (x, y), (x + side - 1, y + side - 1), (255, 255, 255), -1)
    return image


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (480, 640), (1000, 1000), (1921, 333)])
def test_every_face_of_half_a_part_lies_whole_in_one(size):
    parts = parts_of(*size)
    side = max(size) // 4
    for corner in np.random.default_rng(0).integers(0, np.maximum(np.array(size) - side, 1), (200, 2)):
        assert any(
            part.x_px <= corner[0]
            and part.y_px <= corner[1]
            and corner[0] + side <= part.x_px + part.width_px
            and min(corner[1] + side, size[1]) <= part.y_px + part.height_px
            for part in parts
        )
    assert all(
        part.x_px + part.width_px <= size[0] and part.y_px + part.height_px <= size[1] for part in parts
    )


def test_a_part_about_a_face_stays_in_the_picture():
    part = part_about(face_of(np.array([1200.0, 10, 1260, 70])), WIDTH, HEIGHT)
    assert (part.x_px, part.y_px, part.width_px, part.height_px) == (640, 0, 640, 640)
    part = part_about(face_of(np.array([600.0, 330, 680, 410])), WIDTH, HEIGHT)
    assert (part.x_px, part.y_px) == (320, 50)


@pytest.mark.parametrize("static", [True, False])
def test_a_small_face_is_found_where_it_is(static):
    image = picture((1100, 600, 80))
    with CloserLook(Drawn(static), static=static) as detector:
        found = [detector.detect(Frame(image, index)) for index in range(8)]
    faces = next(faces for faces in found if faces)
    assert found[0] if static else found[-1]
    np.testing.assert_allclose(faces[0].box_px, [1100, 600, 1180, 680])
    np.testing.assert_allclose(faces[0].landmarks_px, np.linspace([1100, 600], [1180, 680], LANDMARK_COUNT))


def test_of_a_stream_no_more_than_one_part_a_frame_is_looked_at():
    drawn = Drawn()
    detector = CloserLook(drawn)
    for index in range(10):
        assert detector.detect(Frame(picture(), index)) == []
    assert drawn.calls == 20


def test_a_large_face_takes_one_look():
    drawn = Drawn()
    detector = CloserLook(drawn)
    for index in range(10):
        assert detector.detect(Frame(picture((500, 300, 200)), index))
    assert drawn.calls == 10


def test_a_small_picture_is_not_searched():
    drawn = Drawn(static=True)
    assert CloserLook(drawn, static=True).detect(Frame(picture((100, 100, 20), size=(320, 240)))) == []
    assert drawn.calls == 1


def test_a_small_face_is_followed_across_the_picture_and_towards_the_camera():
    drawn = Drawn()
    detector = CloserLook(drawn)
    seen, calls = [], []
    for index in range(200):
        side = 80 if index < 150 else 80 + 5 * (index - 150)
        box = (20 + 5 * min(index, 150), 100 + min(index, 150), side)
        before = drawn.calls
        faces = detector.detect(Frame(picture(box), index))
        calls.append(drawn.calls - before)
        if faces:
            np.testing.assert_allclose(faces[0].box_px[:2], box[:2])
        seen.append(bool(faces))
    assert all(seen[len(parts_of(WIDTH, HEIGHT)) :])
    assert np.mean(np.array(calls[10:]) == 1) > 0.9  # a move of the part costs one more
    assert NEAR_SHARE * WIDTH < 80 + 5 * 49 and calls[-1] == 1


def test_a_face_that_leaves_is_given_up_and_found_elsewhere():
    detector = CloserLook(Drawn())
    for index in range(8):
        faces = detector.detect(Frame(picture((100, 100, 80)), index))
    assert faces
    assert detector.detect(Frame(picture(), 8)) == []
    found = [detector.detect(Frame(picture((1150, 500, 80)), 9 + index)) for index in range(8)]
    assert found[-1] and found[-1][0].box_px[0] == 1150


@pytest.mark.parametrize("max_faces", [1, 2])
def test_a_nearer_person_who_comes_is_seen_where_several_are_wanted(max_faces):
    detector = CloserLook(Drawn(max_faces=max_faces), max_faces)
    for index in range(8):
        detector.detect(Frame(picture((100, 100, 80)), index))
    both = picture((100, 100, 80), (900, 300, 300))
    widths = [
        max(face.box_px[2] - face.box_px[0] for face in detector.detect(Frame(both, 8 + index)))
        for index in range(WHOLE_EVERY)
    ]
    assert widths[-1] == (300 if max_faces == 2 else 80)


def test_a_picture_of_another_size_starts_anew():
    detector = CloserLook(Drawn())
    for index in range(8):
        detector.detect(Frame(picture((1150, 600, 80)), index))
    found = [detector.detect(Frame(picture((20, 20, 50), size=(640, 480)), 8 + index)) for index in range(9)]
    assert found[-1][0].box_px[0] == 20


def test_closing_closes_the_detector():
    drawn = Drawn()
    CloserLook(drawn).close()
    assert drawn.closed


@pytest.mark.skipif(not hasattr(mediapipe, "solutions"), reason="this mediapipe has no face mesh API")
def test_mediapipe_finds_a_real_face_too_small_for_the_whole(shared_dir):
    """Its width is 0.065 of the picture's."""
    photo = cv2.resize(cv2.imread(str(shared_dir / "real/samples/image00.jpg")), (640, 960))
    with create_detector("mesh", static=True) as detector:
        (near,) = detector.detect(Frame(photo))
        assert 0.06 < (near.box_px[2] - near.box_px[0]) * 0.625 / WIDTH < 0.07
        small = cv2.resize(photo, (400, 600), interpolation=cv2.INTER_AREA)
        image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        image[100:700, 850:1250] = small
        assert detector.detect(Frame(image)) == []
        (far,) = CloserLook(detector, static=True).detect(Frame(image))
    expected = (near.landmarks_px + 0.5) * 0.625 - 0.5 + [850, 100]
    assert np.linalg.norm(far.landmarks_px - expected, axis=1).mean() < 1.5
