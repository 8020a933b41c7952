"""The types of options take what their words say and name the bound that was broken."""

import argparse

import pytest

from gaze.option_types import (
    above,
    at_least,
    between,
    not_below,
    size_argument,
    size_between,
    size_mm_argument,
    whole_between,
)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (size_argument, "1280X720", (1280, 720)),
        (size_argument, " 640x480 ", (640, 480)),
        (size_mm_argument, "344.5x194", (344.5, 194.0)),
        (size_between(64, 4096), "64x4096", (64, 4096)),
        (at_least(2), "2", 2),
        (whole_between(1, 4), "4", 4),
        (above(0), "0.25", 0.25),
        (not_below(0), "0", 0.0),
        (between(-3, 3, "mm"), "-3", -3.0),
    ],
)
def test_good_values(kind, text, value):
    assert kind(text) == value
    assert type(kind(text)) is type(value)


@pytest.mark.parametrize(
    ("kind", "texts", "message"),
    [
        (size_argument, ("0x480", "640x", "axb", "640x480x3", "640"), "WIDTHxHEIGHT, such as 640x480"),
        (size_mm_argument, ("0x194", "344", "-1x2", "axb"), "WIDTHxHEIGHT, such as 344x194"),
        (size_between(64, 4096), ("63x480", "640x4097"), "must be 64x64 to 4096x4096 px"),
        (size_between(64, 4096), ("640", "0x480"), "WIDTHxHEIGHT, such as 640x480"),
        (whole_between(1, 4), ("0", "5", "1.5", "x"), "must be a whole number from 1 to 4"),
        (at_least(2), ("1", "-5", "2.5", "two", ""), "must be a whole number of at least 2"),
        (above(0), ("0", "-1", "nan", "inf", "x"), "must be a number above 0"),
        (not_below(0), ("-0.1", "nan", "inf", "x"), "must be a number of at least 0"),
        (between(0, 1), ("1.1", "nan"), "must be a number from 0 to 1"),
        (between(-3, 3, "mm"), ("3.1", "-4", "nan", "inf", "x"), "must be a number of mm from -3 to 3"),
    ],
)
def test_bad_values_name_text_and_bound(kind, texts, message):
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError, match=message) as caught:
            kind(text)
        assert repr(text) in str(caught.value)


def test_no_number_is_larger_than_the_libraries_take():
    assert at_least(0)(str(2**63 - 1)) == 2**63 - 1
    with pytest.raises(argparse.ArgumentTypeError, match="9223372036854775808 is too large a number"):
        at_least(0)(str(2**63))
