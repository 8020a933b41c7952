"""Archives of arrays (.npz) that anybody may have made: what reading a damaged one can raise."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib

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
