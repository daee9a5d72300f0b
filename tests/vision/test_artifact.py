import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from vision.artifact import Artifact, describe, from_files, to_files
from vision.ensemble import as_ensemble
from vision.errors import CorruptArtifactError

Files = dict[str, bytes]


def test_it_comes_back_from_files_with_the_same_answers(artifact: Artifact) -> None:
    back = from_files(to_files(artifact))
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(back.build()(images), artifact.build()(images))
    assert back.class_names == artifact.class_names
    assert back.preprocessing == artifact.preprocessing
    assert back.temperature == artifact.temperature
    assert back.reference is not None
    assert artifact.reference is not None
    assert torch.equal(back.reference, artifact.reference)
    assert back.reference.dtype == torch.float16


def test_the_same_artifact_gives_the_same_bytes(artifact: Artifact) -> None:
    shuffled = replace(artifact, state=dict(reversed(list(artifact.state.items()))))
    assert to_files(artifact) == to_files(shuffled) == to_files(from_files(to_files(artifact)))


def test_it_can_be_described_without_its_weights(artifact: Artifact) -> None:
    description = {"artifact.json": to_files(artifact)["artifact.json"]}
    assert describe(description) == replace(artifact, state={}, reference=None)
    assert describe(description).build_empty().state_dict().keys() == artifact.state.keys()


def test_without_a_reference_there_is_no_such_file(artifact: Artifact) -> None:
    files = to_files(replace(artifact, reference=None))
    assert set(files) == {"weights.safetensors", "artifact.json"}
    assert from_files(files).reference is None


def test_a_built_classifier_is_in_evaluation_mode_and_shares_no_memory(artifact: Artifact) -> None:
    first, second = artifact.build(), artifact.build()
    assert not first.training
    with torch.no_grad():
        first.head.weight.zero_()
    assert second.head.weight.abs().sum() > 0
    assert artifact.state["fc.weight"].abs().sum() > 0
    assert all(parameter.requires_grad for parameter in second.parameters())


def test_an_ensemble_comes_back_with_the_same_answers(artifact: Artifact) -> None:
    ensemble = as_ensemble(artifact.build(), 3, 2)
    for parameter in ensemble.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    back = from_files(
        to_files(replace(artifact, state=ensemble.state_dict(), num_members=3, num_own_groups=2))
    )
    assert (back.num_members, back.num_own_groups) == (3, 2)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(back.build()(images), ensemble(images))


def test_an_artifact_from_before_ensembles_is_one_network(artifact: Artifact) -> None:
    older = edited(num_members="REMOVED", num_own_groups="REMOVED")(to_files(artifact))
    assert (from_files(older).num_members, from_files(older).num_own_groups) == (1, 1)


def edited(**changes: object) -> Callable[[Files], Files]:
    def edit(files: Files) -> Files:
        description = {**json.loads(files["artifact.json"]), **changes}
        kept = {name: value for name, value in description.items() if value != "REMOVED"}
        return {**files, "artifact.json": json.dumps(kept).encode()}

    return edit


def test_what_earlier_releases_wrote_about_precisions_is_ignored(artifact: Artifact) -> None:
    older = edited(precision="int8", ranges={"conv1": [0.0, 1.0]})(to_files(artifact))
    assert to_files(from_files(older)) == to_files(artifact)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda files: {}, id="nothing"),
        pytest.param(lambda files: {**files, "artifact.json": b"{"}, id="broken JSON"),
        pytest.param(lambda files: {**files, "artifact.json": b"[]"}, id="a list"),
        pytest.param(lambda files: {**files, "artifact.json": b"\xff\xfe\x00"}, id="no text"),
        pytest.param(lambda files: {"artifact.json": files["artifact.json"]}, id="no weights"),
        pytest.param(lambda files: {**files, "weights.safetensors": b"x"}, id="broken weights"),
        pytest.param(
            lambda files: {**files, "weights.safetensors": files["weights.safetensors"][:-9]}, id="cut"
        ),
        pytest.param(lambda files: {**files, "reference.safetensors": b""}, id="another reference"),
        pytest.param(edited(format_version=2), id="a later format"),
        pytest.param(edited(format_version="REMOVED"), id="no format"),
        pytest.param(edited(backbone="resnet34"), id="another backbone"),
        pytest.param(edited(backbone="resnet9000"), id="an unknown backbone"),
        pytest.param(edited(class_names=["a", "b"]), id="fewer classes"),
        pytest.param(edited(class_names=["a", "a", "b"]), id="a class twice"),
        pytest.param(edited(class_names=[]), id="no classes"),
        pytest.param(edited(class_names=[1, 2, 3]), id="numbered classes"),
        pytest.param(edited(temperature=0.0), id="zero temperature"),
        pytest.param(edited(temperature=float("nan")), id="undefined temperature"),
        pytest.param(edited(preprocessing={}), id="no preprocessing"),
        pytest.param(edited(sha256={}), id="no digests"),
        pytest.param(edited(num_members=3), id="members without weights"),
        pytest.param(edited(num_members=0), id="no member"),
        pytest.param(edited(num_members=10**6), id="too many members"),
        pytest.param(edited(num_members="3"), id="a text for a number"),
        pytest.param(edited(num_own_groups=0), id="no group of its own"),
        pytest.param(edited(sha256="REMOVED"), id="digests missing"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    damage: Callable[[Files], Files], artifact: Artifact
) -> None:
    with pytest.raises(CorruptArtifactError):
        from_files(damage(to_files(artifact)))


def test_weights_that_lack_a_tensor_are_named(artifact: Artifact) -> None:
    state = {name: tensor for name, tensor in artifact.state.items() if name != "layer1.0.conv1.weight"}
    with pytest.raises(CorruptArtifactError, match=r"layer1\.0\.conv1\.weight"):
        replace(artifact, state=state).build()


def test_a_classifier_has_weights_of_its_own_unless_it_shares_them(artifact: Artifact) -> None:
    name = next(iter(artifact.state))
    for shares_weights in (False, True):
        built = artifact.build(shares_weights=shares_weights).state_dict()[name]
        assert torch.equal(built, artifact.state[name])
        assert (built.data_ptr() == artifact.state[name].data_ptr()) == shares_weights


def test_files_that_were_verified_are_not_hashed_again(artifact: Artifact) -> None:
    files = to_files(artifact)
    description = json.loads(files["artifact.json"])
    description["sha256"]["weights.safetensors"] = "0" * 64
    files["artifact.json"] = json.dumps(description).encode()
    with pytest.raises(CorruptArtifactError, match="differs from what"):
        from_files(files)
    assert from_files(files, are_verified=True).state.keys() == artifact.state.keys()
