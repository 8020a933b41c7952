"""From a checkpoint to verified artefacts: ONNX, OpenVINO, INT8, TensorRT."""

import sys

# OpenVINO's converter and NNCF report their use to their maker, without asking, and keep an identity in the
# user's home, if this package can be imported; without it both work and report nothing.
sys.modules.setdefault("openvino_telemetry", None)
