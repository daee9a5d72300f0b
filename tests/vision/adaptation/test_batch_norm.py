import pytest
import torch
from torch import Tensor, nn

from vision.adaptation.batch_norm import reestimate_statistics
from vision.errors import TooFewSamplesError


def network() -> nn.Sequential:
    torch.manual_seed(0)
    built = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    built.train()
    for _ in range(60):
        built(torch.randn(32, 3, 8, 8))
    return built.eval()


def running_mean(network: nn.Sequential) -> Tensor:
    return network.get_buffer("1.running_mean")


def target(num_batches: int = 8) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [3.0 + 2.0 * torch.randn(32, 3, 8, 8, generator=generator) for _ in range(num_batches)]


def test_without_the_source_the_statistics_are_the_targets() -> None:
    adapted, batches = network(), target()
    assert reestimate_statistics(adapted, batches, source_weight=0) == 256
    convolved = adapted[0](torch.cat(batches))
    torch.testing.assert_close(running_mean(adapted), convolved.mean(dim=(0, 2, 3)), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(adapted[1].running_var, convolved.var(dim=(0, 2, 3)), atol=1e-2, rtol=2e-2)


def test_the_source_weighs_as_many_pictures_as_it_is_set_to() -> None:
    before = running_mean(network())
    full, half = network(), network()
    reestimate_statistics(full, target(), source_weight=0)
    reestimate_statistics(half, target(), source_weight=256)
    torch.testing.assert_close(running_mean(half), (before + running_mean(full)) / 2)


def test_weights_and_momentum_stay_and_the_network_is_ready_to_serve() -> None:
    adapted = network()
    before = {name: tensor.clone() for name, tensor in adapted.state_dict().items() if "weight" in name}
    reestimate_statistics(adapted, target(1))
    assert all(torch.equal(adapted.state_dict()[name], tensor) for name, tensor in before.items())
    assert adapted[1].momentum == 0.1
    assert not any(module.training for module in adapted.modules())


def test_no_pictures_change_nothing() -> None:
    adapted = network()
    before = running_mean(adapted).clone()
    with pytest.raises(TooFewSamplesError):
        reestimate_statistics(adapted, [])
    assert torch.equal(running_mean(adapted), before)
