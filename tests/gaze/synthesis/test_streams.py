"""Random streams: what a seed draws today it draws for ever."""

import numpy as np

from gaze.synthesis import streams
from gaze.synthesis.streams import stream


def test_numbers_are_those_that_pictures_were_drawn_with():
    """Another number would be another picture of the same seed, without another number of the renderer."""
    numbers = {name: value for name, value in vars(streams).items() if isinstance(value, int)}
    in_order = ("SHAPE", "EYES", "LIDS", "SKIN", "HAIR", "WEAR", "POSE_HABIT")
    expected = {f"PERSON_{name}": number for number, name in enumerate(in_order)}
    expected |= {"LASHES": 1001, "SKIN_PAINT": 1003, "HAIR_STRANDS": 1004, "CLOTH": 1005}
    in_order = ("POSE", "LIGHT", "CAMERA", "FACE", "LIDS", "PIPELINE")
    expected |= {f"CROP_{name}": 100 + number for number, name in enumerate(in_order)}
    expected |= {"LAPTOP": 300, "LAPTOP_COUNT": 7, "CLIP": 400, "WEBCAM": 500, "WEBCAM_LATE_LIDS": 501}
    assert numbers == expected | {"RIGID_TABLE": 500}


def test_a_stream_is_numpys_own_of_seed_and_number():
    """The first draws of NumPy's PCG64 for the entropy [5, 0] and [5, 1]."""
    first, second = (stream(np.int64(5), number).random(2) for number in (0, 1))
    np.testing.assert_allclose(first, [0.80500292, 0.80794079])
    np.testing.assert_allclose(second, [0.77420418, 0.47072268])
