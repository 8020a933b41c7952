"""Files of tensors and plain values, written in one step and read without running what is in them."""

from __future__ import annotations

import errno
import io
import os
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import torch

from gaze.errors import ModelError
from gaze.files import replacing

MEND = "copy it again, or train one with `gaze train`"
# What torch raises for files of other kinds and for damaged ones; an OSError among them is about the content.
DAMAGED = (
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
    struct.error,
    pickle.UnpicklingError,
)


def save_tensors(path: str | os.PathLike[str], content: dict[str, object], then: str = "") -> None:
    """Write tensors and plain values in one step.

    Args:
        then: how to go on after the mend, in a message.

    Raises:
        ModelError: the file cannot be written, for a full disk for example; an older one is then untouched.
    """
    packed = io.BytesIO()
    torch.save(content, packed)  # straight to a full disk it fails with a place in its own sources
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(packed.getbuffer())
    except OSError as error:
        full = "the disk is full: " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise ModelError(
            f"{path}: cannot be written ({error.strerror or error}); {full}make room or give another "
            f"folder{then}"
        ) from error


def read_tensors(path: str | os.PathLike[str], mend: str = MEND) -> dict[str, object]:
    """A file of tensors and plain values; nothing in it is executed.

    Args:
        mend: what to do where it is truncated or no checkpoint, in a message.

    Raises:
        ModelError: the file is missing, truncated or of another kind.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror or error}); give the path of a checkpoint that you may "
            "read"
        ) from error
    try:
        _refuse_packed(path)
        with warnings.catch_warnings():
            # It warns of protocols of pickle that it then refuses.
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGED as error:
        if "unsupported global" in str(error).lower():
            raise ModelError(
                f"{path}: holds more than tensors and plain values, and nothing else is loaded, for it could "
                "run code; save the state dict alone"
            ) from error
        raise ModelError(f"{path}: is no checkpoint, or it is truncated ({size} bytes); {mend}") from error
    if not isinstance(content, dict):
        raise ModelError(
            f"{path}: holds {type(content).__name__}, not a state dict; save the network's state dict, or "
            "give a checkpoint that `gaze train` wrote"
        )
    return content


def _refuse_packed(path: str | os.PathLike[str]) -> None:
    """Raises ModelError: a member of the archive is packed, so that it may be a thousand times as large.

    torch never packs them; files of other kinds are left to it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            packed = [item.filename for item in archive.infolist() if item.compress_type]
    except (OSError, ValueError, LookupError, NotImplementedError, struct.error, zipfile.BadZipFile):
        return
    if packed:
        raise ModelError(f"{path}: {packed[0]} in it is compressed; save it with torch, which packs nothing")


def bare_state(content: dict[str, object]) -> dict[str, torch.Tensor]:
    """The weights of a file by other training code: out of its wrapping, without DataParallel's prefix."""
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content.get(key), dict):
            content = content[key]
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def in_brief(error: BaseException) -> str:
    """The beginning of what torch says, in one line; it goes on with every weight by name."""
    return " ".join(str(error).split())[:200]
