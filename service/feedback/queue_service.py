"""From a question's answer to a durable sample: the queue in which people label what is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from service.errors import NotReadyError
from service.feedback.image_storage import ImageStorage
from service.keys import Sender
from service.schemas import AnsweredBody, AnswerRequest, LabelAnswer, QuestionBody, QueueBody
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.evidence import questions
from store.predictions.predictions import newest_prediction
from store.samples.label_rules import nearest_class
from store.samples.new_samples import NewSample
from store.samples.samples import FeedbackOutcome, add_sample
from store.samples.splits import SplitSettings, splitter
from store.versions import production_classes
from vision.errors import LabelError
from vision.labels import class_named, clean_label


@dataclass(frozen=True, slots=True)
class QueueService:
    """Shows the questions that are open, and stores their answers; what it returns is committed."""

    database: Database
    blobs: BlobStore
    image_storage: ImageStorage
    split: SplitSettings
    on_outcome: Callable[[str, str], None]

    async def waiting(self, source: str, limit: int) -> QueueBody:
        """Return the questions that a source did not skip, those that decide most first."""

        def work(connection: Connection) -> QueueBody:
            return QueueBody(
                questions=[
                    QuestionBody(id=question.id)
                    for question in questions.open_questions(connection, source, limit)
                ],
                num_open=questions.num_open(connection),
                classes=list(production_classes(connection) or []),
            )

        return await self.database.read_async(work)

    async def image(self, question_id: str) -> bytes:
        """Return the image that a question asks about.

        Raises:
            UnknownQuestionError: There is no such question.
            BlobMissingError: Its image is lost.
        """
        question = await self._find(question_id)
        return await self.blobs.in_thread(partial(self.blobs.get, question.sha256))

    async def answer(self, question_id: str, sent: AnswerRequest, sender: Sender) -> AnsweredBody:
        """Store a source's answer to a question, and return what became of it.

        Raises:
            UnknownQuestionError: There is no such question.
            LabelError: The label is no class; nothing is stored.
            AlreadyLabelledError: It is "none", and the image has a label.
            BlobMissingError: The image is lost.
            NotReadyError: There is no production version yet.
        """
        if isinstance(sent, LabelAnswer):
            return await self._label(question_id, sent.label, sender)
        note = questions.skip if sent.answer == "skip" else questions.answer_with_none

        def work(connection: Connection) -> AnsweredBody:
            note(connection, question_id, sender.source)
            return AnsweredBody(
                status="skipped" if sent.answer == "skip" else "none",
                sample_id=None,
                num_open=questions.num_open(connection),
            )

        return await self.database.write_async(work)

    async def _label(self, question_id: str, label: str, sender: Sender) -> AnsweredBody:
        cleaned = clean_label(label)
        phash = await self.image_storage.hash_stored((await self._find(question_id)).sha256)

        def work(connection: Connection) -> tuple[FeedbackOutcome, int]:
            outcome = self._store(connection, question_id, cleaned, sender, phash)
            return outcome, questions.num_open(connection)

        outcome, num_open = await self.database.write_async(work)
        self.on_outcome(sender.source, outcome.status)
        return AnsweredBody(status="answered", sample_id=outcome.sample_id, num_open=num_open)

    def _store(
        self, connection: Connection, question_id: str, label: str, sender: Sender, phash: int
    ) -> FeedbackOutcome:
        # Read inside the write: from here on its bytes can't be collected meanwhile.
        sha256 = questions.find_question(connection, question_id).sha256
        class_names = production_classes(connection)
        if class_names is None:
            raise NotReadyError(
                "Expected a production version, whose classes a label can name; there is none."
            )
        named = class_named(label, class_names)
        if named not in class_names:
            raise LabelError(_no_class(named, nearest_class(named, class_names)))
        logged = newest_prediction(connection, sha256)
        is_draw = splitter(connection, self.split).is_draw(sha256)
        new = NewSample(
            sha256=sha256,
            phash=phash,
            # Only here is a draw answered whatever was predicted: nobody else chose to label it.
            origin="audit" if is_draw else "volunteered",
            source=sender.source,
            is_trusted=sender.is_trusted,
            label=named,
            group=logged.group if logged else None,
            prediction_id=logged.id if logged else None,
            predicted_label=logged.label if logged else None,
        )
        return add_sample(connection, new, class_names, self.split)

    async def _find(self, question_id: str) -> questions.Question:
        return await self.database.read_async(partial(questions.find_question, question_id=question_id))


def _no_class(label: str, nearest: str | None) -> str:
    hint = f" The nearest is {nearest!r}." if nearest else ""
    return f"Expected one of the classes, found {label!r}.{hint} Nothing was stored."
