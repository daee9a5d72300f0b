"""Which labels are doubted."""

import numpy as np
import torch
from torch import Tensor

from retrain.sources.doubt import doubted_by_both, doubtful_labels

_NUM_CLASSES = 4


def test_a_label_is_doubtful_where_another_class_is_confidently_the_likeliest() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.95, 0.05]])
    # Thresholds: class 0 (.9 + .7) / 2 = .8, class 1 (.8 + .05) / 2 = .425.
    doubtful = doubtful_labels(probabilities, np.array([0, 0, 1, 1]))
    assert doubtful.tolist() == [False, False, False, True]


def test_a_label_is_not_doubtful_where_no_class_is_confident() -> None:
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    # Thresholds: class 0 .9, class 1 (.9 + .4) / 2 = .65; neither .6 nor .4 reaches its own.
    assert not doubtful_labels(probabilities, np.array([0, 1, 1]))[2]


def test_a_class_that_nobody_labelled_makes_no_label_doubtful() -> None:
    probabilities = np.array([[0.3, 0.1, 0.6], [0.1, 0.3, 0.6]])
    assert not doubtful_labels(probabilities, np.array([0, 1])).any()


def _clouds(rng: np.random.Generator, labels: Tensor, *, is_drifted: bool = False) -> Tensor:
    """Return embeddings: a cloud for each class; drifted ones lie elsewhere, where others know nothing."""
    centres = torch.zeros(_NUM_CLASSES, 16)
    first = 8 if is_drifted else 0
    centres[:, first : first + _NUM_CLASSES] = 4 * torch.eye(_NUM_CLASSES)
    if is_drifted:
        # Others take all of them for the first class.
        centres[:, 0] = 4
    return centres[labels] + torch.from_numpy(rng.normal(size=(len(labels), 16))).float()


def test_flipped_labels_are_doubted_and_honest_ones_of_other_images_are_not() -> None:
    rng = np.random.default_rng(0)
    sources = np.repeat(["mallory", "ann", "ben", "drift"], 80)
    truth = torch.from_numpy(rng.integers(0, _NUM_CLASSES, 320))
    from_elsewhere = sources == "drift"
    embeddings = _clouds(rng, truth)
    embeddings[from_elsewhere] = _clouds(rng, truth[from_elsewhere], is_drifted=True)
    labels = truth.clone()
    labels[sources == "mallory"] = (truth[sources == "mallory"] + 1) % _NUM_CLASSES
    old = torch.from_numpy(rng.integers(0, _NUM_CLASSES, 200))
    doubted = doubted_by_both(
        (embeddings, labels), list(sources), list(range(320)), (_clouds(rng, old), old), _NUM_CLASSES
    )
    shares = {
        name: float(doubted.is_doubtful[sources == name].mean())
        for name in ("mallory", "ann", "ben", "drift")
    }
    assert shares["mallory"] > 0.5
    assert max(shares["ann"], shares["ben"], shares["drift"]) < 0.2


def test_copies_of_one_image_do_not_vouch_for_each_other() -> None:
    rng = np.random.default_rng(1)
    truth = torch.from_numpy(rng.integers(0, _NUM_CLASSES, 100))
    embeddings = _clouds(rng, truth)
    # Sixty copies of the image of one cluster, all with the same wrong label.
    copies = embeddings[:1].repeat(60, 1)
    wrong = ((truth[:1] + 1) % _NUM_CLASSES).repeat(60)
    new = torch.cat([embeddings, copies]), torch.cat([truth, wrong])
    clusters = [*range(100), *[100] * 60]
    old = torch.from_numpy(rng.integers(0, _NUM_CLASSES, 100))
    doubted = doubted_by_both(
        new, ["ann"] * 100 + ["mallory"] * 60, clusters, (_clouds(rng, old), old), _NUM_CLASSES
    )
    assert doubted.is_doubtful[100:].all()
    assert doubted.belief[100:].max() < doubted.belief[:100].mean()
