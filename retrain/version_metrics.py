"""What is shown with a version that a round made."""

from retrain.evidence.comparison import OldComparison
from retrain.gate.outcomes import Outcomes
from vision.engines.served_model import ServedModel
from vision.training.training import TrainingResult


def version_metrics(
    old: OldComparison, new: Outcomes, candidate: ServedModel, tuned: TrainingResult, strategy: str
) -> dict[str, object]:
    """Return what is shown with a round's version; accuracies and errors are fractions.

    What `perennial train` measures too has the same name as there.

    Args:
        old: On old images.
        new: On the new images that have a label.
        candidate: The version's model.
        tuned: Its training.
        strategy: How the layers below its head were trained.
    """
    measured: dict[str, object] = {}
    if len(old.evidence.golden):
        measured["golden_accuracy"] = old.evidence.golden.candidate_accuracy
        measured["num_golden"] = len(old.evidence.golden)
    if len(new):
        measured["new_accuracy"] = new.candidate_accuracy
        measured["num_new"] = len(new)
    if old.calibration is not None:
        measured["calibration_error"] = old.calibration.candidate
    return measured | {
        "backbone": candidate.artifact.backbone,
        "image_size": candidate.artifact.preprocessing.image_size,
        "temperature": candidate.artifact.temperature,
        "diagnosis": tuned.diagnosis,
        "strategy": strategy,
        "num_epochs": len(tuned.epochs),
        "num_members": candidate.artifact.num_members,
        **candidate.metrics(),
    }
