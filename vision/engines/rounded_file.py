"""A version's network as CPUs serve it rounded: less to read than the weights, and folded."""

from collections.abc import Mapping

import torch

from vision.artifact import Artifact
from vision.engines.engine import Answering, Engine
from vision.engines.folding import fold_names, folded
from vision.engines.int8_engine import Int8Engine
from vision.engines.kind import Precision
from vision.engines.quantizing import is_quantizable, quantize
from vision.engines.torch_engine import TorchEngine
from vision.errors import CorruptArtifactError
from vision.tensor_bytes import from_bytes, to_bytes

#: By the precision that a version is judged in.
ROUNDED_FILES: Mapping[Precision, str] = {
    "bfloat16": "engine.bfloat16.safetensors",
    "int8": "engine.int8.safetensors",
}


def engine_from_weights(artifact: Artifact) -> Engine:
    """Return what runs an artifact on the CPU with torch, in its precision.

    Raises:
        CorruptArtifactError: The weights don't fit the network, or its ranges are another's.
    """
    return _running(_folded(artifact), artifact.precision)


def engine_from_file(described: Artifact, content: bytes) -> Engine:
    """Return what runs the network that `to_file` wrote, which answers the same to the bit.

    Args:
        described: The artifact; its weights are not needed.
        content: The file.

    Raises:
        CorruptArtifactError: The file is broken, or another network's.
    """
    name = ROUNDED_FILES[described.precision]
    network = Answering(described.build_empty()).eval()
    try:
        state = from_bytes(content)
        if state.keys() != network.state_dict().keys():
            fold_names(network)
        _quantize(network, described)
        network.load_state_dict(state, assign=True)
    except (ValueError, RuntimeError) as error:
        raise CorruptArtifactError(f"{name} can't be read ({error}). Restore the version.") from error
    return _running(network, described.precision)


def to_file(artifact: Artifact) -> bytes:
    """Return an artifact's folded network in its precision, as safetensors."""
    network = _folded(artifact)
    if artifact.precision == "bfloat16":
        network.to(torch.bfloat16)
    return to_bytes(network.state_dict())


def _folded(artifact: Artifact) -> Answering:
    network = folded(artifact.build("cpu", shares_weights=True))
    _quantize(network, artifact)
    return network


def _quantize(network: Answering, described: Artifact) -> None:
    if described.precision != "int8":
        return
    if not is_quantizable(network):
        raise CorruptArtifactError(f"Expected a ResNet in 8-bit integers, found {described.backbone}.")
    try:
        quantize(network, described.ranges)
    except KeyError as error:
        raise CorruptArtifactError(
            f"Expected the range of each activation in the artifact, found none of {error}. Restore it."
        ) from error


def _running(network: Answering, precision: Precision) -> Engine:
    return Int8Engine(network) if precision == "int8" else TorchEngine(network, precision)
