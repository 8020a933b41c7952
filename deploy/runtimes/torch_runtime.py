"""torch: runs a checkpoint as it was trained; the reference that every export is compared with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deploy.runtimes.base import ANGLES_NAME, Runtime, check_precision, check_threads
from deploy.runtimes.engines import CHECKPOINTS
from gaze.errors import ModelError, RuntimeUnavailableError, UsageError
from gaze.model_spec import sha256_of, used_as_exported
from gaze.network import IMAGENET_MEAN, IMAGENET_STD, Answers, FacePreprocess, GazeNet
from gaze.network_checkpoint import load_checkpoint
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.types import ModelSpec, NormalizedCamera

AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchRuntime(Runtime):
    """A checkpoint on torch. It sees of a face what the sidecar beside it says, else what it was trained on.

    Args:
        model_path: the checkpoint (.pt or .pth).
        device: CPU or CUDA.
        precision: fp32 (None), bf16 or, on CUDA, fp16, by autocast.
        threads: CPU threads of the whole process; None leaves torch's setting alone.
        cache_dir: taken so that all runtimes are made alike; torch compiles nothing.

    Raises:
        ModelError: the checkpoint is missing or of another network, or its sidecar is unusable.
        RuntimeUnavailableError: there is no such device, or it lacks the precision.
        UsageError: no such device name, precision or number of threads.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str],
        device: str = "CPU",
        precision: str | None = None,
        threads: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        path = Path(model_path)
        device = device.upper()
        check_threads(threads)
        check_precision(precision)
        if path.suffix not in CHECKPOINTS:
            raise UsageError(
                f"{path}: torch runs checkpoints (.pt, .pth); leave --runtime at auto for this file"
            )
        family = device.partition(":")[0]
        if family not in ("CPU", "CUDA"):
            raise UsageError(f"torch has no device {device!r} here; choose CPU or CUDA")
        precision = precision or "fp32"
        if precision == "int8":
            raise UsageError("torch runs fp32, bf16 and fp16; int8 needs an int8 file and another runtime")
        if family == "CUDA" and not torch.cuda.is_available():
            raise RuntimeUnavailableError(
                f"torch {torch.__version__} finds no CUDA device: check the driver and install a torch with "
                "CUDA; or choose --device CPU"
            )
        if family == "CPU" and precision == "fp16":
            raise RuntimeUnavailableError(
                "torch calculates fp16 on CUDA only; choose bf16 or fp32 on the CPU"
            )
        if not path.is_file():
            raise ModelError(f"{path}: no such checkpoint; train one with `gaze train`")
        self.net, meta = load_checkpoint(path)
        spec = used_as_exported(spec_of_checkpoint(path, self.net, meta), path)
        super().__init__(spec, "torch", device, precision, threads)
        if threads is not None:
            torch.set_num_threads(threads)
        if family == "CPU":
            self.threads_used = torch.get_num_threads()
        self._device = torch.device(device.lower())
        self._preprocess = FacePreprocess().to(self._device).eval()
        self.net.to(self._device).eval()

    def _infer(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        autocast = torch.autocast(
            self._device.type, AUTOCAST.get(self.precision, torch.bfloat16), enabled=self.precision != "fp32"
        )
        with torch.inference_mode(), autocast:
            pictures = torch.from_numpy(faces).to(self._device)
            outputs = outputs_of(self.net.all_answers(self._preprocess(pictures)))
        return {name: value.float().cpu().numpy() for name, value in outputs.items()}

    def close(self) -> None:
        """Free the network."""
        self.net = None


def outputs_of(answers: Answers) -> dict[str, torch.Tensor]:
    """What a network puts out, by name, in the order of the exported graph: of `Runtime` and of the files."""
    outputs = {ANGLES_NAME: answers.pitch_yaw}
    if answers.log_sigma is not None:
        outputs["sigma_rad"] = answers.log_sigma.exp()
    if answers.weight_map is not None:
        outputs["weight_map"] = answers.weight_map
    return outputs


def output_names(net: GazeNet) -> tuple[str, ...]:
    """The outputs that this network can give, in the order of `outputs_of`."""
    names = [ANGLES_NAME]
    if net.config["predict_sigma"]:
        names.append("sigma_rad")
    if net.config["spatial_weights"]:
        names.append("weight_map")
    return tuple(names)


def spec_of_checkpoint(path: str | os.PathLike[str], net: GazeNet, meta: dict[str, Any]) -> ModelSpec:
    """What a checkpoint says of itself; its normalised camera is the project's own where it says nothing.

    Raises:
        ModelError: the meta data hold a normalised camera of another picture size or of wrong values.
    """
    path = Path(path)
    camera = meta.get("normalized_camera")
    try:
        if camera is None:
            camera = DEFAULT_NORMALIZED_CAMERA.resized(net.input_size)
        else:
            camera = NormalizedCamera(**camera)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{path}: its normalised camera is unusable ({error}); train it again") from error
    if camera.size_px != net.input_size:
        raise ModelError(
            f"{path}: the network takes {net.input_size} px, its normalised camera gives {camera.size_px} px"
        )
    return ModelSpec(
        name=str(meta.get("name", path.stem)),
        input_size=net.input_size,
        normalized_camera=camera,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        outputs=output_names(net),
        sha256=sha256_of(path),
        **{key: str(meta[key]) for key in ("label_space", "licence", "training_data") if key in meta},
    )
