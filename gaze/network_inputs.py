"""What the network looks at, in px of its input: the whole face, and where it does so apart the eyes."""

from __future__ import annotations

import math

# Names of the face's and the eyes' backbone in a GazeNet's state and in exported graphs.
BACKBONES = ("backbone", "eye_backbone")

# Far beyond what faces of webcams are worth; a file that asks for more asks for the machine's memory.
LARGEST_INPUT = 1024

# Left, top, right and bottom of the part of a normalised face in which both eyes lie, as shares of its side
# (at 224 px 16, 36, 208, 116). Of 863 rendered faces and 26 real ones 98 % have all lids and corners inside.
EYES = (1 / 14, 9 / 56, 13 / 14, 29 / 56)


def check_input_size(input_size: int, eyes: bool) -> None:
    """Whether a network can have this input.

    Raises:
        ValueError: it cannot.
    """
    step, least = (32, 128) if eyes else (16, 64)
    if input_size % step or not least <= input_size <= LARGEST_INPUT:
        looking = "with the eyes apart the " if eyes else ""
        raise ValueError(
            f"{looking}input size must be a multiple of {step} from {least} to {LARGEST_INPUT}, "
            f"got {input_size}"
        )


def eye_window(input_size: int) -> tuple[slice, slice]:
    """Columns and rows of the part with the eyes, in px of a face of that side."""
    left, top, right, bottom = (round(share * input_size) for share in EYES)
    return slice(left, right), slice(top, bottom)


def map_sizes(input_size: int, eyes: bool) -> list[tuple[int, int]]:
    """Height and width of the feature maps of a network."""
    if not eyes:
        return [(math.ceil(input_size / 32),) * 2]
    columns, rows = eye_window(input_size)
    sides = (rows.stop - rows.start, columns.stop - columns.start)
    return [(math.ceil(input_size / 64),) * 2, tuple(math.ceil(side / 32) for side in sides)]
