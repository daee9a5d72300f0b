"""What an artifact answers when it is judged: in the precision in which it is served."""

from torch import Tensor

from vision.artifact import Artifact
from vision.batches import LabelledTensors
from vision.engines.precision import serves_in_bfloat16
from vision.engines.torch_engine import TorchEngine
from vision.evaluation import evaluate, evaluate_logits


def answers_as_served(
    artifact: Artifact, images: LabelledTensors, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return logits (N, C) and embeddings (N, D) of a set, float32 on the CPU, in the set's order.

    Raises:
        TooFewSamplesError: The set is empty.
        CorruptArtifactError: The weights do not fit the network.
    """
    if device == "cpu" and serves_in_bfloat16(artifact, "auto", "auto"):
        return evaluate(TorchEngine(artifact.build("cpu", shares_weights=True), "bfloat16"), images)
    return evaluate_logits(artifact.build(device), images, device=device)
