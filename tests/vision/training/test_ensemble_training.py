from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from vision.artifact import from_files, to_files
from vision.augmentation import augmented
from vision.calibration import fit_temperature
from vision.decoding import ImageLimits
from vision.ensemble import Ensemble
from vision.evaluation import evaluate_logits
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.transfer import TransferResult, transfer
from vision.transfer_settings import TransferSettings

MakeImages = Callable[..., list[tuple[bytes, int]]]
CLASSES = ("dark", "bright")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(build_classifier("resnet18", 5).state_dict(), path)
    return path


@pytest.fixture
def train(pretrained: Path, dark_and_bright: MakeImages) -> Callable[..., TransferResult]:
    def trained(**changes: object) -> TransferResult:
        settings = TransferSettings(weights=pretrained, image_size=32, epochs=2, batch_size=8, num_members=2)
        return transfer(
            dark_and_bright(24),
            dark_and_bright(8, seed=1),
            CLASSES,
            replace(settings, **changes),  # type: ignore[arg-type]  # fields of TransferSettings
        )

    return trained


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "num_own_groups", "differing"),
    [
        ("linear_probe", 1, {"fc"}),
        ("partial", 2, {"layer4", "fc"}),
        ("full", 6, {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"}),
    ],
)
def test_members_differ_in_what_their_strategy_trains(
    strategy: str, num_own_groups: int, differing: set[str], train: Callable[..., TransferResult]
) -> None:
    # From scratch every block is trained; else an epoch might not be better than the probe.
    weights = {"weights": "none"} if strategy == "full" else {}
    result = train(strategy=strategy, learning_rate=1e-2, epochs=4, **weights)
    artifact = from_files(to_files(result.artifact))
    assert (artifact.num_members, artifact.num_own_groups) == (2, num_own_groups)
    ensemble = artifact.build()
    assert isinstance(ensemble, Ensemble)
    one, other = (ensemble.member(index).state_dict() for index in range(2))
    changed = {
        name.split(".")[0]
        for name in one
        if "num_batches" not in name and not torch.equal(one[name], other[name])
    }
    assert changed == differing
    assert len(result.member_accuracies) == 2
    assert result.artifact.reference is not None
    assert result.artifact.reference.shape == (8, 512)


def test_members_that_keep_the_probe_they_began_with_differ_too(train: Callable[..., TransferResult]) -> None:
    # At such a rate the weights stay, and moving batch statistics make the probe worse.
    result = train(strategy="full", learning_rate=1e-9, epochs=1)
    assert result.best_epoch == 1
    ensemble = result.artifact.build()
    assert isinstance(ensemble, Ensemble)
    first, second = (ensemble.member(index).state_dict() for index in range(2))
    # Only the heads differ, so nothing else exists more than once.
    assert result.artifact.num_own_groups == 1
    assert not torch.equal(first["fc.weight"], second["fc.weight"])


@pytest.mark.slow
@pytest.mark.parametrize(("is_pretrained", "learning_rate"), [(True, 1e-9), (True, 1e-2), (False, 1e-2)])
def test_members_answer_in_the_ensemble_as_they_did_alone(
    is_pretrained: bool,
    learning_rate: float,
    train: Callable[..., TransferResult],
    dark_and_bright: MakeImages,
) -> None:
    changes = {} if is_pretrained else {"weights": "none"}
    result = train(strategy="partial", learning_rate=learning_rate, epochs=3, **changes)
    ensemble = result.artifact.build()
    assert isinstance(ensemble, Ensemble)
    validation = dark_and_bright(8, seed=1)
    plain = augmented(result.artifact.preprocessing, "none")
    labels = torch.tensor([label for _, label in validation])
    for index, accuracy in enumerate(result.member_accuracies):
        images = PreparedImages(validation, plain, ImageLimits())
        logits, _ = evaluate_logits(ensemble.member(index), images)
        assert float((logits.argmax(1) == labels).double().mean()) == accuracy


def test_what_was_validated_is_the_ensemble(
    train: Callable[..., TransferResult], dark_and_bright: MakeImages
) -> None:
    result = train(strategy="partial")
    plain = augmented(result.artifact.preprocessing, "none")
    validation = dark_and_bright(8, seed=1)
    logits, _ = evaluate_logits(result.artifact.build(), PreparedImages(validation, plain, ImageLimits()))
    labels = torch.tensor([label for _, label in validation])
    assert float((logits.argmax(1) == labels).double().mean()) == result.validation_accuracy
    losses = torch.nn.functional.cross_entropy(logits / result.artifact.temperature, labels, reduction="none")
    torch.testing.assert_close(result.validation_losses, losses)


def test_the_same_seed_gives_the_same_ensemble(train: Callable[..., TransferResult]) -> None:
    first, again, other = (to_files(train(strategy="linear_probe", seed=seed).artifact) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "num_members"),
    [("linear_probe", 1), ("linear_probe", 2), ("partial", 2), ("full", 1), ("gradual", 2), ("scratch", 1)],
)
def test_the_steps_of_all_phases_were_planned(
    strategy: str, num_members: int, pretrained: Path, dark_and_bright: MakeImages
) -> None:
    steps: list[tuple[int, int]] = []
    numbers: list[int] = []
    settings = TransferSettings(
        weights="none" if strategy == "scratch" else pretrained,
        strategy="full" if strategy == "scratch" else strategy,
        image_size=32,
        epochs=3,
        batch_size=4,
        num_members=num_members,
        # No phase stops early, so that the last step is the last one planned.
        patience=10,
    )
    transfer(
        dark_and_bright(9),
        dark_and_bright(6, seed=1),
        CLASSES,
        settings,
        on_epoch=lambda epoch: numbers.append(epoch.epoch),
        on_batch=lambda done, total: steps.append((done, total)),
    )
    total = steps[-1][1]
    assert steps == [(done, total) for done in range(1, total + 1)]
    assert all(after == before + 1 for before, after in pairwise([0, *numbers]))


@pytest.mark.slow
def test_a_phase_that_stops_early_is_no_step_back(pretrained: Path, dark_and_bright: MakeImages) -> None:
    steps: list[tuple[int, int]] = []
    settings = TransferSettings(
        weights=pretrained,
        strategy="partial",
        image_size=32,
        epochs=30,
        patience=1,
        learning_rate=0.05,
        num_members=2,
    )
    transfer(
        dark_and_bright(9),
        dark_and_bright(6, seed=1),
        CLASSES,
        settings,
        on_batch=lambda done, total: steps.append((done, total)),
    )
    shares = [done / total for done, total in steps]
    assert all(before < after for before, after in pairwise(shares))
    assert steps[-1][1] < steps[0][1]


def test_a_linear_probe_s_temperature_is_that_of_images_it_has_not_seen(
    pretrained: Path, dark_and_bright: MakeImages
) -> None:
    settings = TransferSettings(weights=pretrained, strategy="linear_probe", image_size=32)
    training = dark_and_bright(24)
    # Two labels are wrong, and validation does not show it.
    training[:2] = [(training[0][0], 1), (training[1][0], 0)]
    validation = dark_and_bright(8, seed=1)
    result = transfer(training, validation, CLASSES, settings)
    plain = augmented(result.artifact.preprocessing, "none")
    logits, _ = evaluate_logits(result.artifact.build(), PreparedImages(validation, plain, ImageLimits()))
    labels = torch.tensor([label for _, label in validation])
    assert result.validation_accuracy == 1.0
    assert result.artifact.temperature > 1.05 * fit_temperature(logits, labels)
