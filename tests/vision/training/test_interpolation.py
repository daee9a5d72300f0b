import pytest
import torch
from torch import nn

from vision.errors import IncompatibleStatesError
from vision.training.interpolation import interpolate


def state(seed: int, features: int = 3) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    layer = nn.BatchNorm2d(features)
    layer(torch.randn(8, features, 2, 2) * (seed + 2))
    return {name: value.clone() for name, value in layer.state_dict().items()}


def test_weight_zero_gives_the_first_and_one_the_second() -> None:
    first, second = state(0), state(1)
    for weight, expected in ((0.0, first), (1.0, second)):
        for name, tensor in interpolate(first, second, weight).items():
            torch.testing.assert_close(tensor, expected[name])


def test_weights_and_running_statistics_lie_between_and_counters_come_from_the_second() -> None:
    first, second = state(0), state(1)
    second["num_batches_tracked"] += 41
    mixed = interpolate(first, second, 0.25)
    for name in ("weight", "bias", "running_mean", "running_var"):
        torch.testing.assert_close(mixed[name], 0.75 * first[name] + 0.25 * second[name])
    assert mixed["num_batches_tracked"] == 42


def test_the_result_shares_no_memory_with_either() -> None:
    first, second = state(0), state(1)
    mixed = interpolate(first, second, 1.0)
    for tensor in mixed.values():
        tensor.zero_()
    assert second["num_batches_tracked"] == 1
    assert second["running_var"].abs().sum() > 0
    assert first["running_var"].abs().sum() > 0


def test_states_of_different_networks_are_refused() -> None:
    with pytest.raises(IncompatibleStatesError, match="running_mean"):
        interpolate(state(0), state(0, features=4), 0.5)
    with pytest.raises(IncompatibleStatesError, match="extra"):
        interpolate(state(0), {**state(1), "extra": torch.zeros(1)}, 0.5)
    with pytest.raises(IncompatibleStatesError, match=r"1\.5"):
        interpolate(state(0), state(1), 1.5)
