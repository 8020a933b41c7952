"""Runs the variant with float RGB input, so that it too is compared before it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from deploy.runtimes.base import Runtime
from gaze.network import FacePreprocess
from gaze.types import ModelSpec


class FloatInputRuntime(Runtime):
    """onnxruntime on the CPU, with the preprocessing of the network before it instead of within."""

    def __init__(self, path: Path, spec: ModelSpec) -> None:
        super().__init__(spec, "onnxruntime", "CPU", spec.precision, None)
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self._preprocess = FacePreprocess().eval()

    def _infer(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        with torch.inference_mode():
            pictures = self._preprocess(torch.from_numpy(faces)).numpy()
        names = list(self.spec.outputs)
        values = self._session.run(names, {self._session.get_inputs()[0].name: pictures})
        return dict(zip(names, values, strict=True))
