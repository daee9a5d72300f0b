import pytest
import torch

from vision.artifact import Artifact
from vision.errors import TooFewSamplesError
from vision.evaluation import evaluate_logits, top5_accuracy


def test_logits_and_embeddings_come_in_the_sets_order_and_the_mode_stays(artifact: Artifact) -> None:
    classifier = artifact.build().train()
    images = [(torch.randn(3, 32, 32), index % 3) for index in range(7)]
    logits, embeddings = evaluate_logits(classifier, images, batch_size=3)
    assert classifier.training
    with torch.no_grad():
        expected, expected_embeddings = artifact.build().classify(torch.stack([image for image, _ in images]))
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(embeddings, expected_embeddings)


def test_an_empty_set_is_refused(artifact: Artifact) -> None:
    with pytest.raises(TooFewSamplesError):
        evaluate_logits(artifact.build(), [])


def test_top_5_accuracy_counts_the_five_likeliest_and_says_nothing_of_five_classes() -> None:
    logits = torch.arange(7.0).repeat(4, 1)  # the last five classes are the likeliest
    assert top5_accuracy(logits, torch.tensor([6, 2, 1, 0])) == 0.5
    assert top5_accuracy(logits[:, :5], torch.tensor([0, 1, 2, 3])) is None
    assert top5_accuracy(logits[:0], torch.tensor([])) is None
