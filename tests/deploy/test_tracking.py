import numpy as np

from deploy.tracking import FaceTracker


def box(x, y=50.0, side=40.0):
    return np.array([x, y, x + side, y + side])


def test_ids_follow_people_who_walk_past_each_other_in_any_order():
    tracker = FaceTracker()
    rng = np.random.default_rng(0)
    names = {}
    for i in range(100):
        people = {"a": box(10 + 3 * i, 40), "b": box(400 - 3 * i, 110), "c": box(200, 300)}
        order = list(people)
        rng.shuffle(order)
        ids = tracker.update([people[name] for name in order], i / 30)
        for name, track in zip(order, ids, strict=True):
            assert names.setdefault(name, track) == track
    assert sorted(names.values()) == [0, 1, 2]


def test_a_short_absence_keeps_the_id_and_a_long_one_gives_a_new_one():
    tracker = FaceTracker(keep_s=1.0)
    assert tracker.update([box(10)], 0.0) == [0]
    assert tracker.update([], 0.5) == []
    assert tracker.update([box(14)], 0.9) == [0]
    assert tracker.update([], 1.5) == []
    assert tracker.update([box(14)], 2.5) == [1]


def test_a_far_face_or_one_of_another_size_is_somebody_else():
    tracker = FaceTracker()
    tracker.update([box(10)], 0.0)
    assert tracker.update([box(200)], 0.03) == [1]
    assert tracker.update([box(0, 40, 300.0)], 0.06) == [2]


def test_the_nearer_face_gets_the_id():
    tracker = FaceTracker()
    tracker.update([box(100)], 0.0)
    assert tracker.update([box(125), box(102)], 0.03) == [1, 0]


def test_twenty_faces():
    tracker = FaceTracker()
    boxes = [box(50 * (i % 5), 60 * (i // 5), 30) for i in range(20)]
    assert tracker.update(boxes, 0.0) == list(range(20))
    assert tracker.update(boxes[::-1], 0.03) == list(range(20))[::-1]


def test_reset_never_gives_an_old_id():
    tracker = FaceTracker()
    tracker.update([box(10)], 0.0)
    tracker.reset()
    assert tracker.update([box(10)], 0.01) == [1]
