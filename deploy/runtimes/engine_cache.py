"""Folders for what engines compile: one place for all, one folder per machine, engine version and model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from gaze import user_folders
from gaze.errors import ModelError, RuntimeUnavailableError
from gaze.files import read_json, write_json

VARIABLE = "GAZE_CACHE_DIR"
KEY_FILE = "key.json"
# TensorRT engines are built for up to so many faces; more in a call are run in parts.
MAX_BATCH = 16


def cache_root(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The folder given, else the one named by GAZE_CACHE_DIR, else the project's in the user's cache."""
    if cache_dir is not None:
        return Path(cache_dir)
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return user_folders.cache_dir()


def writable_folder(folder: Path) -> Path:
    """Make the folder and check that a file can be written there.

    Raises:
        RuntimeUnavailableError: it cannot; the message names the setting that moves it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RuntimeUnavailableError(
            f"{folder}: the cache of compiled models cannot be written ({error.strerror}); "
            f"set {VARIABLE} to a folder that this user may write"
        ) from error
    return folder


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What a TensorRT engine is tied to."""

    gpu: str
    tensorrt: str
    model_sha256: str
    precision: str

    @classmethod
    def of_this_machine(cls, model_sha256: str, precision: str) -> EngineKey:
        """The key of an engine built here and now.

        Raises:
            RuntimeUnavailableError: there is no GPU or no TensorRT.
        """
        return cls(gpu_name(), tensorrt_version(), model_sha256, precision)

    @property
    def folder_name(self) -> str:
        """Readable and safe as a name of a folder."""
        gpu = re.sub(r"[^A-Za-z0-9]+", "-", self.gpu).strip("-").lower()
        return f"{gpu}_trt-{self.tensorrt}_{self.precision}_{self.model_sha256[:16]}"


def prepared_cache(key: EngineKey, cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The writable folder of this key; a change of GPU, TensorRT, model or precision gives another one."""
    return writable_folder(cache_root(cache_dir) / "tensorrt" / key.folder_name)


def write_key(folder: Path, key: EngineKey) -> None:
    """Say what the engine in a folder of the cache is tied to, once it is there whole."""
    write_json(folder / KEY_FILE, asdict(key))


def is_of_key(folder: Path, key: EngineKey) -> bool:
    """Whether the engine in a folder of the cache was built for this key, by what lies beside it."""
    try:
        return read_json(folder / KEY_FILE) == asdict(key)
    except (OSError, ValueError):  # none, or damaged
        return False


def check_key(stored: dict[str, object], key: EngineKey, engine_path: Path) -> None:
    """Hold the stored key of an engine against the key of this machine.

    Raises:
        ModelError: the engine was built for another GPU, TensorRT, model or precision.
    """
    wanted = asdict(key)
    differs = [name for name in wanted if stored.get(name) != wanted[name]]
    if differs:
        what = "; ".join(f"{name} is {wanted[name]}, the engine's is {stored.get(name)}" for name in differs)
        mend = f"run `gaze export --formats tensorrt-{key.precision}` here"
        raise ModelError(f"{engine_path}: was built elsewhere: {what}; {mend}")


def gpu_name() -> str:
    """The name of the first NVIDIA GPU: nvidia-smi, or the board's device tree on a Jetson.

    Raises:
        RuntimeUnavailableError: there is none.
    """
    if program := shutil.which("nvidia-smi"):
        answer = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=False,
        )
        names = answer.stdout.strip().splitlines()
        # On a Jetson nvidia-smi may exist and name the GPU "Orin (nvgpu)"; that serves as well.
        if answer.returncode == 0 and names:
            return names[0].strip()
    board = Path("/proc/device-tree/model")
    if board.is_file():
        name = board.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
        if "nvidia" in name.lower() or "jetson" in name.lower():
            return name
    raise RuntimeUnavailableError("no NVIDIA GPU was found (nvidia-smi names none); choose --device CPU")


def tensorrt_version() -> str:
    """The version of TensorRT: its Python package, else that of trtexec or the system's library.

    Raises:
        RuntimeUnavailableError: there is none.
    """
    for package in ("tensorrt", "tensorrt-cu12", "tensorrt-cu13"):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    libraries = [
        name
        for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/tensorrt/lib")
        if Path(folder).is_dir()
        for name in sorted(path.name for path in Path(folder).glob("libnvinfer.so.*.*"))
    ]
    if libraries:
        return libraries[-1].removeprefix("libnvinfer.so.")
    raise RuntimeUnavailableError(
        "TensorRT was not found; install it (on a Jetson it comes with JetPack), or choose --device CUDA"
    )
