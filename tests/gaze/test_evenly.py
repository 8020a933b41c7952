"""Rows that stand for all."""

import numpy as np
import pytest

from gaze.evenly import evenly_spread


def test_all_of_few_and_some_of_many():
    np.testing.assert_array_equal(evenly_spread(4, 10), [0, 1, 2, 3])
    np.testing.assert_array_equal(evenly_spread(9, 3), [0, 4, 8])
    np.testing.assert_array_equal(evenly_spread(9, 1), [0])
    assert len(evenly_spread(0, 5)) == 0


@pytest.mark.parametrize(("count", "at_most"), [(1000, 7), (50, 49), (50, 50), (7, 6)])
def test_as_many_as_asked_for_both_ends_and_no_gap_much_wider_than_another(count, at_most):
    rows = evenly_spread(count, at_most)
    assert (len(rows), rows[0], rows[-1]) == (at_most, 0, count - 1)
    assert np.ptp(np.diff(rows)) <= 1
