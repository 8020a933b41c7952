"""GPU memory and a stream through the CUDA runtime alone, so that TensorRT needs no further package."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from pathlib import Path
from types import TracebackType

from numpy.typing import NDArray

from gaze.errors import RuntimeUnavailableError

TO_DEVICE, TO_HOST = 1, 2
NAMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0")


def load_cudart() -> ctypes.CDLL:
    """The CUDA runtime: of the system, or of the nvidia packages beside this Python.

    Raises:
        RuntimeUnavailableError: there is none.
    """
    packaged = [str(file) for folder in sys.path for file in Path(folder).glob("nvidia/*/lib/libcudart.so.*")]
    found = ctypes.util.find_library("cudart")
    for name in (*NAMES, *([found] if found else []), *packaged):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise RuntimeUnavailableError(
        "the CUDA runtime (libcudart.so) was not found; install CUDA (on a Jetson it comes with JetPack) or "
        "`pip install nvidia-cuda-runtime-cu12`"
    )


class DeviceBuffers:
    """Named buffers on the GPU that grow as needed, and a stream to work on.

    Raises:
        RuntimeUnavailableError: a call of the CUDA runtime fails.
    """

    def __init__(self, cudart: ctypes.CDLL | None = None) -> None:
        self._cudart = load_cudart() if cudart is None else cudart
        self._buffers: dict[str, tuple[ctypes.c_void_p, int]] = {}
        self._stream = ctypes.c_void_p()
        self._check(self._cudart.cudaStreamCreate(ctypes.byref(self._stream)), "cudaStreamCreate")

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return self._stream.value or 0

    def address(self, name: str, size_bytes: int) -> int:
        """Address of the buffer of this name, of at least so many bytes."""
        pointer, have = self._buffers.get(name, (ctypes.c_void_p(), 0))
        if have < size_bytes:
            self._free(name)
            pointer = ctypes.c_void_p()
            self._check(
                self._cudart.cudaMalloc(ctypes.byref(pointer), ctypes.c_size_t(size_bytes)), "cudaMalloc"
            )
            self._buffers[name] = (pointer, size_bytes)
        return pointer.value or 0

    def upload(self, name: str, array: NDArray) -> None:
        """Copy a contiguous array to the buffer, on the stream."""
        self._copy(self._buffers[name][0], array.ctypes.data_as(ctypes.c_void_p), array.nbytes, TO_DEVICE)

    def download(self, name: str, array: NDArray) -> None:
        """Copy the buffer to a contiguous array, on the stream; wait() before it is read."""
        self._copy(array.ctypes.data_as(ctypes.c_void_p), self._buffers[name][0], array.nbytes, TO_HOST)

    def wait(self) -> None:
        """Wait until all that was asked for on the stream is done."""
        self._check(self._cudart.cudaStreamSynchronize(self._stream), "cudaStreamSynchronize")

    def close(self) -> None:
        """Free the buffers and the stream."""
        for name in list(self._buffers):
            self._free(name)
        if self._stream.value is not None:
            self._cudart.cudaStreamDestroy(self._stream)
            self._stream = ctypes.c_void_p()

    def __enter__(self) -> DeviceBuffers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _copy(self, target: ctypes.c_void_p, source: ctypes.c_void_p, size: int, way: int) -> None:
        code = self._cudart.cudaMemcpyAsync(
            target, source, ctypes.c_size_t(size), ctypes.c_int(way), self._stream
        )
        self._check(code, "cudaMemcpyAsync")

    def _free(self, name: str) -> None:
        pointer, _ = self._buffers.pop(name, (None, 0))
        if pointer is not None:
            self._cudart.cudaFree(pointer)

    @staticmethod
    def _check(code: int, call: str) -> None:
        if code != 0:
            raise RuntimeUnavailableError(
                f"the GPU refused {call} (CUDA error {code}); check `nvidia-smi` and the GPU's memory"
            )
