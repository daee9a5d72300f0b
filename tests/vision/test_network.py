import copy

import pytest
import torch
from torchvision import models

from vision.errors import UnknownBackboneError
from vision.network import Classifier, build_classifier, build_empty_classifier


@pytest.mark.parametrize(
    "name", ["resnet18", "alexnet", "mobilenet_v3_small", "densenet121", "efficientnet_b0"]
)
def test_logits_equal_torchvisions_own_network(name: str) -> None:
    classifier = build_classifier(name, 5).eval()
    original = models.get_model(name, num_classes=5).eval()  # type: ignore[attr-defined]  # not declared as exported
    original.load_state_dict(classifier.state_dict())
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(classifier(images), original(images))


def test_one_forward_gives_logits_and_the_embedding_under_them() -> None:
    classifier = build_classifier("resnet18", 3).eval()
    images = torch.randn(4, 3, 32, 32)
    logits, embeddings = classifier.classify(images)
    assert embeddings.shape == (4, classifier.embedding_dim) == (4, 512)
    assert torch.equal(embeddings, classifier.embed(images))
    assert torch.equal(logits, classifier(images))
    assert torch.equal(logits, classifier.head(embeddings))


def test_a_torchvision_state_loads_and_comes_back() -> None:
    original = models.resnet18(num_classes=4)
    classifier = build_classifier("resnet18", 4)
    classifier.load_state_dict(original.state_dict())
    assert all(
        torch.equal(value, original.state_dict()[name]) for name, value in classifier.state_dict().items()
    )


def test_a_copy_shares_nothing_and_keeps_the_names() -> None:
    classifier = build_classifier("resnet18", 2)
    twin = copy.deepcopy(classifier)
    assert twin.state_dict().keys() == classifier.state_dict().keys()
    with torch.no_grad():
        twin.head.weight.add_(1.0)
    assert not torch.equal(twin.head.weight, classifier.head.weight)


def test_building_without_weights_is_decided_by_the_seed() -> None:
    def built() -> Classifier:
        torch.manual_seed(5)
        return build_classifier("resnet18", 2)

    assert torch.equal(built().head.weight, built().head.weight)


def test_an_empty_classifier_takes_no_memory_and_no_randomness() -> None:
    before = torch.get_rng_state()
    classifier = build_empty_classifier("resnet152", 10)
    assert all(parameter.is_meta for parameter in classifier.parameters())
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_backbone_is_refused() -> None:
    with pytest.raises(UnknownBackboneError, match="resnet50"):
        build_classifier("resnet5O", 2)
