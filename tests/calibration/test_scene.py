"""Texts of the full-screen stages: whole, and with room between the strokes of their letters."""

import numpy as np
import pytest

from calibration.scene import BACKGROUND, Scene, Text, draw

LONG = "A line that is much too long for a screen as narrow as a telephone, and that has to be smaller."


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (800, 480)])
def test_a_long_line_is_whole_and_legible(size):
    picture = draw(Scene(size, (), (Text(LONG, size[0] / 2, size[1] / 2, 1.4),)))
    text = (picture != BACKGROUND).any(axis=2)
    rows, columns = (np.flatnonzero(text.any(axis=axis)) for axis in (1, 0))
    assert columns[0] + columns[-1] == pytest.approx(size[0], abs=0.03 * size[0])
    assert 0.8 * size[0] < np.ptp(columns) < 0.98 * size[0]
    box = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, 0].astype(float)
    ink = (box - BACKGROUND[0]).mean() / (255.0 - BACKGROUND[0])
    assert 0.08 < ink < 0.25, "letters of thin or filled strokes cannot be read"
