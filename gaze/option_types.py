"""What an option's text must be: sizes, and numbers within bounds. For ``type=`` of argparse, exit code 2."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable

LARGEST_SIDE_PX = 16384


def size_argument(text: str) -> tuple[int, int]:
    """``640x480`` -> (640, 480)."""
    match = re.fullmatch(r"(\d+)[xX](\d+)", text.strip())
    if match is None or int(match[1]) == 0 or int(match[2]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write WIDTHxHEIGHT, such as 640x480")
    width, height = int(match[1]), int(match[2])
    if max(width, height) > LARGEST_SIDE_PX:
        raise argparse.ArgumentTypeError(f"{text!r} is larger than {LARGEST_SIDE_PX} px a side")
    return width, height


def size_between(low: int, high: int) -> Callable[[str], tuple[int, int]]:
    """``640x480`` -> (640, 480), where both sides lie within bounds that are both allowed."""

    def convert(text: str) -> tuple[int, int]:
        size = size_argument(text)
        if not low <= min(size) <= max(size) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} must be {low}x{low} to {high}x{high} px")
        return size

    return convert


def size_mm_argument(text: str) -> tuple[float, float]:
    """``344x194`` or ``344.5x193.7`` -> millimetres."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)[xX](\d+(?:\.\d+)?)", text.strip())
    if match is None or float(match[1]) <= 0 or float(match[2]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no size in mm; write WIDTHxHEIGHT, such as 344x194")
    return float(match[1]), float(match[2])


def at_least(low: int) -> Callable[[str], int]:
    """A whole number from ``low`` on, as large as the libraries take it."""
    convert = _bounded(int, lambda value: value >= low, f"must be a whole number of at least {low}")

    def bounded(text: str) -> int:
        if (value := convert(text)) >= 2**63:
            raise argparse.ArgumentTypeError(f"{text:.30} is too large a number")
        return value

    return bounded


def whole_between(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds that are both allowed."""
    return _bounded(int, lambda value: low <= value <= high, f"must be a whole number from {low} to {high}")


def above(low: float) -> Callable[[str], float]:
    """A finite number greater than ``low``."""
    return _bounded(float, lambda value: low < value < math.inf, f"must be a number above {low:g}")


def not_below(low: float) -> Callable[[str], float]:
    """A finite number from ``low`` on."""
    return _bounded(float, lambda value: low <= value < math.inf, f"must be a number of at least {low:g}")


def between(low: float, high: float, unit: str = "") -> Callable[[str], float]:
    """A number, of ``unit`` where it has one, within bounds that are both allowed."""
    demand = f"must be a number{unit and f' of {unit}'} from {low:g} to {high:g}"
    return _bounded(float, lambda value: low <= value <= high, demand)


def _bounded(kind: type, is_good: Callable[[float], bool], demand: str):
    def convert(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not is_good(value):
            raise argparse.ArgumentTypeError(f"{text!r} {demand}")
        return value

    return convert


at_least_one = at_least(1)
hfov_argument = between(10.0, 170.0, "degrees")
