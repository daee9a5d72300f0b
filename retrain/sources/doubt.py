"""Doubts labels that two cross-validations contradict with confidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from vision.errors import TooFewSamplesError
from vision.training.cross_validation import Embedded, out_of_fold
from vision.training.probe import solve

# On embeddings scaled to unit variance; a weaker one finds the flips of a source in its own labels.
_PENALTY = 0.1
_MAX_FOLDS = 10


def doubtful_labels(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which labels are doubtful (n,): another class is confidently the likeliest.

    A class is confident of an image where its probability is at least the mean that it has on images with its
    label. Among the confident classes the likeliest must be the label, or the label is doubtful. Where no
    class is confident, nothing is doubted.

    Args:
        probabilities: (n, classes), of models that have not learnt from the image.
        labels: (n,), indices of classes.

    Source:
        Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021,
        section 3.1.
    """
    num_classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=num_classes)
    own = probabilities[np.arange(len(labels)), labels]
    sums = np.bincount(labels, weights=own, minlength=num_classes)
    # A class without labels has no threshold, so that nothing is confidently of it.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    return np.asarray((confident.max(axis=1) >= 0) & (confident.argmax(axis=1) != labels))


@dataclass(frozen=True, slots=True)
class Doubts:
    """What two models that have not learnt from an image say of its label.

    Attributes:
        is_doubtful: (n,); both doubt it.
        belief: (n,), the probability of the label, of the model that finds it likelier.
    """

    is_doubtful: NDArray[np.bool_]
    belief: NDArray[np.float64]


def doubted_by_both(
    new: Embedded, sources: Sequence[str], clusters: Sequence[int], known: Embedded, num_classes: int
) -> Doubts:
    """Return which labels of new samples are doubtful, whoever looks.

    Two linear models on frozen embeddings look at each label. One has learnt no label of its source, so that
    one source's errors don't vouch for each other. The other has learnt some, so that honest labels of images
    that only their source sends, such as drifted ones, do.

    Args:
        new: Embeddings (n, D) of the champion, and the labels.
        sources: Of each label.
        clusters: Number of each image's cluster; near-duplicates are learnt together or not at all.
        known: Embeddings and labels of replayed samples: learnt from, never doubted.
        num_classes: Of the champion.
    """
    looks = [
        _without_own_source(new, sources, known, num_classes),
        _with_own_source(new, clusters, known, num_classes),
    ]
    labels = new[1].numpy()
    first, second = (doubtful_labels(probabilities, labels) for probabilities in looks)
    beliefs = [probabilities[np.arange(len(labels)), labels] for probabilities in looks]
    return Doubts(first & second, np.maximum(*beliefs))


def _without_own_source(
    new: Embedded, sources: Sequence[str], known: Embedded, num_classes: int
) -> NDArray[np.float64]:
    num_folds = min(_MAX_FOLDS, len(set(sources)))
    if num_folds < 2:
        raise TooFewSamplesError("Expected labels of two sources at least, to doubt one by the others.")
    probabilities = np.zeros((len(sources), num_classes))
    folds = GroupKFold(num_folds).split(new[0], groups=np.array(sources))  # type: ignore[no-untyped-call]  # scikit-learn comes without types
    for learnt, held_out in folds:
        rows = torch.from_numpy(learnt)
        embedded = torch.cat([new[0][rows], known[0]]), torch.cat([new[1][rows], known[1]])
        probabilities[held_out] = _answers(embedded, new[0][torch.from_numpy(held_out)], num_classes)
    return probabilities


def _with_own_source(
    new: Embedded, clusters: Sequence[int], known: Embedded, num_classes: int
) -> NDArray[np.float64]:
    # Replayed samples are images of their own, after all clusters.
    images = torch.cat([torch.tensor(clusters), max(clusters) + 1 + torch.arange(len(known[1]))])
    logits = out_of_fold(
        (torch.cat([new[0], known[0]]), torch.cat([new[1], known[1]])),
        lambda learnt, held_out: _logits(learnt, held_out, num_classes),
        images,
    )
    return logits[: len(new[1])].softmax(dim=1).double().numpy()


def _answers(learnt: Embedded, embeddings: torch.Tensor, num_classes: int) -> NDArray[np.float64]:
    return _logits(learnt, embeddings, num_classes).softmax(dim=1).double().numpy()


def _logits(learnt: Embedded, embeddings: torch.Tensor, num_classes: int) -> torch.Tensor:
    [solution] = solve(learnt, num_classes, penalties=[_PENALTY])
    return solution.answer(embeddings)
