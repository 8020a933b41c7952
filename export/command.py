"""`gaze export`: checkpoint to models that were run and compared."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.stopping import signals_exit
from gaze.errors import DataError, GazeError, ModelError, UsageError
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least_one, between
from gaze.types import VIEW_LIMITS_MM

if TYPE_CHECKING:
    from export.artefacts import Kind
    from export.faces import FaceSet
    from export.pipeline import Artefact
    from gaze.types import ModelSpec, NormalizedCamera

CALIBRATION_FACES = 256
# What a model can do without, by the option's word for it.
OPTIONAL_OUTPUTS = {"deviation": "sigma_rad", "weight-map": "weight_map"}
PARITY_FACES = 256
# Real people to compare on, where a development checkout has them beside it.
REAL_FACES = Path(__file__).resolve().parents[2] / "shared" / "real" / "validation_faces"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Exit codes: 0 all was written, 1 the work failed, 2 wrong use, 128 + n by signal n."""
    options = _parser().parse_args(argv)
    with signals_exit():
        return _export(options)


def _export(options: argparse.Namespace) -> int:
    from deploy.runtimes.engines import CHECKPOINTS
    from deploy.runtimes.torch_runtime import TorchRuntime
    from export.artefacts import choose_kinds, openvino_precisions
    from export.devices import check_devices
    from export.pipeline import export_all
    from export.report import entry_of, markdown_table, remarks, write_report

    precisions = openvino_precisions()
    kinds = choose_kinds(options.formats, precisions)
    devices = check_devices(options.devices, kinds, precisions)
    if options.checkpoint.suffix not in CHECKPOINTS:
        raise UsageError(
            f"--checkpoint {options.checkpoint}: a checkpoint ends in {' or '.join(CHECKPOINTS)}; "
            "give one that `gaze train` wrote"
        )
    if options.name is not None and (Path(options.name).name != options.name or options.name.startswith(".")):
        raise UsageError(f"--name {options.name!r}: is no name of a file; give the folder with --out")
    reference = TorchRuntime(options.checkpoint)
    reference.spec = settled_spec(reference.spec, options.view_mm, options.average_mirror, options.leave_out)
    print(f"the models see {seeing(reference.spec)}", flush=True)
    calibration, faces = _faces_of(options, reference.spec.normalized_camera, kinds)
    if calibration is not None:
        print(f"calibrated on: {len(calibration)} faces of {calibration.name}", flush=True)
    print(f"compared on: {', '.join(f'{len(item)} faces of {item.name}' for item in faces)}", flush=True)
    kept: list[Artefact] = []
    failed: list[str] = []
    try:
        for result in export_all(
            reference,
            options.name or reference.spec.name,
            kinds,
            options.out,
            faces,
            calibration,
            devices,
            lambda line: print(line, flush=True),
        ):
            if isinstance(result, ModelError):
                failed.append(str(result))
            else:
                kept.append(result)
    except GazeError:
        # What is done stays, and its table with it; a full disk may have no room for that.
        if kept:
            with contextlib.suppress(OSError):
                write_report(kept, options.out)
        raise
    below = remarks(kept)
    write_report(kept, options.out, below)
    print("\n" + markdown_table([entry_of(item) for item in kept]) + f"\n{below}")
    for item in kept:
        for text in item.breaches:
            print(f"do not run {item.path.name} on {text}")
    if failed:
        raise ModelError("not all kept their bounds:\n  " + "\n  ".join(failed))
    return 0


def settled_spec(
    spec: ModelSpec, view_mm: float | None, average_mirror: bool | None, leave_out: Sequence[str] = ()
) -> ModelSpec:
    """How the models are to be used: as asked for, else as the checkpoint is.

    Raises:
        UsageError: the network has no such output that could be left out.
    """
    left_out = {OPTIONAL_OUTPUTS[word] for word in leave_out}
    if absent := left_out - set(spec.outputs):
        raise UsageError(
            f"--leave-out: the network has no {', '.join(sorted(absent))}; its outputs are "
            f"{', '.join(spec.outputs)}"
        )
    spec = replace(spec, outputs=tuple(name for name in spec.outputs if name not in left_out))
    if view_mm is not None:
        camera = spec.normalized_camera
        focal_px = camera.size_px * camera.distance_mm / view_mm
        spec = replace(spec, normalized_camera=replace(camera, focal_px=focal_px))
    return spec if average_mirror is None else replace(spec, average_mirror=average_mirror)


def seeing(spec: ModelSpec) -> str:
    """What a model sees and how it is read, in words."""
    read = "the mean with the mirrored face is taken" if spec.average_mirror else "it is read once"
    return f"{spec.normalized_camera.view_mm:.4g} mm of a face; {read}"


def _faces_of(
    options: argparse.Namespace, camera: NormalizedCamera, kinds: Sequence[Kind]
) -> tuple[FaceSet | None, list[FaceSet]]:
    """Faces to calibrate on, None where no kind asks for it, and faces to compare on.

    Raises:
        DataError: a folder cannot be used or holds too few.
    """
    from export.bundled_faces import bundled_faces
    from export.faces import load_faces

    compared = [load_faces(path, camera, PARITY_FACES) for path in options.faces]
    # Rendered people tell little of what rounding makes of real skin; but what calibrates must not judge.
    named = [path.resolve() for path in (*options.faces, options.calibration) if path is not None]
    if REAL_FACES.is_dir() and REAL_FACES.resolve() not in named:
        compared.append(load_faces(REAL_FACES, camera, PARITY_FACES))
    calibrating = any(kind.calibrated for kind in kinds)
    if options.calibration is not None:
        whole = load_faces(options.calibration, camera, options.calibration_faces * 5 // 4)
    elif calibrating or not options.faces:
        whole = bundled_faces(camera)
    else:
        return None, compared
    if not calibrating:
        # First, as the network is steadied by it: never by the few real faces that may lie beside a checkout.
        return None, [whole, *compared]
    # What calibrates must not judge: a fifth is kept back for parity.
    calibration, held_back = whole.every_fifth_apart()
    if len(calibration) == 0 or len(held_back) == 0:
        raise DataError(f"{options.calibration}: {len(whole)} faces are too few to calibrate on; give more")
    judging = [*compared, held_back]
    if all(item.pitch_yaw_rad is None for item in judging):
        judging.append(bundled_faces(camera))  # without labels nobody could tell what accuracy is lost
    return calibration, judging


def _parser() -> argparse.ArgumentParser:
    from export.artefacts import KINDS

    parser = argparse.ArgumentParser(
        prog="gaze export",
        description="Turn a checkpoint into ONNX, OpenVINO and int8 models. Each is run in every engine that "
        "will run it and compared with the torch network in degrees; one that differs too much is not kept.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--checkpoint", type=Path, required=True, metavar="FILE", help="the network (.pt or .pth)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for the models and their sidecars"
    )
    parser.add_argument(
        "--view-mm",
        type=between(*VIEW_LIMITS_MM, "mm"),
        metavar="MM",
        help="show the models so much of a face, 80 to 250 mm (default: as the sidecar beside the "
        "checkpoint says; without one what it was trained on)",
    )
    parser.add_argument(
        "--average-mirror",
        action=argparse.BooleanOptionalAction,
        help="write into the sidecar that the live loop gives the mean with the mirrored face (default: as "
        "the sidecar beside the checkpoint says; without one yes)",
    )
    parser.add_argument(
        "--leave-out",
        nargs="+",
        choices=OPTIONAL_OUTPUTS,
        default=(),
        metavar="OUTPUT",
        help=f"outputs that the models shall not have: {', '.join(OPTIONAL_OUTPUTS)} (the live loop "
        "then shows uncertain answers too, or has no heat map)",
    )
    parser.add_argument("--name", help="name of the files (default: the checkpoint's)")
    parser.add_argument(
        "--formats", nargs="+", metavar="FORMAT", help=f"some of {', '.join(KINDS)} (default: all possible)"
    )
    parser.add_argument(
        "--faces",
        type=Path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="faces to compare on: training shards or normalised crops (default: the rendered people in the "
        "package); real validation faces beside the checkout, where present, are always compared too",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FOLDER",
        help="faces to calibrate bf16 and int8 on: shards or crops (default: those in the package)",
    )
    parser.add_argument(
        "--calibration-faces",
        type=at_least_one,
        default=CALIBRATION_FACES,
        metavar="N",
        help="how many of those to calibrate on are used",
    )
    parser.add_argument(
        "--devices",
        nargs="+",
        default=["CPU"],
        metavar="DEVICE",
        help="where to run the models: CPU, CUDA, TENSORRT (onnxruntime), GPU, NPU (OpenVINO)",
    )
    return parser
