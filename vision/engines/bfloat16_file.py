"""A version's network as CPUs serve it in bfloat16: half as much to read as the weights, and folded."""

import torch

from vision.artifact import Artifact
from vision.engines.engine import Answering
from vision.engines.folding import fold_names, folded
from vision.errors import CorruptArtifactError
from vision.tensor_bytes import from_bytes, to_bytes

BFLOAT16_FILE = "engine.bfloat16.safetensors"


def to_file(artifact: Artifact) -> bytes:
    """Return an artifact's folded network in bfloat16, as safetensors."""
    network = folded(artifact.build("cpu", shares_weights=True)).to(torch.bfloat16)
    return to_bytes(network.state_dict())


def from_file(described: Artifact, content: bytes) -> Answering:
    """Return the network that `to_file` wrote.

    Args:
        described: The artifact; its weights are not needed.
        content: The file.

    Raises:
        CorruptArtifactError: The file is broken, or another network's.
    """
    network = Answering(described.build_empty()).eval()
    try:
        state = from_bytes(content)
        if state.keys() != network.state_dict().keys():
            fold_names(network)
        network.load_state_dict(state, assign=True)
    except (ValueError, RuntimeError) as error:
        raise CorruptArtifactError(
            f"{BFLOAT16_FILE} can't be read ({error}). Restore the version."
        ) from error
    return network
