from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vision.errors import TooFewSamplesError, TrainingDivergedError
from vision.network import Classifier, build_classifier
from vision.training.training import Epoch, OptimizerName, TrainingResult, TrainingSettings, fit

Pair = tuple[Tensor, int]
SETTINGS = TrainingSettings(epochs=2, batch_size=8, learning_rate=0.01, schedule="constant")


def pairs(num: int, seed: int = 0) -> list[Pair]:
    """Noise around -1 for class 0 and around +1 for class 1."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(3, 32, 32, generator=generator) + (2 * (index % 2) - 1), index % 2)
        for index in range(num)
    ]


def points(num: int, seed: int = 0, overlap: float = 0.5) -> list[Pair]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (overlap * torch.randn(4, generator=generator) + (2 * (index % 2) - 1), index % 2)
        for index in range(num)
    ]


def network(seed: int = 0) -> Classifier:
    torch.manual_seed(seed)
    return build_classifier("resnet18", 2)


def line(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(4, 2)


def test_a_network_learns_what_is_easy_and_returns_its_curves() -> None:
    epochs: list[Epoch] = []
    batches: list[tuple[int, int]] = []
    result = fit(
        network(),
        pairs(32),
        pairs(16, seed=1),
        replace(SETTINGS, epochs=4, optimizer="adamw", learning_rate=1e-3),
        on_epoch=epochs.append,
        on_batch=lambda done, total: batches.append((done, total)),
    )
    assert result.epochs[result.best_epoch - 1].validation_accuracy >= 0.95
    assert result.epochs == tuple(epochs)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[-1].training_loss < epochs[0].training_loss
    assert all(epoch.seconds > 0 for epoch in epochs)
    assert batches == [(done, 16) for done in range(1, 17)]
    assert result.diagnosis == "good fit"


def test_the_same_seed_gives_the_same_weights_on_a_cpu() -> None:
    first = fit(network(), pairs(20), pairs(8, seed=1), SETTINGS)
    torch.rand(3)
    second = fit(network(), pairs(20), pairs(8, seed=1), SETTINGS)
    other = fit(network(), pairs(20), pairs(8, seed=1), replace(SETTINGS, seed=1))
    assert all(torch.equal(first.state[name], second.state[name]) for name in first.state)
    assert not all(torch.equal(first.state[name], other.state[name]) for name in first.state)


@pytest.mark.slow
def test_in_bfloat16_it_learns_the_same_and_keeps_its_weights_in_float32() -> None:
    settings = replace(SETTINGS, epochs=1, keeps_statistics=True)
    exact = fit(network(), pairs(20), pairs(8, seed=1), settings)
    rounded = fit(network(), pairs(20), pairs(8, seed=1), replace(settings, precision="bfloat16"))
    assert {tensor.dtype for tensor in rounded.state.values()} == {torch.float32, torch.int64}
    assert not torch.equal(rounded.state["fc.weight"], exact.state["fc.weight"])
    torch.testing.assert_close(rounded.state["fc.weight"], exact.state["fc.weight"], atol=0.01, rtol=0.05)
    for own, other in zip(rounded.epochs, exact.epochs, strict=True):
        # Processors round differently, which is a larger part of a loss near zero.
        assert own.training_loss == pytest.approx(other.training_loss, rel=0.03, abs=0.001)
        assert own.validation_loss == pytest.approx(other.validation_loss, rel=0.03, abs=0.001)


def test_a_penalty_goes_through_bfloat16_too() -> None:
    dtypes: set[torch.dtype] = set()

    def penalty(images: Tensor, logits: Tensor, indices: Sequence[int]) -> Tensor:
        dtypes.add((images.flatten(1)[:, :4] @ torch.ones(4, 2)).dtype)
        return logits.float().square().mean()

    fit(line(), points(8), points(8), replace(SETTINGS, precision="bfloat16"), penalty=penalty)
    assert dtypes == {torch.bfloat16}


def test_training_leaves_the_callers_randomness_and_threads_alone() -> None:
    torch.manual_seed(9)
    expected = torch.rand(2)
    torch.manual_seed(9)
    fit(line(9), points(8), points(8), replace(SETTINGS, num_threads=2))
    torch.manual_seed(9)
    fit(nn.Linear(4, 2), points(8), points(8), replace(SETTINGS, num_threads=2))
    torch.manual_seed(9)
    assert torch.equal(torch.rand(2), expected)
    assert torch.get_num_threads() == 1


def test_the_weights_of_the_best_validation_epoch_are_kept() -> None:
    # At this rate the line jumps around, so that the last epoch is not the best one.
    settings = replace(SETTINGS, epochs=12, learning_rate=3.0, momentum=0.0, batch_size=4)
    seen: list[dict[str, Tensor]] = []
    layer = line()
    result = fit(
        layer,
        points(24, overlap=2.0),
        points(40, seed=1, overlap=2.0),
        settings,
        on_epoch=lambda _: seen.append({name: value.clone() for name, value in layer.state_dict().items()}),
    )
    best = max(result.epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))
    assert result.best_epoch == best.epoch < 12
    assert torch.equal(result.state["weight"], seen[best.epoch - 1]["weight"])
    assert torch.equal(layer.state_dict()["weight"], result.state["weight"])
    assert not layer.training


def test_training_stops_when_validation_has_stopped_improving() -> None:
    settings = replace(SETTINGS, epochs=50, learning_rate=0.0, patience=3)
    result = fit(line(), points(8), points(8, seed=1), settings)
    assert len(result.epochs) == 4
    assert result.best_epoch == 1


def test_frozen_blocks_keep_weights_and_batch_statistics() -> None:
    classifier = network()
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    last_groups = [
        parameter for group in classifier.block_groups()[-2:] for m in group for parameter in m.parameters()
    ]
    after = fit(
        classifier, pairs(16), pairs(8, seed=1), replace(SETTINGS, epochs=1), parameters=last_groups
    ).state
    changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert changed == {"layer4", "fc"}
    assert not torch.equal(after["layer4.0.bn1.running_mean"], before["layer4.0.bn1.running_mean"])
    assert all(parameter.requires_grad for parameter in classifier.parameters())
    assert all(parameter.grad is None for parameter in classifier.parameters())


def test_statistics_can_be_kept_while_everything_else_trains() -> None:
    classifier = network()
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
    result = fit(classifier, pairs(16), pairs(8, seed=1), replace(SETTINGS, keeps_statistics=True))
    changed = {name for name, tensor in result.state.items() if not torch.equal(tensor, before[name])}
    assert {"conv1.weight", "bn1.weight", "bn1.bias", "fc.weight"} <= changed
    assert not any("running_" in name or "num_batches" in name for name in changed)


def test_a_batch_in_pieces_takes_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.batches._PIECE_PIXELS", 3 * 32 * 32)
    seen: list[int] = []

    def towards_zero(images: Tensor, logits: Tensor, indices: Sequence[int]) -> Tensor:
        assert len(images) == len(logits) == len(indices)
        seen.append(len(images))
        return logits.square().mean()

    def trained(*, in_pieces: bool) -> TrainingResult:
        settings = replace(
            SETTINGS,
            epochs=1,
            keeps_statistics=True,
            in_pieces=in_pieces,
            class_weights=(1.0, 3.0),
        )
        # In double precision, since sums of pieces are rounded differently.
        training, validation = ([(image.double(), label) for image, label in pairs(num)] for num in (16, 8))
        return fit(network().double(), training, validation, settings, penalty=towards_zero)

    undivided, pieces = trained(in_pieces=False), trained(in_pieces=True)
    assert seen == [8, 8, 3, 3, 2, 3, 3, 2]
    assert pieces.epochs[0].training_loss == pytest.approx(undivided.epochs[0].training_loss, rel=1e-4)
    for name, tensor in undivided.state.items():
        torch.testing.assert_close(pieces.state[name], tensor, rtol=1e-3, atol=1e-5)


def test_groups_may_have_rates_of_their_own() -> None:
    classifier = network()
    before = classifier.head.weight.detach().clone()
    frozen_by_rate: list[dict[str, Any]] = [
        {"params": classifier.head.parameters(), "lr": 0.0},
        {"params": classifier.network.get_submodule("layer4").parameters()},
    ]
    after = fit(classifier, pairs(8), pairs(8), replace(SETTINGS, epochs=1), parameters=frozen_by_rate).state
    assert torch.equal(after["fc.weight"], before)


@pytest.mark.parametrize(("num", "batch_size"), [(9, 4), (1, 4), (3, 1), (2, 1)])
def test_batches_of_one_image_train(num: int, batch_size: int) -> None:
    result = fit(network(), pairs(num), pairs(2), replace(SETTINGS, epochs=1, batch_size=batch_size))
    assert all(value.isfinite().all() for value in result.state.values())


def test_class_weights_shift_the_answers_to_the_heavy_class() -> None:
    blurred = points(60, overlap=3.0)
    settings = replace(SETTINGS, epochs=20)
    shares = []
    for weights in ((10.0, 1.0), (1.0, 10.0)):
        layer = line()
        fit(layer, blurred, blurred, replace(settings, class_weights=weights))
        shares.append(layer(torch.stack([point for point, _ in blurred])).argmax(1).float().mean())
    assert shares[0] < 0.4 < 0.6 < shares[1]


def test_a_penalty_is_added_to_the_loss_and_gets_the_indices() -> None:
    seen: list[int] = []

    def stay_at_zero(points_seen: Tensor, logits: Tensor, indices: object) -> Tensor:
        seen.extend(indices)  # type: ignore[arg-type]  # indices are numbers
        return 10.0 * logits.square().mean()

    free, held = line(), line()
    training = points(12)
    images = torch.stack([point for point, _ in training])
    fit(free, training, training, replace(SETTINGS, epochs=1))
    fit(held, training, training, replace(SETTINGS, epochs=1), penalty=stay_at_zero)
    assert sorted(seen) == list(range(12))
    assert held(images).abs().mean() < 0.5 * free(images).abs().mean()


def test_a_diverging_run_is_kept_apart() -> None:
    with pytest.raises(TrainingDivergedError, match="lower learning rate"):
        fit(line(), points(16), points(4), replace(SETTINGS, learning_rate=1e38, epochs=5))


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(TooFewSamplesError, match="got 0 and 4"):
        fit(line(), [], points(4), SETTINGS)
    with pytest.raises(TooFewSamplesError, match="got 4 and 0"):
        fit(line(), points(4), [], SETTINGS)


def test_a_set_gets_its_epoch() -> None:
    epochs: list[int] = []

    class Noted(list[Pair]):
        def set_epoch(self, epoch: int) -> None:
            epochs.append(epoch)

    training = Noted(points(4))
    fit(line(), training, points(4), replace(SETTINGS, epochs=3))
    assert epochs == [1, 2, 3]


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adams_first_step_moves_each_weight_by_the_rate(optimizer: OptimizerName) -> None:
    settings = replace(SETTINGS, epochs=1, batch_size=8, optimizer=optimizer)
    moved = fit(line(), points(8), points(8, seed=1), settings).state["weight"] - line().weight.detach()
    torch.testing.assert_close(moved.abs(), torch.full((2, 4), 0.01), atol=1e-5, rtol=0)
