from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from vision.adaptation.self_supervised import SETTINGS, Rotated, pretrain
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for
from vision.training.training import snapshot

MakeImages = Callable[..., list[tuple[bytes, int]]]
PREPROCESSING = preprocessing_for("resnet18", 32)


def prepared(pairs: list[tuple[bytes, int]]) -> PreparedImages:
    return PreparedImages(pairs, augmented(PREPROCESSING, "none"), ImageLimits())


def halves(encode: Callable[..., bytes], num: int) -> list[tuple[bytes, int]]:
    """Pictures of noise whose upper half is bright: it is easy to tell which way up they are."""
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(num):
        pixels = rng.integers(0, 80, (32, 32, 3), dtype=np.uint8)
        pixels[:16] += 150
        pairs.append((encode(Image.fromarray(pixels)), -1))
    return pairs


def test_the_label_is_the_number_of_quarters_that_the_picture_was_turned_by(
    dark_and_bright: MakeImages,
) -> None:
    pictures = prepared(dark_and_bright(42))
    rotated = Rotated(pictures, range(2, 42), seed=0)
    assert len(rotated) == 40
    for item in range(40):
        tensor, turns = rotated[item]
        assert torch.equal(torch.rot90(tensor, -turns, dims=(1, 2)), pictures[item + 2][0])
    assert {rotated[item][1] for item in range(40)} == {0, 1, 2, 3}


def test_each_epoch_turns_anew_and_a_fixed_set_never_does(dark_and_bright: MakeImages) -> None:
    pictures = prepared(dark_and_bright(12))
    moving, fixed = (Rotated(pictures, range(12), 0, is_fixed=is_fixed) for is_fixed in (False, True))

    def turns(rotated: Rotated, epoch: int) -> list[int]:
        rotated.set_epoch(epoch)
        return [rotated[item][1] for item in range(12)]

    assert turns(moving, 1) != turns(moving, 2)
    assert turns(moving, 1) == turns(moving, 1)
    assert turns(fixed, 1) == turns(fixed, 2)


@pytest.mark.slow
def test_pretraining_learns_rotations_and_leaves_the_head(encode: Callable[..., bytes]) -> None:
    torch.manual_seed(0)
    classifier = build_classifier("resnet18", 2)
    head = classifier.head.weight.detach().clone()
    pictures = prepared(halves(encode, 64))
    settings = replace(SETTINGS, epochs=8, batch_size=8, learning_rate=3e-3)
    result = pretrain(classifier, pictures, pictures, settings)
    # Eight held-out pictures: guessing gets them all right with p = 4^-8.
    assert result.epochs[result.best_epoch - 1].validation_accuracy == 1.0
    assert torch.equal(classifier.head.weight, head)
    assert not classifier.network.training
    assert classifier.network.get_parameter("conv1.weight").requires_grad


def test_the_same_seed_gives_the_same_features_whatever_the_labels_say(dark_and_bright: MakeImages) -> None:
    pairs = dark_and_bright(16)

    def pretrained(pictures: list[tuple[bytes, int]], seed: int = 0) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        classifier = build_classifier("resnet18", 2)
        settings = replace(SETTINGS, epochs=1, batch_size=8, seed=seed)
        pretrain(classifier, prepared(pictures), prepared(pictures), settings)
        return snapshot(classifier)

    first = pretrained(pairs)
    unlabelled = pretrained([(content, -7) for content, _ in pairs])
    assert all(torch.equal(first[name], unlabelled[name]) for name in first)
    other = pretrained(pairs, seed=1)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
