"""A round's samples as what is learnt, what is chosen on, and what is judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from retrain.dataset import Cuts, Item, items_of
from retrain.evaluation import DIRECT, VOLUNTEERED, Part
from retrain.gate import AGREEMENT
from retrain.workbench import Workbench

# Of rehearsed images, the share that is chosen on, as of samples.
_VALIDATION_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Materials:
    """The items of one round.

    Attributes:
        learnt: `num_new` new items, then replayed ones.
        chosen_on: `num_new_chosen_on` new validation items, then old ones.
        old: The old slices, or the images on which a champion without any is to be agreed with.
        new: Direct holdout items (audits too) and volunteered ones.
        is_self_labelled: Old items carry the champion's own answers as their labels.
    """

    learnt: tuple[Item, ...]
    num_new: int
    chosen_on: tuple[Item, ...]
    num_new_chosen_on: int
    old: tuple[Part, ...]
    new: tuple[Part, Part]
    is_self_labelled: bool

    def counts(self) -> dict[str, int]:
        """Return how many items there are of each kind."""
        return {
            "num_new": self.num_new,
            "num_replayed": len(self.learnt) - self.num_new,
            "num_validation": len(self.chosen_on),
            "num_old_holdout": sum(len(part.items) for part in self.old),
            "num_new_holdout": sum(len(part.items) for part in self.new),
        }


def gather(
    cuts: Cuts, logged: tuple[Sequence[str], Sequence[str]] | None, workbench: Workbench, num_replayed: int
) -> Materials:
    """Turn samples into items.

    A champion without a golden set, such as a starter, has few old samples or none. Then images of the
    prediction log join them, with the champion's own answers as labels: the candidate has to agree.

    Args:
        logged: Logged images to rehearse, and those held out; None for a champion with a golden set.
        num_replayed: How many old items are wanted beside the new ones.
    """
    names = workbench.artifact.class_names
    new, chosen_on = items_of(cuts.new_training, names), items_of(cuts.new_validation, names)
    replayed, old_chosen_on = items_of(cuts.replayed, names), items_of(cuts.old_validation, names)
    old = [Part(name, tuple(items_of(part, names))) for name, part in cuts.slices.items()]
    if logged is not None:
        rehearsed, held_out = logged
        old.append(Part(AGREEMENT, tuple(workbench.own_labels(held_out))))
        # What earlier rounds learnt is little of what the champion knows: half at least is rehearsed.
        num_rehearsed = max(num_replayed - len(replayed), num_replayed // 2)
        own = workbench.own_labels(rehearsed[:num_rehearsed])
        replayed = [*replayed[: num_replayed - len(own)], *own]
        num_chosen_on = round(_VALIDATION_SHARE * num_replayed)
        old_chosen_on = [*old_chosen_on, *workbench.own_labels(rehearsed[num_rehearsed:][:num_chosen_on])]
    return Materials(
        learnt=(*new, *replayed),
        num_new=len(new),
        # Where nothing was cut for validation, the last resort is what is learnt.
        chosen_on=tuple(chain(chosen_on, old_chosen_on)) or tuple(new),
        num_new_chosen_on=len(chosen_on) if chosen_on or old_chosen_on else len(new),
        old=tuple(old),
        new=(
            Part(DIRECT, tuple(items_of((s for s in cuts.new_holdout if s.origin != "volunteered"), names))),
            Part(
                VOLUNTEERED,
                tuple(items_of((s for s in cuts.new_holdout if s.origin == "volunteered"), names)),
            ),
        ),
        is_self_labelled=logged is not None,
    )
