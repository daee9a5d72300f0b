"""Gradual fine-tuning: all layers, at a rate that starts very small and rises over much of the run."""

from typing import Any


def fine_tuning_fields() -> dict[str, Any]:
    """Return the fields of `TrainingSettings` that make fine-tuning gradual.

    The first steps come from few pictures and a head that hardly knows the features: at a full rate they
    would spoil in seconds what pretraining took days to learn. For the same reason batch normalisation keeps
    the statistics that it came with. No early stop cuts off the rise, during which little happens.

    Source:
        Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, part 3.2,
        and Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2; here the rise is longer than in
        both.
    """
    return {"schedule": "warm_up", "patience": None}
