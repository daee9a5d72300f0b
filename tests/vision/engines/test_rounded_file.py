"""The network as CPUs serve it rounded: what is written is what was judged."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from vision.artifact import Artifact
from vision.engines import folding
from vision.engines.kind import Precision
from vision.engines.precision import rounded
from vision.engines.rounded_file import ROUNDED_FILES, engine_from_file, engine_from_weights, to_file
from vision.ensemble import as_ensemble
from vision.errors import CorruptArtifactError
from vision.network import build_classifier
from vision.tensor_bytes import from_bytes, to_bytes


def described(artifact: Artifact) -> Artifact:
    return replace(artifact, state={}, reference=None)


def assert_same_answers(artifact: Artifact, images: Tensor, precision: Precision = "bfloat16") -> None:
    judged = rounded(artifact, images, precision)
    from_weights = engine_from_weights(judged)
    read = engine_from_file(described(judged), to_file(judged))
    assert read.name == from_weights.name == f"torch in {precision}"
    for found, expected in zip(read(images), from_weights(images), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_it_answers_what_the_weights_answer_in_that_precision_to_the_bit(
    precision: Precision, artifact: Artifact, images: Tensor
) -> None:
    assert_same_answers(artifact, images, precision)


@pytest.mark.parametrize(
    ("backbone", "precision"),
    [
        ("resnet50", "bfloat16"),
        ("resnet50", "int8"),
        ("mobilenet_v3_small", "bfloat16"),
        ("densenet121", "bfloat16"),
        ("efficientnet_lite0", "bfloat16"),
    ],
)
def test_so_does_another_backbone(
    backbone: str, precision: Precision, artifact: Artifact, images: Tensor
) -> None:
    torch.manual_seed(0)
    state = build_classifier(backbone, len(artifact.class_names)).state_dict()
    assert_same_answers(replace(artifact, backbone=backbone, state=state), images, precision)


@pytest.mark.parametrize(("num_own_groups", "precision"), [(2, "bfloat16"), (1, "int8")])
def test_so_does_an_ensemble(
    num_own_groups: int, precision: Precision, artifact: Artifact, images: Tensor
) -> None:
    ensemble = as_ensemble(artifact.build(), 3, num_own_groups)
    for member in ensemble.modules():
        if isinstance(member, nn.Linear):
            nn.init.normal_(member.weight, std=0.05)
    state = ensemble.state_dict()
    of_three = replace(artifact, state=state, num_members=3, num_own_groups=num_own_groups)
    assert_same_answers(of_three, images, precision)


def test_a_network_that_can_not_be_folded_is_written_with_its_norms(
    artifact: Artifact, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_is_equivalent", lambda network, change: False)
    monkeypatch.setattr(folding, "_equivalent", {})
    judged = replace(artifact, precision="bfloat16")
    assert any("running_mean" in name for name in from_bytes(to_file(judged)))
    assert_same_answers(artifact, images)


@pytest.mark.parametrize(("precision", "share"), [("bfloat16", 0.51), ("int8", 0.26)])
def test_it_is_smaller_than_the_weights(
    precision: Precision, share: float, artifact: Artifact, images: Tensor
) -> None:
    assert len(to_file(rounded(artifact, images, precision))) < share * len(to_bytes(artifact.state))


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_writing_it_leaves_the_artifact_as_it_is(
    precision: Precision, artifact: Artifact, images: Tensor
) -> None:
    before = {name: tensor.clone() for name, tensor in artifact.state.items()}
    to_file(rounded(artifact, images, precision))
    assert all(torch.equal(artifact.state[name], tensor) for name, tensor in before.items())
    assert {tensor.dtype for tensor in artifact.state.values()} == {torch.float32, torch.int64}


@pytest.mark.parametrize("precision", ROUNDED_FILES)
def test_a_file_that_is_broken_or_of_another_network_is_refused(
    precision: Precision, artifact: Artifact, images: Tensor
) -> None:
    judged = rounded(artifact, images, precision)
    content = to_file(judged)
    with pytest.raises(CorruptArtifactError, match="Restore the version"):
        engine_from_file(described(judged), content[:-1])
    of_more_classes = replace(described(judged), class_names=("a", "b", "c", "d", "e", "f", "g"))
    with pytest.raises(CorruptArtifactError, match="Restore the version"):
        engine_from_file(of_more_classes, content)
    with pytest.raises(CorruptArtifactError, match="Restore"):
        engine_from_file(replace(described(judged), backbone="resnet50"), content)
    with pytest.raises(CorruptArtifactError, match="no_such"):
        engine_from_file(replace(described(judged), backbone="no_such"), content)


def test_without_the_ranges_of_its_activations_nothing_runs_in_int8(
    artifact: Artifact, images: Tensor
) -> None:
    judged = rounded(artifact, images, "int8")
    ranges = {name: ends for name, ends in judged.ranges.items() if name != "layer2.0"}
    with pytest.raises(CorruptArtifactError, match=r"found none of 'layer2\.0'"):
        engine_from_weights(replace(judged, ranges=ranges))
    with pytest.raises(CorruptArtifactError, match="Expected a ResNet"):
        engine_from_file(replace(described(judged), backbone="vgg16"), to_file(judged))
