"""Compares a candidate with the champion on the fair new images of a round."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retrain.dataset import Item
from retrain.evidence.new_images import NewImage, NewImages
from retrain.evidence.pool import MAX_IMAGES, pool_size
from retrain.evidence.stored_pool import label_index
from retrain.gate.outcomes import NO_ANSWER, UNLABELLED, NewEvidence
from retrain.models import RoundModels
from store.evidence.answers import NOT_FINITE
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
    """

    evidence: NewEvidence
    pool: tuple[PoolImage, ...]

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
        self._champion: list[int] = []
        self._num_judged = 0

    def compare(self, candidate: ServedModel) -> NewComparison:
        """Let a candidate answer images in their order, until enough questions are open or none are left.

        It answers all that an earlier candidate of the round was judged on: those judge no other round.
        """
        answers: list[int] = []
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
        return NewComparison(self._evidence(answers[:num]), tuple(self._pool(judging[:num], answers[:num])))

    def _answered(self, model: ServedModel, images: Sequence[NewImage]) -> list[int]:
        answers = self._models.answers(model, [Item(image.sha256, 0) for image in images]).label_index
        return [NO_ANSWER if index == NOT_FINITE else index for index in answers.tolist()]

    def _is_open(self, answers: Sequence[int]) -> list[bool]:
        rows = zip(self._champion, answers, self._labels, strict=False)
        return [ours != theirs and label == UNLABELLED for ours, theirs, label in rows]

    def _evidence(self, answers: Sequence[int]) -> NewEvidence:
        num = len(answers)
        said = [self._images.labels.get(image.sha256) for image in self._images.judging[:num]]
        return NewEvidence(
            np.array(self._champion[:num], dtype=np.int64),
            np.array(answers, dtype=np.int64),
            np.array(self._labels[:num], dtype=np.int64),
            tuple(None if each is None else each.source for each in said),
            self._images.origin,
        )

    def _pool(self, judging: Sequence[NewImage], answers: Sequence[int]) -> list[PoolImage]:
        clusters = {image.cluster for image in judging}
        others = [image for image in self._images.others if image.cluster in clusters]
        return [
            *(
                PoolImage(i.sha256, i.cluster, True, i.source, self._name(ours), self._name(theirs))
                for i, ours, theirs in zip(judging, self._champion, answers, strict=False)
            ),
            *(PoolImage(i.sha256, i.cluster, False, i.source, None, None) for i in others),
        ]

    def _name(self, index: int) -> str | None:
        return None if index == NO_ANSWER else self._names[index]
