import pytest
import torch

from retrain.fine_tune import distillation
from vision.network import build_classifier


def test_only_replayed_samples_are_held_to_the_champions_logits() -> None:
    teacher = build_classifier("resnet18", 2).eval()
    images = torch.randn(3, 3, 32, 32)
    remembered = teacher(images).detach()
    penalty = distillation(teacher, num_new=5, weight=2.0)
    logits = remembered + torch.tensor([[9.0], [1.0], [1.0]])
    assert float(penalty(images, logits, [4, 5, 6])) == pytest.approx(2.0, rel=1e-3)
    assert float(penalty(images, logits, [0, 1, 2])) == 0.0


def test_the_champion_does_not_learn_from_its_candidate() -> None:
    teacher = build_classifier("resnet18", 2).eval()
    logits = torch.zeros(2, 2, requires_grad=True)
    distillation(teacher, num_new=0, weight=1.0)(torch.randn(2, 3, 32, 32), logits, [0, 1]).backward()
    assert logits.grad is not None
    assert all(parameter.grad is None for parameter in teacher.parameters())
