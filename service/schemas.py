"""What requests hold and what answers hold."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from monitoring.answers.answer import UtcTime
from monitoring.answers.status import Pause
from vision.labels import is_printable


def _printable(text: str) -> str:
    if not is_printable(text):
        raise ValueError("expected visible characters, found an invisible one")
    return text.strip()


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ErrorDetail(_Strict):
    """What went wrong, and what to do."""

    code: str
    message: str
    remedy: str


class ErrorBody(_Strict):
    """The one shape of every error."""

    error: ErrorDetail


class ClassConfidence(_Strict):
    """One class with its probability."""

    label: str
    confidence: float


class PredictionBody(_Strict):
    """One prediction."""

    prediction_id: str
    label: str
    confidence: float
    top: list[ClassConfidence]
    model_version: str


class PredictionsBody(_Strict):
    """Predictions in the order of the images, a bad image being an error in its own place."""

    predictions: list[PredictionBody | ErrorBody]


class FeedbackRequest(_Strict):
    """A label for an earlier prediction."""

    prediction_id: str
    # Its length is judged later, with a message that says so.
    label: str


class FeedbackBody(_Strict):
    """What became of a label; the nearest class is named where nobody knows the label."""

    sample_id: int
    status: Literal["accepted", "duplicate", "corrected", "conflict", "quarantined"] = Field(
        description="accepted: a new sample. duplicate: nothing changed. corrected: this source gave another "
        "label before, or there was none in force. conflict: it differs from a trusted label, which stays in "
        "force, or from that of another source; a person settles it. quarantined: production knows no such "
        "class, or a person quarantined this source. Where untrusted sources differ, and in quarantine, a "
        "sample is not learnt from."
    )
    num_pending: int = Field(description="Samples that production has not seen; enough begin a round.")
    nearest_class: str | None = Field(
        default=None, description="Where the label is no class: the class that is spelt most like it."
    )


class QuestionBody(_Strict):
    """An image whose label is wanted."""

    id: str


class QueueBody(_Strict):
    """What to label next, and the classes to choose from."""

    questions: list[QuestionBody]
    num_open: int = Field(description="How many there are, beyond those listed too.")
    classes: list[str]


class LabelAnswer(_Strict):
    """The class that an image shows."""

    # Its length is judged later, with a message that says so.
    label: str


class OtherAnswer(_Strict):
    """That a question is left to others, or that none of the classes is right."""

    answer: Literal["skip", "none"]


AnswerRequest = LabelAnswer | OtherAnswer


class AnsweredBody(_Strict):
    """What became of an answer."""

    status: Literal["answered", "skipped", "none"]
    sample_id: int | None = Field(description="The sample that the label is of; null without a label.")
    num_open: int = Field(description="Questions that are still open.")


Reason = Annotated[str, Field(max_length=1000), AfterValidator(_printable)]


class ReasonRequest(_Strict):
    """Why something is done."""

    reason: Reason = ""


class PromoteRequest(_Strict):
    """Why a version becomes production; `force` allows one that knows other classes."""

    reason: Reason = ""
    force: bool = False


class RollBackRequest(_Strict):
    """Why production goes back, and to which earlier version if not to the last one."""

    reason: Reason = ""
    to: Annotated[str | None, Field(max_length=16)] = None
    force: bool = False


class SettleRequest(_Strict):
    """The label that a person decides on."""

    label: Annotated[str, Field(max_length=1000)]


class MergeRequest(_Strict):
    """The class, or other label, that a label means."""

    into: Annotated[str, Field(max_length=1000)]


class MoveBody(_Strict):
    """Where production was, where it is now, and why; `learning_paused` shows whether learning now waits."""

    from_version: str | None
    to_version: str
    reason: str
    actor: str
    created: UtcTime
    learning_paused: bool


class LearningBody(_Strict):
    """Whether learning waits for a person; null where it goes on by itself."""

    paused: Pause | None


class LivenessBody(_Strict):
    """That the process is alive."""

    alive: bool


class ReadinessBody(_Strict):
    """That requests should be sent here."""

    ready: bool


class DeletedSampleBody(_Strict):
    """What went with a sample, and which versions saw it."""

    sample_id: int
    versions: list[str]
    num_blobs_deleted: int


class DeletedPredictionBody(_Strict):
    """What went with a prediction; the sample made from it stays, with the versions that saw it."""

    prediction_id: str
    sample_id: int | None
    versions: list[str]
    num_blobs_deleted: int
