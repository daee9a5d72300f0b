import pytest
import torch
from torch import Tensor

from vision.ensemble import Ensemble, as_ensemble, mean_logits
from vision.network import Classifier, build_classifier, build_empty_classifier

# One network of each kind: several of torchvision's, timm's, and one with wide fully connected layers.
NETWORKS = ("resnet18", "densenet121", "mobilenet_v3_small", "efficientnet_lite0", "alexnet")


def members_of(name: str, num_own_groups: int, num: int = 3) -> list[Classifier]:
    """Networks that differ only in their deepest groups."""
    members = [build_classifier(name, 4).eval() for _ in range(num)]
    first = members[0].block_groups()
    for other in members[1:]:
        for ours, theirs in zip(first[:-num_own_groups], other.block_groups()[:-num_own_groups], strict=True):
            for mine, copied in zip(ours, theirs, strict=True):
                copied.load_state_dict(mine.state_dict())
    return members


@pytest.mark.parametrize(
    ("name", "num_own_groups"),
    [
        ("resnet18", 1),
        ("resnet18", 99),
        *(pytest.param(name, 2, marks=pytest.mark.slow if name == "alexnet" else ()) for name in NETWORKS),
    ],
)
def test_it_answers_with_the_mean_of_its_members_probabilities(name: str, num_own_groups: int) -> None:
    members = members_of(name, min(num_own_groups, len(build_empty_classifier(name, 4).block_groups())))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        each = [member.classify(images) for member in members]
        ensemble = Ensemble(members, num_own_groups).eval()
        logits, embeddings = ensemble.classify(images)
        torch.testing.assert_close(
            logits.softmax(1), torch.stack([one.softmax(1) for one, _ in each]).mean(0)
        )
        torch.testing.assert_close(embeddings, torch.stack([own for _, own in each]).mean(0))
        torch.testing.assert_close(ensemble(images), logits)
        torch.testing.assert_close(ensemble.embed(images), embeddings)
        for index, (own, _) in enumerate(each):
            torch.testing.assert_close(ensemble.member(index)(images), own)
            torch.testing.assert_close(ensemble.classify_each(images)[0][:, index], own)


@pytest.mark.parametrize("num_own_groups", [1, 2, 6])
def test_its_groups_own_every_parameter_once_and_it_is_filled_by_its_state(num_own_groups: int) -> None:
    ensemble = Ensemble(members_of("resnet18", num_own_groups), num_own_groups).eval()
    owned = [id(p) for group in ensemble.block_groups() for module in group for p in module.parameters()]
    assert sorted(owned) == sorted(id(parameter) for parameter in ensemble.parameters())
    empty = as_ensemble(build_empty_classifier("resnet18", 4), 3, num_own_groups)
    empty.load_state_dict(ensemble.state_dict(), assign=True)
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(empty.eval()(images), ensemble(images))


def test_members_share_what_they_do_not_own() -> None:
    def num_parameters(classifier: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in classifier.parameters())

    one = build_classifier("resnet18", 4)
    head = num_parameters(one.head)
    last_block = sum(num_parameters(module) for module in one.block_groups()[-2])
    assert num_parameters(Ensemble(members_of("resnet18", 1), 1)) == num_parameters(one) + 2 * head
    own_blocks = num_parameters(Ensemble(members_of("resnet18", 2), 2))
    assert own_blocks == num_parameters(one) + 2 * (head + last_block)


def test_training_it_moves_every_member() -> None:
    ensemble = Ensemble(members_of("resnet18", 2), 2).train()
    before = {name: tensor.clone() for name, tensor in ensemble.state_dict().items()}
    optimizer = torch.optim.SGD(ensemble.parameters(), lr=0.1)
    loss = torch.nn.functional.cross_entropy(ensemble(torch.randn(4, 3, 32, 32)), torch.arange(4))
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
    optimizer.step()
    after = ensemble.state_dict()
    for member in range(3):
        assert not torch.equal(
            after[f"layer4.{member}.0.conv1.weight"], before[f"layer4.{member}.0.conv1.weight"]
        )


def test_the_mean_of_very_sure_members_is_finite() -> None:
    each: Tensor = torch.tensor([[[200.0, -200.0], [-200.0, 200.0]]])
    torch.testing.assert_close(mean_logits(each).softmax(1), torch.tensor([[0.5, 0.5]]))
    assert torch.isfinite(mean_logits(each)).all()
