"""What an artifact answers when it is judged: in the precision in which it is served."""

from torch import Tensor

from vision.artifact import Artifact
from vision.batches import LabelledTensors
from vision.engines.precision import served_precision
from vision.engines.rounded_file import engine_from_weights
from vision.evaluation import evaluate, evaluate_logits


def answers_as_served(
    artifact: Artifact, images: LabelledTensors, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    """Return logits (N, C) and embeddings (N, D) of a set, float32 on the CPU, in the set's order.

    Raises:
        TooFewSamplesError: The set is empty.
        CorruptArtifactError: The weights do not fit the network.
    """
    if device == "cpu" and served_precision(artifact, "auto", "auto") != "float32":
        return evaluate(engine_from_weights(artifact), images)
    return evaluate_logits(artifact.build(device), images, device=device)
