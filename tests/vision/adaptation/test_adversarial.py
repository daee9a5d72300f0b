import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vision.adaptation.adversarial import DomainAdversary, reversal_at, reverse_gradient
from vision.network import Classifier, build_classifier


class Numbered:
    """Tensors whose value is their index."""

    def __init__(self, num: int) -> None:
        self.epochs: list[int] = []
        self.read: list[int] = []
        self._num = num

    def __len__(self) -> int:
        return self._num

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        self.read.append(index)
        return torch.full((3, 32, 32), index / self._num), -1

    def set_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    return build_classifier("resnet18", 2)


def test_the_gradient_is_reversed_and_scaled_and_the_features_pass() -> None:
    features = torch.tensor([1.0, -2.0], requires_grad=True)
    passed = reverse_gradient(features, 0.25)
    assert torch.equal(passed, features)
    (passed * torch.tensor([4.0, 8.0])).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
    assert features.grad is not None
    assert features.grad.tolist() == [-1.0, -2.0]


def test_lambda_rises_from_0_to_nearly_1_as_in_the_paper() -> None:
    assert reversal_at(0.0) == 0.0
    assert reversal_at(0.1) == pytest.approx(2 / (1 + math.exp(-1)) - 1)
    assert reversal_at(1.0) == pytest.approx(0.9999, abs=1e-4)
    rates = [reversal_at(step / 20) for step in range(21)]
    assert rates == sorted(rates)


def test_the_domain_classifier_goes_down_its_gradient_and_the_features_up(classifier: Classifier) -> None:
    adversary = DomainAdversary(classifier, Numbered(4), num_steps=1, seed=0)
    adversary._step = 1  # the run's end, where lambda is 1
    images = torch.randn(4, 3, 32, 32)

    def loss() -> Tensor:
        adversary._step = 1
        return adversary(images, torch.zeros(4, 2), range(4))

    classifier.eval()
    before = loss()
    before.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
    weight = classifier.network.get_parameter("layer4.1.conv2.weight")
    assert weight.grad is not None
    own, others = (
        weight.grad.clone(),
        [parameter.grad for parameter in adversary.domain_classifier.parameters()],
    )
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in others)
    # This is the true gradient of the same loss: with lambda -1 the layer does not reverse it.
    direct = torch.cat(
        [classifier.embed(images), classifier.embed(torch.stack([Numbered(4)[i][0] for i in range(4)]))]
    )
    is_target = torch.tensor([0.0] * 4 + [1.0] * 4)
    answers = adversary.domain_classifier(direct).squeeze(1)
    (true,) = torch.autograd.grad(
        torch.nn.functional.binary_cross_entropy_with_logits(answers, is_target), weight
    )
    torch.testing.assert_close(own, -reversal_at(1.0) * true, rtol=1e-3, atol=1e-7)


def test_all_pictures_of_the_target_come_before_any_comes_again(classifier: Classifier) -> None:
    target = Numbered(6)
    adversary = DomainAdversary(classifier, target, num_steps=4, seed=3)
    for _ in range(4):
        adversary(torch.zeros(3, 3, 32, 32), torch.zeros(3, 2), range(3))
    assert sorted(target.read[:6]) == sorted(target.read[6:]) == list(range(6))
    assert target.read[:6] != target.read[6:]
    assert target.epochs == [1, 2]


def test_the_embeddings_of_the_step_are_used_without_a_second_forward(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    adversary = DomainAdversary(classifier, Numbered(4), num_steps=4, seed=0)
    embedded: list[int] = []
    embed: Callable[[Tensor], Tensor] = classifier.embed

    def counted(images: Tensor) -> Tensor:
        embedded.append(len(images))
        return embed(images)

    monkeypatch.setattr(classifier, "embed", counted)
    images = torch.zeros(2, 3, 32, 32)
    with adversary.recording_embeddings():
        adversary(images, classifier(images), range(2))
    assert embedded == [2, 2]
    assert not classifier.head._forward_pre_hooks
