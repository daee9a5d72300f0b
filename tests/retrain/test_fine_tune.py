import pytest
import torch

from retrain.fine_tune import distillation, fine_tune
from retrain.settings import FineTuneSettings
from vision.artifact import Artifact
from vision.network import build_classifier
from vision.preprocessing import Preprocessing


def test_only_replayed_samples_are_held_to_the_champions_logits() -> None:
    teacher = build_classifier("resnet18", 2).eval()
    images = torch.randn(10, 3, 32, 32)
    teacher_logits = teacher(images).detach()
    # The first four are new. One off in both logits is a mean squared distance of one.
    logits = teacher_logits + torch.tensor([[9.0]] * 4 + [[1.0]] * 3 + [[2.0]] * 3)
    penalty = distillation(teacher, num_new=4, num_all=10, weight=2.0)
    assert float(penalty(images, logits, range(10))) == pytest.approx(2.0 * (3 * 1 + 3 * 4) / 6, rel=1e-3)
    assert float(penalty(images[:4], logits[:4], range(4))) == 0.0
    # However they are cut into batches, their shares add up to the same.
    cuts = [slice(0, 3), slice(3, 8), slice(8, 10)]
    shares = [len(images[cut]) / 10 * penalty(images[cut], logits[cut], range(10)[cut]) for cut in cuts]
    assert float(sum(shares)) == pytest.approx(5.0, rel=1e-3)


def test_the_champion_does_not_learn_from_its_candidate() -> None:
    teacher = build_classifier("resnet18", 2).eval()
    logits = torch.zeros(2, 2, requires_grad=True)
    loss = distillation(teacher, num_new=0, num_all=2, weight=1.0)(torch.randn(2, 3, 32, 32), logits, [0, 1])
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
    assert logits.grad is not None
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_a_round_keeps_the_champions_batch_statistics() -> None:
    champion = Artifact(
        "resnet18",
        ("day", "night"),
        Preprocessing(image_size=32, resize_size=32),
        build_classifier("resnet18", 2).state_dict(),
    )
    images = [(torch.randn(3, 32, 32) + index % 2, index % 2) for index in range(12)]
    result = fine_tune(
        champion,
        champion.build(),
        images,
        num_new=6,
        validation=images[:4],
        settings=FineTuneSettings(epochs=1, batch_size=4),
    )
    assert torch.equal(result.state["bn1.running_mean"], champion.state["bn1.running_mean"])
    assert not torch.equal(result.state["bn1.weight"], champion.state["bn1.weight"])
