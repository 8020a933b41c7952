"""Archives of arrays (.npz): written whole or not at all, and what reading a damaged one can raise."""

from __future__ import annotations

import io
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gaze.files import replacing

# numpy and zipfile raise all of these on a file of another kind, or one of which a few bytes are wrong; an
# OSError among them may be about the content. No archive is ever opened with allow_pickle.
DAMAGED_ARRAYS = (
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    EOFError,
    OverflowError,
    MemoryError,
    SyntaxError,
    RuntimeError,  # encrypted; NotImplementedError: packed in a way that Python does not know
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, NDArray], compressed: bool = False
) -> None:
    """Write what numpy.savez, or savez_compressed, would, in one step (see gaze.files.replacing).

    Raises:
        OSError: it cannot be written; an older file is then untouched.
    """
    # Packed in memory: an archive that meets a full disk complains once more when it is thrown away.
    packed = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(packed, **arrays)
    with replacing(path) as temporary:
        temporary.write_bytes(packed.getbuffer())
