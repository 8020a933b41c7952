"""The command `gaze`: a table of subcommands, each imported only when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gaze.errors import GazeError, UsageError
from gaze.standard_streams import prepare, printable, settle_output
from gaze.subcommands import dispatch
from gaze.system_libraries import missing_library
from gaze.user_folders import settle_home

COMMANDS = {
    "run": ("deploy.run_command", "estimate gaze live, or on a video, image or folder"),
    "doctor": ("deploy.doctor", "what works on this machine, and how to fix what does not"),
    "bench": ("deploy.bench.command", "measure speed and memory of the loop or of exported models"),
    "calibrate": ("deploy.calibrate.command", "camera, screen, person; check a profile"),
    "analyze": ("calibration.analyze_command", "fixations, dwell times and heat map of a recording"),
    "synthesize": ("gaze.synthesis.command", "render people with exact gaze labels"),
    "prepare": ("gaze.datasets.prepare_command", "MPIIFaceGaze and the like to one HDF5 of normalised faces"),
    "train": ("gaze.training.train_command", "train the network"),
    "evaluate": ("deploy.evaluate.command", "angular error: data sets, faces, rendered people, clips, ..."),
    "export": ("export.command", "checkpoint to ONNX, OpenVINO, INT8 and TensorRT, with parity"),
    "download-models": ("gaze.download", "fetch the MediaPipe Tasks model and check it"),
}
# The optional packages by extra, as in pyproject.toml, and the commands for which an extra is made.
EXTRAS = {
    "reports": ("matplotlib",),
    "train": ("torch", "h5py", "hdf5plugin", "scipy", "tensorboard"),
    "synthesis": ("moderngl", "h5py", "hdf5plugin", "scipy"),
    "export": ("torch", "onnx", "nncf"),
}
# Those that come without an extra; one is missing where it was removed, or not installed with the rest.
CORE = ("mediapipe", "cv2", "numpy", "onnxruntime", "openvino", "tqdm", "tomli")
OWN_EXTRA = {"synthesize": "synthesis", "export": "export"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand. Exit codes: 0 good, 1 the work failed, 2 wrong use."""
    argv = list(sys.argv[1:] if argv is None else argv)
    prepare()
    settle_home()

    def tell(message: object) -> None:
        with suppress(OSError):
            print(" ".join(["gaze", *argv[:1]]) + f": {printable(str(message))}", file=sys.stderr)

    try:
        try:
            code = _run(argv)
        except SystemExit as end:  # of --help among others, whose text is still to be flushed
            if not end.code:
                sys.stdout.flush()
            raise
        sys.stdout.flush()
        return code
    except UsageError as error:
        tell(error)
        return 2
    except GazeError as error:
        tell(error)
        return 1
    except ModuleNotFoundError as error:
        extra = _extra_of(argv[0], error.name or "")
        if extra is None:
            raise
        package, checkout = (f"'{name}[{extra}]'" if extra else name for name in ("webcam-gaze", "."))
        tell(
            f"needs the package {error.name}; "
            f"run `pip install {package}` (in a checkout: `pip install {checkout}`)"
        )
        return 1
    except ImportError as error:
        # Found at the first import of OpenCV on a server without a desktop.
        missing = missing_library(error)
        if missing is None:
            raise
        tell(f"the system's library {missing[0]} is missing; {missing[1]}")
        return 1
    except BrokenPipeError:
        # The reader of standard output has gone, as in `gaze ... | head`.
        settle_output()
        return 1
    except OSError as error:
        # No disk, folder or right is asked for before every use of it.
        if not _working_folder_is_there():
            tell("the folder that it was started in has been removed; change into another one")
            return 1
        what = error.filename or "standard output, or a file"
        tell(f"{what}: {error.strerror or error}; check the disk, the folder and your rights to it")
        settle_output()
        return 1
    except MemoryError as error:
        tell(f"needs more memory than there is ({error}); give less at once, or close other programs")
        return 1
    except KeyboardInterrupt:
        tell("interrupted")
        return 130


def _run(argv: list[str]) -> int:
    if argv and argv[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(version("webcam-gaze"))
        return 0
    return dispatch("gaze", "COMMAND", COMMANDS, argv)


def _working_folder_is_there() -> bool:
    try:
        return Path.cwd().is_dir()
    except OSError:
        return False


def _extra_of(command: str, package: str) -> str | None:
    """The extra that brings a package which a command lacks: the command's own where that holds it.

    "" for one that comes without an extra, None for one that this program does not ask for.
    """
    package = package.partition(".")[0]
    own = OWN_EXTRA.get(command)
    holding = [extra for extra, packages in EXTRAS.items() if package in packages]
    return own if own in holding else next(iter(holding), "" if package in CORE else None)


if __name__ == "__main__":
    raise SystemExit(main())
