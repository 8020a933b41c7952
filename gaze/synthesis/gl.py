"""OpenGL without a window: the context, shader files with includes, and shared textures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.errors import RuntimeUnavailableError

SHADERS = Path(__file__).parent / "shaders"


def create_context() -> moderngl.Context:
    """A standalone EGL context (Mesa on a CPU, a GPU's driver where there is one).

    Raises:
        RuntimeUnavailableError: no EGL driver can be loaded, or it has no context to give.
    """
    # No thread beside the caller's: several processes render side by side, which scales better, and waiting
    # for one another costs two threads a thirtieth of the time.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    try:
        return moderngl.create_context(standalone=True, backend="egl", require=330)
    except Exception as error:  # glcontext raises bare ones for whatever a driver lacks
        raise RuntimeUnavailableError(
            f"no OpenGL context without a display: {error}; install an EGL driver "
            "(Debian and Ubuntu: apt-get install libegl1 libgl1-mesa-dri)"
        ) from error


def release_context(context: moderngl.Context) -> None:
    """Give a context's memory back, with everything that was made in it; once only."""
    # EGL keeps a context that is current until another is: leaving it once makes none current.
    with context:
        pass
    context.release()


def shader_source(name: str) -> str:
    """The text of a shader file with its ``#include "file"`` lines replaced."""
    text = (SHADERS / name).read_text(encoding="utf-8")
    return re.sub(r'#include "([\w.]+)"', lambda match: shader_source(match.group(1)), text)


def load_program(
    context: moderngl.Context, vertex: str, fragment: str, lamps: int | None = None
) -> moderngl.Program:
    """Compile two shader files into a program, for at most so many of light.glsl's lamps."""
    sources = [shader_source(name) for name in (vertex, fragment)]
    if lamps is not None:
        sources = [re.sub(r"(const int LAMPS =) \d+", rf"\1 {lamps}", source) for source in sources]
    return context.program(vertex_shader=sources[0], fragment_shader=sources[1])


def set_uniforms(program: moderngl.Program, **values: object) -> None:
    """Set uniforms by name; those that the compiler dropped are left out."""
    for name, value in values.items():
        member = program.get(name, None)
        if member is None:
            continue
        if isinstance(value, np.ndarray):
            member.write(np.ascontiguousarray(value, np.float32).tobytes())
        else:
            member.value = value


def column_major(matrix: NDArray) -> bytes:
    """A matrix as OpenGL reads it: float32, one column after another."""
    return matrix.T.astype(np.float32).tobytes()


def placed(R_cam_head: NDArray[np.float64], t_cam_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix (4, 4) that takes head-frame points, mm, to the camera frame."""
    place = np.eye(4)
    place[:3, :3], place[:3, 3] = R_cam_head, t_cam_mm
    return place


def noise_texture(context: moderngl.Context, size: int = 256) -> moderngl.Texture:
    """Two channels of repeating multi-octave noise, 0..1 around 0.5, for irises and veins."""
    rng = np.random.default_rng(7)
    channels = []
    for base in (8, 16):
        frequency = np.fft.fftfreq(size)[:, None] ** 2 + np.fft.fftfreq(size)[None, :] ** 2
        spectrum = np.fft.fft2(rng.normal(size=(size, size)))
        radius = np.sqrt(frequency) * size
        shape = np.where(radius >= base / 2, 1.0 / np.maximum(radius, 1.0) ** 0.8, 0.0)
        total = np.real(np.fft.ifft2(spectrum * shape))
        channels.append(np.clip(0.5 + 0.17 * total / total.std(), 0.0, 1.0))
    pixels = (np.stack(channels, axis=-1) * 255).astype(np.uint8)
    texture = context.texture((size, size), 2, pixels.tobytes())
    texture.build_mipmaps()
    texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
    return texture
