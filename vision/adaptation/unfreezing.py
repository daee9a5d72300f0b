"""Layer-wise unfreezing: the later layers adapt first, the early ones last and least."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vision.strategies import Strategy

#: The strategy that does it: head, last block, then all of it with lower rates the shallower a block lies.
STRATEGY: "Strategy" = "gradual"


def fine_tuning_fields() -> dict[str, Any]:
    """Return the fields of `TrainingSettings` that layer-wise unfreezing fixes.

    Batch normalisation keeps the statistics that it came with: they belong to the early layers as much as the
    weights do, which are to change last and least.

    Source:
        Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, parts 3.2
        and 3.3, for the unfreezing.
    """
    return {"keeps_statistics": True}
