"""From a checkpoint to verified artefacts: ONNX, OpenVINO, INT8, TensorRT."""
