import pytest
import torch

from vision.ensemble import MAX_OWN_GROUPS
from vision.errors import UnknownBackboneError
from vision.network import build_empty_classifier
from vision.zoo import ZOO, facts_of, find_backbone

# Each is like a smaller one, and takes a second and more to be built.
_LARGE = {"densenet161", "densenet169", "densenet201"} | {f"efficientnet_b{size}" for size in range(3, 8)}


def test_the_zoo_holds_the_families_of_torchvision() -> None:
    expected = {f"resnet{depth}" for depth in (18, 34, 50, 101, 152)}
    expected |= {"vgg16", "vgg19", "alexnet", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"}
    expected |= {f"densenet{depth}" for depth in (121, 161, 169, 201)} | {
        f"efficientnet_b{size}" for size in range(8)
    }
    assert set(ZOO) == expected | {"efficientnet_lite0"}


def test_the_limit_of_an_ensembles_own_groups_is_the_most_of_any_network() -> None:
    assert max(len(backbone.groups) + 1 for backbone in ZOO.values()) == MAX_OWN_GROUPS


@pytest.mark.parametrize("name", ZOO)
def test_block_groups_own_every_parameter_once_and_end_with_the_head(name: str) -> None:
    classifier = build_empty_classifier(name, 7)
    groups = classifier.block_groups()
    owned = [id(parameter) for group in groups for module in group for parameter in module.parameters()]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(parameter) for parameter in classifier.parameters()}
    assert groups[-1] == [classifier.head]
    assert len(groups) >= 6


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in _LARGE else ()) for name in ZOO]
)
def test_each_backbone_takes_its_smallest_image_and_keeps_torchvisions_names(name: str) -> None:
    entry = ZOO[name]
    classifier = build_empty_classifier(name, 7).eval()
    size = entry.min_image_size
    with torch.device("meta"):
        logits, embeddings = classifier.classify(torch.zeros(2, 3, size, size))
        original = entry.builder(weights=None)
    assert logits.shape == (2, 7)
    assert embeddings.shape == (2, classifier.embedding_dim)
    assert set(classifier.state_dict()) == set(original.state_dict())


def test_an_unknown_backbone_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownBackboneError, match="Did you mean 'resnet18'"):
        find_backbone("ResNet-18")
    with pytest.raises(UnknownBackboneError, match="There are: resnet18"):
        find_backbone("###")


def test_facts_come_from_the_weights_own_metadata(no_hub: None) -> None:
    facts = facts_of(ZOO["resnet18"])
    assert (facts.num_parameters, facts.image_size, facts.is_here) == (11_689_512, 224, False)
    assert (facts.megabytes, facts.top1, facts.top5) == pytest.approx((44.661, 0.69758, 0.89078))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v2"])
def test_the_number_of_parameters_is_that_of_the_network(name: str) -> None:
    num = sum(parameter.numel() for parameter in build_empty_classifier(name, 1000).parameters())
    assert facts_of(ZOO[name]).num_parameters == num
