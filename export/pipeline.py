"""From a checkpoint to artefacts that ran, were compared and lie whole in their folder."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.runtimes import create_runtime, is_installed
from deploy.runtimes.base import Runtime
from deploy.runtimes.torch_runtime import TorchRuntime
from export.artefacts import Kind, Run, runs_of
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
) -> list[Artefact]:
    """Make, run, compare and keep each kind.

    An artefact that breaks the bound of its own precision is not kept and ends the export. Where only an
    engine's coarser precision breaks its bound (an fp32 file in bf16), the artefact is kept without that
    entry in its sidecar, and its ``breaches`` name it.

    Args:
        reference: the checkpoint on torch.
        faces: what parity is measured on.
        calibration: what the int8 kinds are calibrated on.
        devices: where the artefacts are run.

    Raises:
        GazeError: a kind cannot be made, does not run, or breaks a bound.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        staging = tempfile.TemporaryDirectory(prefix=".export-", dir=out)
    except OSError as error:
        raise GazeError(f"{out}: cannot be written ({error.strerror}); choose another --out") from error
    expected = np.concatenate([predict_batched(reference, item.faces) for item in faces])
    maker = make_maker(reference, name, out, calibration, faces[0])
    kept: list[Artefact] = []
    with staging as folder:
        stage = Path(folder)
        for kind in kinds:
            path = stage / f"{name}{kind.suffix}"
            try:
                spec = maker.make(kind, path)
                parities = _run_everywhere(kind, path, spec, expected, faces, devices, say)
                own = breaches([item for item in parities if item.precision == kind.precision])
                if own:
                    raise ModelError(f"{path.name} was not kept, it differs from torch: {'; '.join(own)}")
                within = [item for item in parities if not item.broken_bounds()]
                save_spec(
                    dataclasses.replace(
                        spec,
                        parity_deg={item.name: item.as_json() for item in within},
                        notes=spec.notes
                        | {"parity_faces": [f"{len(item)} of {item.name}" for item in faces]},
                    ),
                    sidecar_path(path),
                )
                kept.append(_keep(kind, path, out, within, breaches(parities)))
            except OSError as error:
                raise GazeError(
                    f"{out / path.name}: cannot be written ({error}); free the disk or choose another --out"
                ) from error
            say(f"{kept[-1].path}: {kept[-1].size_mb:.1f} MB")
    return kept


def _run_everywhere(
    kind: Kind,
    path: Path,
    spec: ModelSpec,
    expected: NDArray[np.float64],
    faces: Sequence[FaceSet],
    devices: Sequence[str],
    say: Say,
) -> list[Parity]:
    if kind.name == "onnx-float-input":
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


def openvino_precisions() -> list[str]:
    """What OpenVINO's CPU device calculates in here; none where it is not installed."""
    if not is_installed("openvino"):
        return []
    from deploy.runtimes.openvino_runtime import cpu_precisions

    return cpu_precisions()


def _bound_precision(kind: Kind, run: Run) -> str:
    """The bound that holds: the coarser of what the file holds and what the engine calculates in."""
    if kind.precision == "int8" or run.precision in (None, "fp32"):
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


def _keep(kind: Kind, path: Path, out: Path, parities: Sequence[Parity], broken: Sequence[str]) -> Artefact:
    """Move the files of one artefact out of the staging folder, the sidecar last: it makes them a model."""
    files = [path] + ([path.with_suffix(".bin")] if path.suffix == ".xml" else []) + [sidecar_path(path)]
    size = sum(file.stat().st_size for file in files) / 1e6
    for file in files:
        file.replace(out / file.name)
    return Artefact(kind, out / path.name, size, tuple(parities), tuple(broken))
