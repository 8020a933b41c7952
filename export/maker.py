"""Writes one artefact of a kind, with its sidecar but without its parity."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deploy.runtimes.torch_runtime import TorchRuntime
from export.artefacts import KINDS, Kind, openvino_precisions
from export.faces import FaceSet
from export.layers import OUTPUTS, never_rounded
from export.parity import predict_batched
from export.steady import landmarks_by_convolution, rounded, steadied, to_bf16, to_int8
from export.to_onnx import OPSET, ConvolvedPreprocess, convert_to_fp16, export_onnx, with_float_input
from gaze.errors import DataError
from gaze.model_spec import load_model_spec, save_spec, sha256_of, sidecar_path
from gaze.network import FacePreprocess, GazeNet
from gaze.types import ModelSpec

STEADYING_FACES = 64
Groups = tuple[str, ...]


@dataclass(frozen=True)
class Maker:
    """What all artefacts of one export are made from.

    ``reference`` is the checkpoint; ``net`` the same network steadied (see export.steady); ``out`` the folder
    of the artefacts that are done, from which others are made; ``shown`` the faces by which layers are chosen
    and ``pictures`` (N, 3, S, S) some of them, preprocessed.
    """

    reference: TorchRuntime
    name: str
    out: Path
    net: GazeNet
    pictures: Tensor
    shown: FaceSet
    calibration: FaceSet | None

    def tries(self, groups: Sequence[Groups]) -> list[Groups]:
        """The same tries with the groups that stay in float in all of them."""
        return [each + never_rounded(self.net) for each in groups]

    @cached_property
    def expected_rad(self) -> NDArray[np.float64]:
        """(N, 2) angles of the checkpoint for the faces shown."""
        return predict_batched(self.reference, self.shown.faces)

    def make(self, kind: Kind, path: Path) -> ModelSpec:
        """Write the artefact and its sidecar to ``path``; what it needs on the way stays in that folder.

        Raises:
            GazeError: it cannot be made.
            OSError: it cannot be written.
        """
        if kind.runs_in_bf16 and "bf16" in openvino_precisions():
            from export import bf16

            # A file made for bf16 differs with each choice of layers; the others name them in the sidecar.
            made = None if kind.precision == "bf16" else self._made(kind, path)
            return bf16.with_layers_in_fp32(
                path,
                lambda in_float: made or self._made(kind, path, in_float),
                self.shown.faces,
                self.expected_rad,
                self.tries(bf16.FALLBACKS),
            )
        spec = self._made(kind, path)
        save_spec(spec, sidecar_path(path))
        return spec

    def _made(self, kind: Kind, path: Path, in_float: Groups = ()) -> ModelSpec:
        """Write the artefact; returns what its sidecar should say."""
        versions = {package: metadata.version(package) for package in ("torch", "onnx")}
        notes: dict[str, object] = {
            "format": kind.name,
            "opset": OPSET,
            "sha256_checkpoint": self.reference.spec.sha256,
        }
        if kind.calibrated and self.calibration is not None:
            notes["calibration"] = f"{len(self.calibration)} faces of {self.calibration.name}"
        spec = dataclasses.replace(
            self.reference.spec, name=self.name, precision=kind.precision, sha256="", notes=notes
        )
        if kind.takes_float:
            spec = with_float_input(spec)
            notes = spec.notes
        notes |= self._writers[kind.name](self, kind, path, spec, in_float)
        if path.suffix == ".xml":
            notes["sha256_bin"] = sha256_of(path.with_suffix(".bin"))
            versions["openvino"] = metadata.version("openvino")
        notes["made_with"] = versions
        return dataclasses.replace(spec, sha256=sha256_of(path), notes=notes)

    def _onnx(self, kind: Kind, path: Path, spec: ModelSpec, in_float: Groups) -> dict[str, object]:
        export_onnx(self.net, spec, path, None if kind.takes_float else FacePreprocess())
        return {}

    def _onnx_fp16(self, kind: Kind, path: Path, spec: ModelSpec, in_float: Groups) -> dict[str, object]:
        convert_to_fp16(self._source(kind), spec, path, never_rounded(self.net))
        return {}

    def _openvino(self, kind: Kind, path: Path, spec: ModelSpec, in_float: Groups) -> dict[str, object]:
        from export.to_openvino import export_openvino

        export_openvino(self._source(kind), spec, path)
        return {}

    def _openvino_bf16(self, kind: Kind, path: Path, spec: ModelSpec, in_float: Groups) -> dict[str, object]:
        from export.to_openvino import export_openvino

        source = path.with_name("rounded.onnx")
        # Not the steadied network: the layers that gain by it stay in fp32. The outputs are rounded as all
        # fully connected layers are, which multiply in bf16 whatever is asked for.
        unrounded = [group for group in in_float if group not in OUTPUTS]
        reference = landmarks_by_convolution(self.reference.net)
        coarse = rounded(reference, self.pictures, to_bf16, unrounded)
        # In fp32 a flip, a product and a sum over every pixel would take a tenth of the network's time.
        export_onnx(coarse, _in_fp32(spec), source, ConvolvedPreprocess())
        export_openvino(source, spec, path, in_float)
        return {}

    def _tensorrt(self, kind: Kind, path: Path, spec: ModelSpec, in_float: Groups) -> dict[str, object]:
        from export.to_tensorrt import build_engine

        source = self._source(kind)
        engine, key = build_engine(source, load_model_spec(source), kind.precision)
        shutil.copyfile(engine, path)
        return {"engine": dataclasses.asdict(key)}

    def _onnx_int8(self, kind: Kind, path: Path, spec: ModelSpec, in_float: Groups) -> dict[str, object]:
        from export.to_int8 import FALLBACKS, SYMMETRIC_FALLBACKS, quantise_onnx

        faces, source = self._calibrating(kind), path.with_name("convolved.onnx")

        def write_rounded(in_float: Groups) -> Path:
            coarse = rounded(self.net, self.pictures, to_int8, in_float)
            export_onnx(coarse, _in_fp32(spec), source, ConvolvedPreprocess())
            return source

        tries = self.tries(SYMMETRIC_FALLBACKS if kind.for_tensorrt else FALLBACKS)
        expected = self.expected_rad
        kept = quantise_onnx(write_rounded, spec, faces, expected, path, kind.for_tensorrt, tries)
        return {"kept_in_float": kept}

    def _openvino_int8(self, kind: Kind, path: Path, spec: ModelSpec, in_float: Groups) -> dict[str, object]:
        from export.to_int8 import OPENVINO_FALLBACKS
        from export.to_int8_openvino import quantise_openvino

        faces, source = self._calibrating(kind), path.with_name("convolved.onnx")
        # NNCF corrects the biases itself; onnxruntime's quantiser does not.
        export_onnx(self.net, _in_fp32(spec), source, ConvolvedPreprocess())
        tries = self.tries(OPENVINO_FALLBACKS)
        return {"kept_in_float": quantise_openvino(source, spec, faces, self.expected_rad, path, tries)}

    def _source(self, kind: Kind) -> Path:
        return self.out / f"{self.name}{KINDS[str(kind.source)].suffix}"

    def _calibrating(self, kind: Kind) -> NDArray[np.uint8]:
        if self.calibration is None:
            raise DataError(f"{kind.name}: there are no faces to calibrate it on; give --calibration FOLDER")
        return self.calibration.faces

    # What writes each kind; gives what the sidecar should say of how it was made.
    _writers: ClassVar[dict[str, Callable[[Maker, Kind, Path, ModelSpec, Groups], dict[str, object]]]] = {
        "onnx": _onnx,
        "onnx-float-input": _onnx,
        "onnx-fp16": _onnx_fp16,
        "onnx-int8": _onnx_int8,
        "onnx-int8-tensorrt": _onnx_int8,
        "openvino-fp32": _openvino,
        "openvino-fp16": _openvino,
        "openvino-bf16": _openvino_bf16,
        "openvino-int8": _openvino_int8,
        "tensorrt-fp32": _tensorrt,
        "tensorrt-fp16": _tensorrt,
        "tensorrt-int8": _tensorrt,
    }


def _in_fp32(spec: ModelSpec) -> ModelSpec:
    return dataclasses.replace(spec, precision="fp32")


def make_maker(
    reference: TorchRuntime, name: str, out: Path, calibration: FaceSet | None, otherwise: FaceSet
) -> Maker:
    """The maker of one export; it steadies by the calibration faces, or else by ``otherwise``."""
    shown = otherwise if calibration is None else calibration
    pictures = FacePreprocess()(torch.from_numpy(np.ascontiguousarray(shown.faces[:STEADYING_FACES])))
    return Maker(
        reference=reference,
        name=name,
        out=out,
        net=steadied(reference.net, pictures),
        pictures=pictures,
        shown=shown,
        calibration=calibration,
    )
