"""From a checkpoint to artefacts that ran, were compared and lie whole in their folder."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.runtimes import create_runtime, is_installed
from deploy.runtimes.base import Runtime
from deploy.runtimes.torch_runtime import TorchRuntime
from export.artefacts import Kind, Run, openvino_precisions, runs_of
from export.faces import FaceSet
from export.maker import make_maker
from export.parity import Parity, breaches, compare, predict_batched
from gaze.errors import GazeError, ModelError
from gaze.model_spec import save_spec, sidecar_path
from gaze.types import ModelSpec

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A written artefact.

    ``size_mb`` counts everything that belongs to it; ``parities`` are those within their bounds, which its
    sidecar holds too; ``breaches`` tells of engines that calculate it too coarsely.
    """

    kind: Kind
    path: Path
    size_mb: float
    parities: tuple[Parity, ...]
    breaches: tuple[str, ...] = ()


def export_all(
    reference: TorchRuntime,
    name: str,
    kinds: Sequence[Kind],
    out: Path,
    faces: Sequence[FaceSet],
    calibration: FaceSet | None,
    devices: Sequence[str],
    say: Say,
) -> Iterator[Artefact | ModelError]:
    """Make, run, compare and keep each kind; gives what was kept, or why it was not, one after the other.

    An artefact that breaks the bound of its own precision is not kept. Where only an engine's coarser
    precision breaks its bound (an fp32 file in bf16), the artefact is kept without that entry in its sidecar,
    and its ``breaches`` name it.

    Args:
        reference: the checkpoint on torch.
        faces: what parity is measured on.
        calibration: what the bf16 and int8 kinds are calibrated on; None where no kind is.
        devices: where the artefacts are run.

    Raises:
        GazeError: the plain fp32 network cannot be made, does not run or breaks its bound; an engine is not
            here; a file cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=".export-", dir=out)
    except OSError as error:
        raise GazeError(f"{out}: cannot be written ({error.strerror}); choose another --out") from error
    expected = np.concatenate([predict_batched(reference, item.faces) for item in faces])
    maker = make_maker(reference, name, out, calibration, faces[0])
    with staging as folder:
        for kind in kinds:
            path = Path(folder) / f"{name}{kind.suffix}"
            try:
                spec = maker.make(kind, path)
                parities = _run_everywhere(kind, path, spec, expected, faces, devices, say)
                result = _keep_if_good(kind, path, spec, parities, faces, out)
            except ModelError as error:
                if kind.source is None and not kind.calibrated:
                    raise  # the plain fp32 network: what is wrong with it is wrong with all
                result = error
                if (out / path.name).exists():
                    result = ModelError(f"{error}; {out / path.name} is of an earlier export")
                say(f"left out: {result}")
            except OSError as error:
                mend = "remove that folder" if isinstance(error, IsADirectoryError) else "free the disk"
                raise GazeError(
                    f"{out / path.name}: cannot be written ({error.strerror}); {mend} or choose another --out"
                ) from error
            else:
                say(f"{result.path}: {result.size_mb:.1f} MB")
            yield result


def _run_everywhere(
    kind: Kind,
    path: Path,
    spec: ModelSpec,
    expected: NDArray[np.float64],
    faces: Sequence[FaceSet],
    devices: Sequence[str],
    say: Say,
) -> list[Parity]:
    if kind.takes_float:
        from export.float_input import FloatInputRuntime

        return [_compare(FloatInputRuntime(path, spec), kind.precision, expected, faces, say)]
    return [
        _compare(
            create_runtime(path, run.runtime, run.device, run.precision),
            _bound_precision(kind, run),
            expected,
            faces,
            say,
        )
        for run in runs_of(kind, devices, openvino_precisions())
        if run.device != "CPU" or is_installed(run.runtime)
    ]


def _bound_precision(kind: Kind, run: Run) -> str:
    """The bound that holds: the coarser of what the file holds and what the engine calculates in."""
    if kind.precision == "int8":
        return "int8" if run.precision in (None, "fp32") else f"int8+{run.precision}"
    if run.precision in (None, "fp32"):
        return kind.precision
    return run.precision


def _compare(
    runtime: Runtime, bound: str, expected: NDArray[np.float64], faces: Sequence[FaceSet], say: Say
) -> Parity:
    with runtime:
        result = compare(runtime, bound, expected, faces)
    say(
        f"  {result.name:<28} mean {result.mean_deg:.4f}  p99 {result.p99_deg:.4f}  max {result.max_deg:.4f} "
        f"degrees from torch, {result.faces} faces"
    )
    return result


def _keep_if_good(
    kind: Kind, path: Path, spec: ModelSpec, parities: Sequence[Parity], faces: Sequence[FaceSet], out: Path
) -> Artefact:
    """Write the parities into the sidecar and move the files out of the staging folder.

    Raises:
        ModelError: a bound of the artefact's own precision is broken.
    """
    own = breaches([item for item in parities if item.precision == kind.precision])
    if own:
        raise ModelError(f"{path.name} was not kept, it differs from torch: {'; '.join(own)}")
    within = [item for item in parities if not item.broken_bounds()]
    sets = [f"{len(item)} of {item.name}" for item in faces]
    spec = dataclasses.replace(
        spec,
        parity_deg={item.name: item.as_json() for item in within},
        notes=spec.notes | {"parity_faces": sets},
    )
    save_spec(spec, sidecar_path(path))
    # The sidecar goes last: it makes the files a model.
    files = [path] + ([path.with_suffix(".bin")] if path.suffix == ".xml" else []) + [sidecar_path(path)]
    size = sum(file.stat().st_size for file in files) / 1e6
    for file in files:
        file.replace(out / file.name)
    return Artefact(kind, out / path.name, size, tuple(within), tuple(breaches(parities)))
