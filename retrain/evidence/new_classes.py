"""Compares a candidate's answers with the held-out images of classes that production does not know."""

from collections.abc import Mapping

from retrain.dataset import RoundSamples, items_of
from retrain.gate.new_classes import ClassOutcome, NewClassEvidence
from retrain.gate.outcomes import OldEvidence
from retrain.models import RoundModels
from store.samples.clusters import voters
from vision.engines.served_model import ServedModel


def compare_new_classes(
    models: RoundModels,
    samples: RoundSamples,
    accepted_by: Mapping[str, str],
    old: OldEvidence,
    candidate: ServedModel,
) -> NewClassEvidence | None:
    """Return how a candidate answers the new classes of a round; None where it has none.

    Args:
        models: Runs it.
        samples: Those of the round.
        accepted_by: Who accepted each class.
        old: How the candidate answers the old images.
        candidate: As it would be served.
    """
    names = candidate.artifact.class_names
    if not samples.new_classes:
        return None
    voting = voters(samples.class_holdout)
    outcomes = []
    for name in samples.new_classes:
        items = items_of([sample for sample in voting if sample.label == name], names)
        right = models.answers(candidate, items).label_index == names.index(name)
        outcomes.append(ClassOutcome(name, len(items), int(right.sum()), accepted_by[name]))
    return NewClassEvidence(tuple(outcomes), len(old.all_old), old.num_taken)
