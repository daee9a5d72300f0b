"""A head grows by new classes, and what it knew stays as it was."""

import pytest
import torch

from vision.artifact import Artifact
from vision.ensemble import Ensemble
from vision.errors import IncompatibleStatesError
from vision.evaluation import evaluate_logits
from vision.grown_head import Row, grown, new_rows, prototype
from vision.network import build_classifier
from vision.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(image_size=32, resize_size=32)


def images(num: int, shift: float, seed: int = 0) -> list[tuple[torch.Tensor, int]]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(3, 32, 32, generator=generator) + shift, 0) for _ in range(num)]


def artifact_of(num_members: int = 1, num_own_groups: int = 1) -> Artifact:
    torch.manual_seed(0)
    classifier = build_classifier("resnet18", 2)
    if num_members > 1:
        members = [build_classifier("resnet18", 2) for _ in range(num_members)]
        classifier = Ensemble(members, num_own_groups)
    return Artifact(
        "resnet18",
        ("ant", "cow"),
        PREPROCESSING,
        classifier.state_dict(),
        num_members=num_members,
        num_own_groups=num_own_groups,
    )


@pytest.mark.parametrize("names", [("ant", "bee", "cow"), ("ant", "cow", "bee"), ("bee", "cow", "ant")])
def test_an_old_class_keeps_its_logit_wherever_the_new_one_stands(names: tuple[str, ...]) -> None:
    artifact = artifact_of()
    row = Row(torch.randn(512), torch.tensor(0.5))
    with_bee = grown(artifact, names, [{"bee": row}])
    seen = images(4, 0.0)
    before, embeddings = evaluate_logits(artifact.build(), seen)
    after, _ = evaluate_logits(with_bee.build(), seen)
    assert with_bee.class_names == names
    for name in ("ant", "cow"):
        assert torch.equal(after[:, names.index(name)], before[:, artifact.class_names.index(name)])
    bee = embeddings @ row.weight + row.bias
    assert torch.allclose(after[:, names.index("bee")], bee, atol=1e-5)


@pytest.mark.parametrize(("num_members", "num_own_groups"), [(2, 1), (2, 2)])
def test_each_member_of_an_ensemble_grows(num_members: int, num_own_groups: int) -> None:
    artifact = artifact_of(num_members, num_own_groups)
    members = new_rows(artifact.build(), [images(4, 2.0)], images(4, 0.0))
    assert len(members) == num_members
    with_bee = grown(artifact, ("ant", "bee", "cow"), [{"bee": own[0]} for own in members]).build()
    assert isinstance(with_bee, Ensemble)
    for index in range(num_members):
        old = artifact.build()
        assert isinstance(old, Ensemble)
        assert torch.equal(with_bee.member(index).head.weight[[0, 2]], old.member(index).head.weight)


def test_a_prototype_is_as_long_as_old_rows_and_level_with_them_on_an_average_image() -> None:
    classifier = artifact_of().build()
    weight, bias = classifier.head.weight.detach(), classifier.head.bias.detach()
    _, own = evaluate_logits(classifier, images(8, 2.0))
    logits, others = evaluate_logits(classifier, images(16, 0.0))
    row = prototype(own, others.mean(dim=0), weight, bias)
    assert float(row.weight.norm()) == pytest.approx(float(weight.norm(dim=1).mean()), rel=1e-4)
    old = others @ row.weight + row.bias
    assert float(old.mean()) == pytest.approx(float(logits.mean()), abs=1e-4)
    assert (own @ row.weight + row.bias).mean() > old.mean()


def test_new_rows_find_their_class_and_take_few_of_the_old_images() -> None:
    artifact, others = artifact_of(), images(40, 0.0)
    [[row]] = new_rows(artifact.build(), [images(20, 1.0)], others)
    classifier = grown(artifact, ("ant", "cow", "bee"), [{"bee": row}]).build()
    unseen, _ = evaluate_logits(classifier, images(40, 1.0, seed=1))
    old, _ = evaluate_logits(classifier, images(40, 0.0, seed=2))
    assert (unseen.argmax(dim=1) == 2).double().mean() > 0.8
    assert (old.argmax(dim=1) == 2).double().mean() < 0.2


def test_a_class_that_is_left_out_or_has_no_row_is_refused() -> None:
    row = Row(torch.zeros(512), torch.tensor(0.0))
    with pytest.raises(IncompatibleStatesError, match="cow"):
        grown(artifact_of(), ("ant", "bee"), [{"bee": row}])
    with pytest.raises(IncompatibleStatesError, match="dog"):
        grown(artifact_of(), ("ant", "cow", "dog"), [{"bee": row}])
