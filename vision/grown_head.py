"""Grows a classifier's head by new classes, whose rows are fitted to images from prototypes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from vision.artifact import Artifact
from vision.batches import LabelledTensors
from vision.ensemble import Ensemble
from vision.errors import IncompatibleStatesError
from vision.evaluation import evaluate_logits
from vision.network import Classifier

_MAX_STEPS = 100
# Of half the squared distance to the prototype, in units of the embeddings' variance.
_PENALTY = 0.01


@dataclass(frozen=True, slots=True)
class Row:
    """The weight (D,) and the bias () of one class."""

    weight: Tensor
    bias: Tensor


def grown(artifact: Artifact, class_names: Sequence[str], rows: Sequence[Mapping[str, Row]]) -> Artifact:
    """Return an artifact that knows more classes; what it knew keeps its rows, whatever the order.

    Args:
        artifact: What is grown.
        class_names: All classes, in the order of the new logits.
        rows: Of each member, the rows of the classes that are new; one member where it is no ensemble.

    Raises:
        IncompatibleStatesError: A class is missing that the artifact knows, or has no row.
    """
    missing = set(artifact.class_names) - set(class_names)
    without_row = set(class_names) - set(artifact.class_names) - set(rows[0])
    if missing or without_row:
        raise IncompatibleStatesError(
            f"Expected all classes of the artifact and a row for each new one; {sorted(missing)} are missing "
            f"and {sorted(without_row)} have no row."
        )
    head = artifact.build_empty().head_path
    state = dict(artifact.state)
    for part in ("weight", "bias"):
        old = state[f"{head}.{part}"].chunk(artifact.num_members)
        members = [
            _in_order(artifact, class_names, own, {name: getattr(row, part) for name, row in new.items()})
            for own, new in zip(old, rows, strict=True)
        ]
        state[f"{head}.{part}"] = torch.cat(members)
    return replace(artifact, class_names=tuple(class_names), state=state)


def new_rows(
    classifier: Classifier, images: Sequence[LabelledTensors], others: LabelledTensors
) -> list[list[Row]]:
    """Return, of each member, one row for each set of images of a new class; the old rows stay as they are.

    They begin as prototypes and are then fitted, beside the old rows, to the images of all classes.

    Args:
        classifier: The network, whose head has the old classes.
        images: For each new class its images; none of the sets is empty.
        others: Images of old classes; without any the prototypes stay as they are.
    """
    members = [classifier]
    if isinstance(classifier, Ensemble):
        members = [classifier.member(index) for index in range(classifier.num_members)]
    return [_rows_of(member, images, others) for member in members]


def prototype(own: Tensor, centre: Tensor, weight: Tensor, bias: Tensor) -> Row:
    """Return the first row of a new class.

    It points from the mean embedding of old images to that of the class's, and is as long as the old rows are
    on average. The paper imprints the class's mean itself, into a head that compares angles. Embeddings are
    never negative here, so that all of them lie in about one direction, which no class may win by. The bias
    gives an average image the average logit of the old classes.

    Args:
        own: Embeddings (N, D) of the class's images.
        centre: The mean embedding (D,) of old images.
        weight: The old rows (K, D).
        bias: Theirs (K,).

    Source:
        Qi et al., "Low-Shot Learning with Imprinted Weights", CVPR 2018.
    """
    away = own.mean(dim=0) - centre
    row = weight.norm(dim=1).mean() * away / away.norm().clamp(min=1e-6)
    return Row(row, (weight @ centre + bias).mean() - row @ centre)


def _rows_of(member: Classifier, images: Sequence[LabelledTensors], others: LabelledTensors) -> list[Row]:
    device = member.head.weight.device
    weight, bias = member.head.weight.detach().cpu(), member.head.bias.detach().cpu()
    of_new = [evaluate_logits(member, own, device=device)[1] for own in images]
    if not len(others):
        return [prototype(own, torch.zeros(weight.shape[1]), weight, bias) for own in of_new]
    of_old = evaluate_logits(member, others, device=device)[1]
    start = [prototype(own, of_old.mean(dim=0), weight, bias) for own in of_new]
    embeddings = torch.cat([of_old, *of_new])
    labels = [others[index][1] for index in range(len(others))]
    for number, own in enumerate(of_new):
        labels += [len(weight) + number] * len(own)
    return _fitted(start, embeddings, torch.tensor(labels), embeddings @ weight.T + bias)


def _fitted(start: Sequence[Row], embeddings: Tensor, labels: Tensor, old_logits: Tensor) -> list[Row]:
    """Return rows with the least cross-entropy over all classes, each weighing alike, held to their start."""
    first = torch.stack([torch.cat([row.weight, row.bias[None]]) for row in start])
    rows = first.clone().requires_grad_()
    inputs = torch.cat([embeddings, torch.ones(len(embeddings), 1)], dim=1)
    importance = 1.0 / torch.bincount(labels)[labels]
    scale = (embeddings - embeddings.mean(dim=0)).square().mean()
    optimizer = torch.optim.LBFGS([rows], max_iter=_MAX_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        logits = torch.cat([old_logits, inputs @ rows.T], dim=1)
        losses = cross_entropy(logits, labels, reduction="none")
        loss = (importance * losses).sum() / importance.sum()
        loss = loss + 0.5 * _PENALTY * scale * (rows - first).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it without types
    return [Row(row[:-1], row[-1]) for row in rows.detach()]


def _in_order(
    artifact: Artifact, class_names: Sequence[str], old: Tensor, new: Mapping[str, Tensor]
) -> Tensor:
    known = dict(zip(artifact.class_names, old, strict=True))
    return torch.stack([known[name] if name in known else new[name].to(old.dtype) for name in class_names])
