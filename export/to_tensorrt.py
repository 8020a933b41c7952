"""A TensorRT engine from an exported ONNX model, built on the machine that will run it."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path

from deploy.runtimes.base import INPUT_NAME
from deploy.runtimes.engine_cache import MAX_BATCH, EngineKey, is_of_key, prepared_cache, write_key
from gaze.errors import ModelError, RuntimeUnavailableError
from gaze.files import replacing
from gaze.types import ModelSpec

# The unit of trtexec's --memPoolSize.
WORKSPACE_MIB = 256


def trtexec_line(onnx_path: Path, spec: ModelSpec, precision: str, engine_path: Path) -> str:
    """The command that builds the same engine with the tool that comes with TensorRT."""
    size = spec.input_size
    words = [
        "trtexec",
        f"--onnx={onnx_path}",
        f"--saveEngine={engine_path}",
        f"--minShapes={INPUT_NAME}:1x{size}x{size}x3",
        f"--optShapes={INPUT_NAME}:1x{size}x{size}x3",
        f"--maxShapes={INPUT_NAME}:{MAX_BATCH}x{size}x{size}x3",
        f"--memPoolSize=workspace:{WORKSPACE_MIB}",
    ]
    words += {"fp32": [], "fp16": ["--fp16"], "int8": ["--int8", "--fp16"]}[precision]
    return shlex.join(words)


def build_engine(
    onnx_path: Path, spec: ModelSpec, precision: str, cache_dir: Path | None = None
) -> tuple[Path, EngineKey]:
    """The engine of a model on this machine: from the cache if it was built here before, else built now.

    Args:
        onnx_path: the fp32 model, or for int8 the one with symmetric Q/DQ.
        spec: the sidecar of that model.
        precision: fp32, fp16 or int8.

    Returns:
        The engine's file in the cache, and what it is tied to.

    Raises:
        RuntimeUnavailableError: no GPU, no TensorRT or not its Python package; with the trtexec line.
        ModelError: TensorRT refuses the model.
    """
    try:
        key = EngineKey.of_this_machine(spec.sha256, precision)
    except RuntimeUnavailableError as error:
        line = trtexec_line(onnx_path, spec, precision, onnx_path.with_suffix(".engine"))
        reason = str(error).partition(";")[0]
        raise RuntimeUnavailableError(
            f"{reason}. An engine is built on the device that will run it: run this `gaze export` there, or "
            f"copy {onnx_path} there and build and time the engine with:\n{line}"
        ) from error
    folder = prepared_cache(key, cache_dir)
    engine = folder / f"{onnx_path.stem}.engine"
    # One that came here otherwise, with the cache of another machine for example, is built anew.
    if engine.is_file() and is_of_key(folder, key):
        return engine, key
    if importlib.util.find_spec("tensorrt") is None:
        raise RuntimeUnavailableError(
            "the Python package tensorrt is not installed here; install it, or build and time the engine "
            "with:\n" + trtexec_line(onnx_path, spec, precision, engine)
        )
    with replacing(engine) as temporary:
        temporary.write_bytes(_build(onnx_path, spec, precision))
    write_key(folder, key)
    return engine, key


def _build(onnx_path: Path, spec: ModelSpec, precision: str) -> bytes:
    import tensorrt

    logger = tensorrt.Logger(tensorrt.Logger.WARNING)
    builder = tensorrt.Builder(logger)
    # TensorRT 10 has explicit batches alone and no flag for them.
    explicit = getattr(tensorrt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    network = builder.create_network(0 if explicit is None else 1 << int(explicit))
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(onnx_path.read_bytes()):
        reasons = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
        raise ModelError(f"{onnx_path}: TensorRT {tensorrt.__version__} cannot read it: {reasons}")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(tensorrt.MemoryPoolType.WORKSPACE, WORKSPACE_MIB << 20)
    if precision in ("fp16", "int8"):
        config.set_flag(tensorrt.BuilderFlag.FP16)
    if precision == "int8":
        config.set_flag(tensorrt.BuilderFlag.INT8)
    size = spec.input_size
    profile = builder.create_optimization_profile()
    profile.set_shape(INPUT_NAME, (1, size, size, 3), (1, size, size, 3), (MAX_BATCH, size, size, 3))
    config.add_optimization_profile(profile)
    built = builder.build_serialized_network(network, config)
    if built is None:
        raise ModelError(
            f"{onnx_path}: TensorRT {tensorrt.__version__} could not build a {precision} engine; see its "
            "messages above"
        )
    return bytes(built)
