"""Compares a candidate with the champion on the fair new images of a round."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrain.dataset import Item
from retrain.evidence.new_images import NewImage, NewImages
from retrain.evidence.pool import MAX_IMAGES, pool_size
from retrain.evidence.stored_pool import label_index, trusted_sources
from retrain.gate.outcomes import NO_ANSWER, UNLABELLED, NewEvidence
from retrain.models import RoundModels
from store.evidence.answers import NOT_FINITE, Answer
from store.evidence.pools import PoolImage
from vision.engines.served_model import ServedModel

# So many images are answered at a time: a pool ends where enough questions are open.
_CHUNK = 128


@dataclass(frozen=True, slots=True)
class NewComparison:
    """How a candidate answers the new images, compared with the champion.

    Attributes:
        evidence: For the gate.
        pool: The images that judge, with both answers, and their near-duplicates.
        champion_answers: By SHA-256, on the images that judge.
        candidate_answers: Likewise.
    """

    evidence: NewEvidence
    pool: tuple[PoolImage, ...]
    champion_answers: Mapping[str, Answer] = field(default_factory=dict)
    candidate_answers: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def open_questions(self) -> list[str]:
        """SHA-256s of images on which the two differ and that nobody labelled."""
        evidence = self.evidence
        is_open = (evidence.champion != evidence.candidate) & (evidence.labels == UNLABELLED)
        judging = [image for image in self.pool if image.is_judging]
        return [image.sha256 for image, flag in zip(judging, is_open.tolist(), strict=True) if flag]


class NewEvaluation:
    """Champion and candidates on the new images of one round; the champion answers each image once.

    Args:
        models: Runs them.
        images: The new images.
        on_chunk: Called before each chunk of images; it may raise to stop.
    """

    def __init__(self, models: RoundModels, images: NewImages, on_chunk: Callable[[], None]) -> None:
        self._models = models
        self._images = images
        self._on_chunk = on_chunk
        self._names = models.artifact.class_names
        self._labels = [label_index(images.labels.get(i.sha256), self._names) for i in images.judging]
        self._champion: list[Answer] = []
        self._num_judged = 0

    def compare(self, candidate: ServedModel) -> NewComparison:
        """Let a candidate answer images in their order, until enough questions are open or none are left.

        It answers all that an earlier candidate of the round was judged on: those judge no other round.
        """
        answers: list[Answer] = []
        judging = self._images.judging[:MAX_IMAGES]
        size: int | None = None
        while len(answers) < len(judging) and (size is None or len(answers) < self._num_judged):
            self._on_chunk()
            chunk = judging[len(answers) : len(answers) + _CHUNK]
            if len(self._champion) < len(answers) + len(chunk):
                self._champion += self._answered(self._models.champion, chunk)
            answers += self._answered(candidate, chunk)
            size = pool_size(self._is_open(answers))
        num = self._num_judged = len(answers) if size is None else max(size, self._num_judged)
        sha256s = [image.sha256 for image in judging[:num]]
        return NewComparison(
            self._evidence(answers[:num]),
            tuple(self._pool(judging[:num], answers[:num])),
            dict(zip(sha256s, self._champion, strict=False)),
            dict(zip(sha256s, answers, strict=False)),
        )

    def _answered(self, model: ServedModel, images: Sequence[NewImage]) -> list[Answer]:
        answers = self._models.answers(model, [Item(image.sha256, 0) for image in images])
        return list(answers.by_image(image.sha256 for image in images).values())

    def _is_open(self, answers: Sequence[Answer]) -> list[bool]:
        rows = zip(self._champion, answers, self._labels, strict=False)
        return [
            ours.label_index != theirs.label_index and label == UNLABELLED for ours, theirs, label in rows
        ]

    def _evidence(self, answers: Sequence[Answer]) -> NewEvidence:
        num = len(answers)
        said = [self._images.labels.get(image.sha256) for image in self._images.judging[:num]]
        return NewEvidence(
            _indices(self._champion[:num]),
            _indices(answers),
            np.array(self._labels[:num], dtype=np.int64),
            tuple(None if each is None else each.source for each in said),
            self._images.origin,
            self._images.learnt_from,
            trusted_sources(self._images.labels.values()),
        )

    def _pool(self, judging: Sequence[NewImage], answers: Sequence[Answer]) -> list[PoolImage]:
        clusters = {image.cluster for image in judging}
        others = [image for image in self._images.others if image.cluster in clusters]
        return [
            *(
                PoolImage(i.sha256, i.cluster, True, i.source, self._name(ours), self._name(theirs))
                for i, ours, theirs in zip(judging, self._champion, answers, strict=False)
            ),
            *(PoolImage(i.sha256, i.cluster, False, i.source, None, None) for i in others),
        ]

    def _name(self, answer: Answer) -> str | None:
        return None if answer.label_index == NOT_FINITE else self._names[answer.label_index]


def _indices(answers: Sequence[Answer]) -> NDArray[np.int64]:
    indices = (NO_ANSWER if a.label_index == NOT_FINITE else a.label_index for a in answers)
    return np.fromiter(indices, dtype=np.int64, count=len(answers))
