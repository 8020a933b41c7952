"""`gaze export`: checkpoint to models that were run and compared."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.stopping import sigterm_exits
from gaze.errors import DataError, ModelError, UsageError
from gaze.types import VIEW_LIMITS_MM

if TYPE_CHECKING:
    from gaze.types import ModelSpec

CALIBRATION_FACES = 256
PARITY_FACES = 256


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Exit codes: 0 all was written, 1 the work failed, 2 wrong use, 143 SIGTERM."""
    options = _parser().parse_args(argv)
    with sigterm_exits():
        return _export(options)


def _export(options: argparse.Namespace) -> int:
    from deploy.runtimes.torch_runtime import TorchRuntime
    from export.artefacts import choose_kinds
    from export.faces import load_faces, made_faces
    from export.pipeline import export_all, openvino_precisions
    from export.report import default_line, markdown_table, write_report

    kinds = choose_kinds(options.formats, options.calibration is not None, openvino_precisions())
    if options.calibration_faces < 1:
        raise UsageError(f"--calibration-faces must be at least 1, got {options.calibration_faces}")
    reference = TorchRuntime(options.checkpoint)
    if options.view_mm is not None:
        reference.spec = seen_at(reference.spec, options.view_mm)
    reference.spec = replace(reference.spec, average_mirror=options.average_mirror)
    camera = reference.spec.normalized_camera
    calibration = None
    faces = [load_faces(path, camera, PARITY_FACES) for path in options.faces]
    if options.calibration is not None:
        # What calibrates must not judge: a fifth is kept back for parity.
        whole = load_faces(options.calibration, camera, options.calibration_faces * 5 // 4)
        calibration, held_back = whole.every_fifth_apart()
        if len(calibration) == 0 or len(held_back) == 0:
            raise DataError(
                f"{options.calibration}: {len(whole)} faces are too few to calibrate on; give more"
            )
        faces.append(held_back)
    if not faces:
        faces = [made_faces(camera.size_px)]
        print("no --faces: made pictures stand for them; real or rendered faces tell more", flush=True)
    print(f"compared on: {', '.join(f'{len(item)} faces of {item.name}' for item in faces)}", flush=True)
    if options.formats is None and options.calibration is None:
        print("left out: bf16 and int8 files, which need --calibration FOLDER", flush=True)
    kept, failed = export_all(
        reference,
        options.name or reference.spec.name,
        kinds,
        options.out,
        faces,
        calibration,
        [device.upper() for device in options.devices],
        lambda line: print(line, flush=True),
    )
    default = default_line(kept)
    write_report(kept, options.out, default)
    print("\n" + markdown_table(kept) + f"\n{default}")
    coarse = [f"do not run {item.path.name} on {text}" for item in kept for text in item.breaches]
    if failed or coarse:
        raise ModelError("not all kept their bounds:\n  " + "\n  ".join([*failed, *coarse]))
    return 0


def seen_at(spec: ModelSpec, view_mm: float) -> ModelSpec:
    """The model shown ``view_mm`` of a face in place of what it was trained on: its camera's focal length.

    Raises:
        UsageError: the view is no width of a face (gaze.types.VIEW_LIMITS_MM).
    """
    low, high = VIEW_LIMITS_MM
    if not low <= view_mm <= high:
        raise UsageError(f"--view-mm must be {low:g} to {high:g}, got {view_mm:g}")
    camera = spec.normalized_camera
    focal_px = camera.size_px * camera.distance_mm / view_mm
    return replace(spec, normalized_camera=replace(camera, focal_px=focal_px))


def _parser() -> argparse.ArgumentParser:
    from export.artefacts import KINDS

    parser = argparse.ArgumentParser(
        prog="gaze export",
        description="Turn a checkpoint into ONNX, OpenVINO and int8 models. Each is run in every engine that "
        "will run it and compared with the torch network in degrees; one that differs too much is not kept.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="the network (.pt or .pth)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the models and their sidecars")
    parser.add_argument(
        "--view-mm",
        type=float,
        help="show the models so much of a face in place of what the checkpoint was trained on",
    )
    parser.add_argument(
        "--average-mirror",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write into the sidecar that the live loop gives the mean with the mirrored face",
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
        help="faces to compare on: training shards or normalised crops (without: made pictures)",
    )
    parser.add_argument(
        "--calibration", type=Path, metavar="FOLDER", help="faces to calibrate int8 on: shards or crops"
    )
    parser.add_argument(
        "--calibration-faces", type=int, default=CALIBRATION_FACES, help="how many of them to use"
    )
    parser.add_argument(
        "--devices",
        nargs="+",
        default=["CPU"],
        metavar="DEVICE",
        help="where to run the models: CPU, CUDA, TENSORRT (onnxruntime), GPU, NPU (OpenVINO)",
    )
    return parser
