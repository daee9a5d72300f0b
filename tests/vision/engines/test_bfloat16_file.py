"""The network as CPUs serve it in bfloat16: what is written is what was judged."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from vision.artifact import Artifact
from vision.engines import folding
from vision.engines.bfloat16_file import from_file, to_file
from vision.engines.torch_engine import TorchEngine
from vision.ensemble import as_ensemble
from vision.errors import CorruptArtifactError
from vision.network import build_classifier
from vision.tensor_bytes import from_bytes, to_bytes


def described(artifact: Artifact) -> Artifact:
    return replace(artifact, state={}, reference=None)


def assert_same_answers(artifact: Artifact, images: Tensor) -> None:
    from_weights = TorchEngine(artifact.build(), "bfloat16")
    read = TorchEngine(from_file(described(artifact), to_file(artifact)), "bfloat16")
    for found, expected in zip(read(images), from_weights(images), strict=True):
        assert torch.equal(found, expected)


def test_it_answers_what_the_weights_answer_in_bfloat16_to_the_bit(
    artifact: Artifact, images: Tensor
) -> None:
    assert_same_answers(artifact, images)


@pytest.mark.parametrize("backbone", ["resnet50", "mobilenet_v3_small", "densenet121", "efficientnet_lite0"])
def test_so_does_another_backbone(backbone: str, artifact: Artifact, images: Tensor) -> None:
    torch.manual_seed(0)
    state = build_classifier(backbone, len(artifact.class_names)).state_dict()
    assert_same_answers(replace(artifact, backbone=backbone, state=state), images)


def test_so_does_an_ensemble(artifact: Artifact, images: Tensor) -> None:
    ensemble = as_ensemble(artifact.build(), 3, 2)
    for member in ensemble.modules():
        if isinstance(member, nn.Linear):
            nn.init.normal_(member.weight, std=0.05)
    of_three = replace(artifact, state=ensemble.state_dict(), num_members=3, num_own_groups=2)
    assert_same_answers(of_three, images)


def test_a_network_that_can_not_be_folded_is_written_with_its_norms(
    artifact: Artifact, images: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_is_equivalent", lambda network, change: False)
    monkeypatch.setattr(folding, "_equivalent", {})
    assert any("running_mean" in name for name in from_bytes(to_file(artifact)))
    assert_same_answers(artifact, images)


def test_it_is_half_as_large_as_the_weights(artifact: Artifact) -> None:
    assert len(to_file(artifact)) < 0.51 * len(to_bytes(artifact.state))


def test_writing_it_leaves_the_artifact_as_it_is(artifact: Artifact) -> None:
    before = {name: tensor.clone() for name, tensor in artifact.state.items()}
    to_file(artifact)
    assert all(torch.equal(artifact.state[name], tensor) for name, tensor in before.items())
    assert {tensor.dtype for tensor in artifact.state.values()} == {torch.float32, torch.int64}


def test_a_file_that_is_broken_or_of_another_network_is_refused(artifact: Artifact) -> None:
    content = to_file(artifact)
    with pytest.raises(CorruptArtifactError, match="Restore the version"):
        from_file(described(artifact), content[:-1])
    of_more_classes = replace(described(artifact), class_names=("a", "b", "c", "d", "e", "f", "g"))
    with pytest.raises(CorruptArtifactError, match="Restore the version"):
        from_file(of_more_classes, content)
    with pytest.raises(CorruptArtifactError, match="Restore the version"):
        from_file(replace(described(artifact), backbone="resnet50"), content)
    with pytest.raises(CorruptArtifactError, match="no_such"):
        from_file(replace(described(artifact), backbone="no_such"), content)
