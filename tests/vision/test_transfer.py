from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vision.artifact import from_files, to_files
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.errors import TooFewSamplesError, UndecodableImageError, UnknownStrategyError
from vision.evaluation import evaluate_logits
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.transfer import transfer
from vision.transfer_settings import TransferSettings

MakeImages = Callable[..., list[tuple[bytes, int]]]
CLASSES = ("dark", "bright")
SETTINGS = TransferSettings(weights="none", image_size=32, epochs=3, batch_size=8)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of ResNet-18, for the strategies that need one."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(build_classifier("resnet18", 5).state_dict(), path)
    return path


def test_an_artifact_from_scratch_serves_what_was_validated(dark_and_bright: MakeImages) -> None:
    validation = dark_and_bright(20, seed=1)
    result = transfer(dark_and_bright(40), validation, CLASSES, SETTINGS)
    assert result.strategy == "full"
    assert result.validation_accuracy >= 0.95
    assert result.artifact.class_names == CLASSES
    served = from_files(to_files(result.artifact))
    images = PreparedImages(validation, augmented(served.preprocessing, "none"), ImageLimits())
    logits, embeddings = evaluate_logits(served.build(), images)
    labels = torch.tensor([label for _, label in validation])
    assert float((logits.argmax(1) == labels).float().mean()) == pytest.approx(result.validation_accuracy)
    assert served.reference is not None
    torch.testing.assert_close(served.reference, embeddings.to(torch.float16))
    assert 0.1 <= served.temperature <= 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "changed"),
    [
        ("linear_probe", {"fc"}),
        ("partial", {"layer4", "fc"}),
        ("full", {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"}),
    ],
)
def test_each_strategy_trains_its_part_only(
    strategy: str, changed: set[str], pretrained: Path, dark_and_bright: MakeImages
) -> None:
    settings = replace(SETTINGS, weights=pretrained, strategy=strategy, epochs=4, learning_rate=3e-2)
    result = transfer(dark_and_bright(24), dark_and_bright(8, seed=1), CLASSES, settings)
    before = torch.load(pretrained, weights_only=True)
    differing = {
        name.split(".")[0]
        for name, value in result.artifact.state.items()
        if value.shape != before[name].shape or not torch.equal(value, before[name])
    }
    assert differing == changed
    assert result.strategy == strategy


@pytest.mark.parametrize("num_members", [1, 3])
def test_a_probe_that_has_learnt_validation_by_heart_is_not_credited_with_it(
    num_members: int, pretrained: Path, dark_and_bright: MakeImages
) -> None:
    # The classes are random, but with more features than images they are learnt all the same.
    rng = np.random.default_rng(0)
    drawn = [(image, int(rng.integers(2))) for image, _ in dark_and_bright(80)]
    training, validation = drawn[:40], drawn[40:]
    settings = replace(SETTINGS, weights=pretrained, strategy="linear_probe", num_members=num_members)
    result = transfer(training, validation, CLASSES, settings)
    images = PreparedImages(validation, augmented(result.artifact.preprocessing, "none"), ImageLimits())
    logits, _ = evaluate_logits(result.artifact.build(), images)
    by_heart = float((logits.argmax(1) == torch.tensor([label for _, label in validation])).double().mean())
    accuracies = (result.validation_accuracy, *result.member_accuracies)
    assert by_heart > 0.6
    assert max(accuracies) < by_heart
    assert float(result.validation_losses.mean()) > 0.6


def test_a_probe_that_fine_tuning_does_not_better_is_the_linear_probe(
    pretrained: Path, dark_and_bright: MakeImages
) -> None:
    settings = replace(SETTINGS, weights=pretrained, epochs=1, learning_rate=1e-9)
    images = dark_and_bright(24), dark_and_bright(8, seed=1)
    probe, tuned = (
        transfer(*images, CLASSES, replace(settings, strategy=strategy))
        for strategy in ("linear_probe", "partial")
    )
    assert tuned.best_epoch == 1
    for name, value in probe.artifact.state.items():
        torch.testing.assert_close(tuned.artifact.state[name], value)
    assert tuned.validation_accuracy == probe.validation_accuracy
    torch.testing.assert_close(tuned.validation_losses, probe.validation_losses)


def test_gradual_unfreezing_numbers_its_epochs_through(pretrained: Path, dark_and_bright: MakeImages) -> None:
    numbers: list[int] = []
    settings = replace(SETTINGS, weights=pretrained, strategy="gradual", epochs=6)
    result = transfer(
        dark_and_bright(16),
        dark_and_bright(8, seed=1),
        CLASSES,
        settings,
        on_epoch=lambda epoch: numbers.append(epoch.epoch),
    )
    assert numbers == [epoch.epoch for epoch in result.epochs] == list(range(1, 8))
    best = result.epochs[result.best_epoch - 1]
    assert best.validation_accuracy == max(epoch.validation_accuracy for epoch in result.epochs)
    assert result.validation_accuracy == pytest.approx(best.validation_accuracy)


def test_the_same_seed_gives_the_same_artifact(dark_and_bright: MakeImages) -> None:
    settings = replace(SETTINGS, epochs=1, augmentation="strong")
    files = [
        to_files(transfer(dark_and_bright(16), dark_and_bright(6, seed=1), CLASSES, chosen).artifact)
        for chosen in (settings, settings, replace(settings, seed=1))
    ]
    assert files[0] == files[1]
    assert files[0] != files[2]


@pytest.mark.parametrize(("size", "expected"), [(20, 32), (60, 64), (400, 128)])
def test_from_scratch_the_images_own_size_decides(
    size: int, expected: int, dark_and_bright: MakeImages
) -> None:
    settings = replace(SETTINGS, image_size=None, epochs=1)
    images = dark_and_bright(4, size=size)
    assert transfer(images, images, CLASSES, settings).artifact.preprocessing.image_size == expected


@pytest.mark.slow
def test_at_most_a_thousand_embeddings_are_kept_for_reference(dark_and_bright: MakeImages) -> None:
    images = dark_and_bright(4)
    result = transfer(images, images * 300, CLASSES, replace(SETTINGS, epochs=1))
    assert result.artifact.reference is not None
    assert result.artifact.reference.shape == (1000, 512)


def test_what_cannot_be_trained_on_is_refused(dark_and_bright: MakeImages) -> None:
    images = dark_and_bright(4)
    with pytest.raises(UnknownStrategyError, match="linear_probe, partial, full, gradual; got 'half'"):
        transfer(images, images, CLASSES, replace(SETTINGS, strategy="half"))
    with pytest.raises(TooFewSamplesError, match="got 4 and 0"):
        transfer(images, [], CLASSES, SETTINGS)
    with pytest.raises(UndecodableImageError):
        transfer([(images[0][0][:60], 0), *images], images, CLASSES, SETTINGS)
