"""Each adaptation in a complete transfer, on a ResNet-18 at 32 pixels."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from vision.adaptation.adversarial import DomainAdversary
from vision.adaptation.augmentation import NUM_VIEWS, DomainAugmentation
from vision.adaptation.table import ADAPTATIONS, AdaptationName
from vision.artifact import to_files
from vision.errors import ConflictingAdaptationsError, UnlabelledMissingError
from vision.network import build_classifier
from vision.training import strategies
from vision.training.training import TrainingResult, TrainingSettings, fit
from vision.transfer import TransferResult, transfer
from vision.transfer_settings import TransferSettings, plan_steps

Pairs = list[tuple[bytes, int]]
MakeImages = Callable[..., Pairs]
CLASSES = ("dark", "bright")
NAMES = [adaptation.name for adaptation in ADAPTATIONS]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> TransferSettings:
    """Settings of a transfer from a weights file that takes seconds."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(build_classifier("resnet18", 5).state_dict(), path)
    return TransferSettings(weights=path, image_size=32, epochs=2, batch_size=8)


@pytest.fixture
def adapt(settings: TransferSettings, dark_and_bright: MakeImages) -> Callable[..., TransferResult]:
    """Return a function that transfers with adaptations, anew each time."""

    def transferred(*names: AdaptationName, target: Pairs | None = None, **fields: object) -> TransferResult:
        chosen = replace(settings, adaptations=names, **fields)  # type: ignore[arg-type]  # any of its fields
        unlabelled = dark_and_bright(10, seed=2) if target is None else target
        return transfer(
            dark_and_bright(16), dark_and_bright(8, seed=1), CLASSES, chosen, unlabelled=unlabelled
        )

    return transferred


@pytest.fixture(scope="module")
def adapted_before() -> dict[object, TransferResult]:
    return {}


@pytest.fixture
def adapt_once(
    adapt: Callable[..., TransferResult], adapted_before: dict[object, TransferResult]
) -> Callable[..., TransferResult]:
    """Return a function that transfers to the usual target, once for all tests."""

    def remembered(*names: AdaptationName, **fields: object) -> TransferResult:
        key = (names, *sorted(fields.items()))
        if key not in adapted_before:
            adapted_before[key] = adapt(*names, **fields)
        return adapted_before[key]

    return remembered


def statistics(result: TransferResult) -> Tensor:
    return result.artifact.state["bn1.running_mean"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_result_names_its_adaptation_and_learns_otherwise_with_it(
    name: AdaptationName, adapt_once: Callable[..., TransferResult]
) -> None:
    adapted = adapt_once(name)
    assert adapted.adaptations == (name,)
    # Layer-wise unfreezing is nothing more than a strategy.
    plain = adapt_once() if name == "unfreezing" else adapt_once(strategy=adapted.strategy)
    assert plain.adaptations == ()
    losses = [[epoch.training_loss for epoch in result.epochs] for result in (adapted, plain)]
    assert losses[0] != losses[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adversarial", "self_supervised", "batch_norm", "warm_up"])
def test_the_same_seed_gives_the_same_artifact_whatever_stands_for_the_targets_labels(
    name: AdaptationName,
    adapt: Callable[..., TransferResult],
    adapt_once: Callable[..., TransferResult],
    dark_and_bright: MakeImages,
) -> None:
    again = adapt(name, target=[(content, -99) for content, _ in dark_and_bright(10, seed=2)])
    assert to_files(adapt_once(name).artifact) == to_files(again.artifact)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adversarial", "self_supervised", "batch_norm"])
def test_what_learns_from_the_target_is_changed_by_it(
    name: AdaptationName,
    adapt: Callable[..., TransferResult],
    adapt_once: Callable[..., TransferResult],
    dark_and_bright: MakeImages,
) -> None:
    dark = [pair for pair in dark_and_bright(40, seed=3) if pair[1] == 0]
    assert to_files(adapt_once(name).artifact) != to_files(adapt(name, target=dark).artifact)


def test_unlabelled_pictures_change_nothing_where_no_adaptation_uses_them(
    adapt: Callable[..., TransferResult],
    adapt_once: Callable[..., TransferResult],
) -> None:
    assert to_files(adapt_once("augmentation").artifact) == to_files(
        adapt("augmentation", target=[]).artifact
    )


def test_too_few_pictures_are_refused_before_any_is_read(adapt: Callable[..., TransferResult]) -> None:
    with pytest.raises(UnlabelledMissingError, match="got 3"):
        adapt("batch_norm", target=[(b"no image", 0)] * 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "schedule"), [("warm_up", "warm_up"), ("unfreezing", "step"), ("adversarial", "cosine")]
)
def test_pretrained_statistics_stay_while_the_network_is_fine_tuned(
    name: AdaptationName,
    schedule: str,
    adapt: Callable[..., TransferResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded: list[TrainingSettings] = []

    def noted(*arguments: Any, **options: Any) -> TrainingResult:
        recorded.append(arguments[3])
        return fit(*arguments, **options)

    monkeypatch.setattr(strategies, "fit", noted)
    adapt(name)
    assert recorded
    assert {(settings.keeps_statistics, settings.schedule) for settings in recorded} == {(True, schedule)}


def test_statistics_of_the_target_stay_while_the_network_is_fine_tuned(
    adapt_once: Callable[..., TransferResult],
) -> None:
    probed = adapt_once("batch_norm", strategy="linear_probe")
    # The adversary keeps the last epoch, so that the fine-tuned network is looked at.
    tuned = adapt_once("batch_norm", "adversarial")
    assert len(tuned.epochs) == 3
    assert torch.equal(statistics(probed), statistics(tuned))
    assert not torch.equal(tuned.artifact.state["conv1.weight"], probed.artifact.state["conv1.weight"])
    assert not torch.equal(statistics(probed), statistics(adapt_once()))


class Counting:
    """An image source that records which images are read."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        self.read.append(index)
        return self._pairs[index]


def test_the_probe_is_solved_and_chosen_on_several_views_of_each_picture(
    settings: TransferSettings, dark_and_bright: MakeImages
) -> None:
    training, validation = Counting(dark_and_bright(8)), Counting(dark_and_bright(4, seed=1))
    chosen = replace(settings, adaptations=("augmentation",), strategy="linear_probe")
    transfer(training, validation, CLASSES, chosen)
    assert sorted(training.read) == sorted(list(range(8)) * (1 + NUM_VIEWS))
    # They are read once more as they are, for the temperature and the reference for drift.
    assert sorted(validation.read) == sorted(list(range(4)) * (2 + NUM_VIEWS))


def test_fine_tuning_learns_from_variants(
    adapt: Callable[..., TransferResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[object] = []
    call = DomainAugmentation.__call__

    def noted(self: DomainAugmentation, image: Image.Image, key: Sequence[int] | None = None) -> Tensor:
        keys.append(key)
        return call(self, image, key)

    monkeypatch.setattr(DomainAugmentation, "__call__", noted)
    adapt("augmentation", strategy="linear_probe")
    num_probe, num_validation = len(keys), 8 * NUM_VIEWS
    keys.clear()
    adapt("augmentation", strategy="full", epochs=2)
    assert len(keys) == num_probe + 2 * (16 + num_validation)


def test_adversarial_training_keeps_the_last_epoch_and_reaches_lambda_1(
    adapt: Callable[..., TransferResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    adversaries: list[DomainAdversary] = []
    call = DomainAdversary.__call__

    def noted(self: DomainAdversary, *arguments: object) -> Tensor:
        adversaries.append(self)
        return call(self, *arguments)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(DomainAdversary, "__call__", noted)
    result = adapt("adversarial", epochs=3)
    assert result.best_epoch == len(result.epochs) == 4
    assert adversaries[0]._step == adversaries[0]._num_steps == len(adversaries) == 6
    fresh = DomainAdversary(
        result.artifact.build(), [(torch.zeros(3, 32, 32), 0)], num_steps=6, seed=0
    ).domain_classifier
    weights = [network.get_parameter("0.weight") for network in (fresh, adversaries[0].domain_classifier)]
    assert not torch.equal(weights[0], weights[1])


@pytest.mark.slow
def test_all_of_them_go_together(adapt: Callable[..., TransferResult]) -> None:
    result = adapt(*NAMES)
    assert result.adaptations == tuple(NAMES)
    assert result.strategy == "gradual"


def test_the_figures_of_the_artifact_are_of_plain_validation_pictures(
    adapt_once: Callable[..., TransferResult],
) -> None:
    result = adapt_once("augmentation")
    assert result.artifact.reference is not None
    assert len(result.artifact.reference) == 8


@pytest.mark.slow
@pytest.mark.parametrize("names", [("augmentation", "batch_norm"), ("self_supervised", "adversarial")])
def test_the_reported_steps_are_those_that_were_planned(
    names: tuple[AdaptationName, ...], settings: TransferSettings, dark_and_bright: MakeImages
) -> None:
    training, validation, target = dark_and_bright(24), dark_and_bright(8), dark_and_bright(10, seed=2)
    adapted, reports = replace(settings, adaptations=names, patience=5), list[tuple[int, int]]()
    planned = sum(plan_steps(adapted, (24, 8, 10), 2))
    transfer(
        training,
        validation,
        CLASSES,
        adapted,
        unlabelled=target,
        on_batch=lambda *steps: reports.append(steps),
    )
    assert reports == [(done, planned) for done in range(1, planned + 1)]


def test_an_ensemble_is_not_adapted(settings: TransferSettings, dark_and_bright: MakeImages) -> None:
    together = replace(settings, adaptations=("augmentation",), num_members=3)
    with pytest.raises(ConflictingAdaptationsError, match="3 members and augmentation"):
        transfer(dark_and_bright(8), dark_and_bright(8), CLASSES, together)
