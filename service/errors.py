"""Errors of the service, and the one table that turns any error of ours into a status.

ServiceError
├── MalformedRequestError     400  the request can't be read as what the route takes
├── UnauthorizedError         401  no key, or an unknown one
├── ForbiddenError            403  a key without the scope
│   ├── ForeignHostError      403  the request names another server
│   └── ForeignOriginError    403  the request comes from another server's page
├── RequestTimeoutError       408  the client takes too long to send its request
├── BodyTooLargeError         413  too many bytes in one request
├── TooManyImagesError        413  too many images in one request
├── NotAnImageTypeError       415  a content type that can't hold several images
├── BusyError                 429  too many images are waiting
├── HeadTooLargeError         431  too many bytes before the body
├── ClientGoneError           499  the client has hung up
├── NotReadyError             503  no version is loaded yet
├── AnswerTimeoutError        503  the answer takes too long
└── KeysError                 503  the keys file, a name or a scope is not as it must be
"""

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from store import errors as store_errors
from store.durable import FULL
from vision import errors as vision_errors

RETRY_SECONDS = 1


class ServiceError(Exception):
    """Any error of the service's own."""


class MalformedRequestError(ServiceError):
    """The request can't be read as what the route takes."""


class UnauthorizedError(ServiceError):
    """There is no key, or an unknown one."""


class ForbiddenError(ServiceError):
    """The key lacks the scope."""


class ForeignHostError(ForbiddenError):
    """The request's Host is none of this server's names."""


class ForeignOriginError(ForbiddenError):
    """The request comes from the page of another server."""


class RequestTimeoutError(ServiceError):
    """The client takes too long to send its request."""


class BodyTooLargeError(ServiceError):
    """The body is over the limit."""


class TooManyImagesError(ServiceError):
    """One request holds more images, or larger ones, than are answered at once."""


class NotAnImageTypeError(ServiceError):
    """The content type can't hold several images."""


class BusyError(ServiceError):
    """Too many images are waiting."""


class HeadTooLargeError(ServiceError):
    """A request's line and headers are over the limit."""


class ClientGoneError(ServiceError):
    """The client has hung up; nobody will read the answer."""


class NotReadyError(ServiceError):
    """No version is loaded yet."""


class AnswerTimeoutError(ServiceError):
    """The answer takes too long."""


class KeysError(ServiceError):
    """The keys file, a name or a scope is not as it must be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an error is answered."""

    status: int
    code: str
    remedy: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that go with the status."""
        if self.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {"Retry-After": str(RETRY_SECONDS)} if self.status in (429, 503) else {}


_IMAGE_REMEDY = (
    "Send the bytes of a JPEG, PNG, WebP or AVIF: curl --data-binary @FILE, "
    "or as a part: curl -F image=@FILE."
)
_GONE_REMEDY = "Send the image with the label instead."
_NOTHING = "Nothing was stored; send it again then."
_DISK_FULL = Answer(503, "disk_full", f"Free disk space on the server. {_NOTHING}")
_DISK_FAILED = Answer(503, "storage_unavailable", f"Look at the server's log, and mend it. {_NOTHING}")
_UNEXPECTED = Answer(500, "internal", "Report it with the server's log; nothing was acknowledged.")
_MALFORMED = Answer(400, "malformed", "Send what /openapi.json describes for this route.")

_ANSWERS: dict[type[Exception], Answer] = {
    MalformedRequestError: _MALFORMED,
    UnauthorizedError: Answer(
        401,
        "unauthorized",
        "Send 'Authorization: Bearer KEY'; 'perennial keys add NAME --scope …' makes one.",
    ),
    ForbiddenError: Answer(
        403, "forbidden", "Use a key with that scope; 'perennial keys add NAME --scope …' makes one."
    ),
    ForeignHostError: Answer(
        403,
        "forbidden",
        "Ask by the server's address; or make a key, set PERENNIAL_ALLOWED_HOSTS to the name, and restart.",
    ),
    ForeignOriginError: Answer(
        403,
        "forbidden",
        "If that page may ask, add its Origin to PERENNIAL_ALLOWED_ORIGINS, and restart the server.",
    ),
    RequestTimeoutError: Answer(
        408, "request_timeout", "Send the request at once; over a slow connection send a smaller image."
    ),
    BodyTooLargeError: Answer(
        413, "too_large", "Send a smaller image, fewer images at once, or a shorter text."
    ),
    TooManyImagesError: Answer(413, "too_many_images", "Send fewer or smaller images at once."),
    NotAnImageTypeError: Answer(
        415, "not_an_image_type", "Send the images as parts: curl -F images=@FILE -F images=@FILE."
    ),
    BusyError: Answer(429, "too_many_requests", "Wait as long as Retry-After says, then send it again."),
    HeadTooLargeError: Answer(431, "head_too_large", "Send a shorter address, and fewer or shorter headers."),
    ClientGoneError: Answer(499, "client_gone", "Stay connected until the answer."),
    NotReadyError: Answer(
        503, "not_ready", "Mend what the message names, if anything; send it again once /readyz answers 200."
    ),
    AnswerTimeoutError: Answer(
        503, "answer_timeout", "Send it again when the server has less to do; look at its log."
    ),
    KeysError: Answer(503, "keys_unreadable", "Mend or remove the keys file that PERENNIAL_KEYS names."),
    vision_errors.EmptyImageError: Answer(422, "empty_image", _IMAGE_REMEDY),
    vision_errors.NotAnImageError: Answer(415, "not_an_image", f"Convert it, if it is one. {_IMAGE_REMEDY}"),
    vision_errors.UndecodableImageError: Answer(
        422, "undecodable_image", "Send a whole, still JPEG, PNG, WebP or AVIF image."
    ),
    vision_errors.TooManyBytesError: Answer(413, "too_large", "Send a smaller image."),
    vision_errors.TooManyPixelsError: Answer(413, "too_many_pixels", "Scale the image down, then send it."),
    vision_errors.LabelError: Answer(
        422, "invalid_label", "Send one of the class names that /v1/status lists."
    ),
    store_errors.UnknownPredictionError: Answer(404, "unknown_prediction", _GONE_REMEDY),
    store_errors.UnknownSampleError: Answer(404, "unknown_sample", "Use a sample_id that feedback answered."),
    store_errors.UnknownQuestionError: Answer(404, "unknown_question", "GET /v1/queue lists the open ones."),
    store_errors.UnknownDisputeError: Answer(404, "unknown_dispute", "GET /v1/disputes lists the disputes."),
    store_errors.UnknownAlarmError: Answer(404, "unknown_alarm", "GET /v1/alarms lists the alarms."),
    store_errors.AlarmEndedError: Answer(409, "alarm_ended", "GET /v1/alarms tells the alarm's state."),
    store_errors.UnknownSourceError: Answer(404, "unknown_source", "GET /v1/sources lists the sources."),
    store_errors.SourceNotQuarantinedError: Answer(
        409, "not_quarantined", "GET /v1/sources tells which sources are quarantined."
    ),
    store_errors.UnknownClassError: Answer(
        422, "invalid_label", "Send one of the class names that /v1/status lists."
    ),
    store_errors.UnknownLabelError: Answer(
        404, "unknown_label", "GET /v1/classes lists the labels that wait."
    ),
    store_errors.KnownClassError: Answer(
        409, "known_class", "GET /v1/classes lists the labels that wait, and the classes."
    ),
    store_errors.UnknownVersionError: Answer(404, "unknown_version", "GET /v1/models lists the versions."),
    store_errors.UnknownRoundError: Answer(404, "unknown_round", "GET /v1/rounds lists the rounds."),
    store_errors.PredictionGoneError: Answer(410, "prediction_gone", _GONE_REMEDY),
    store_errors.BlobMissingError: Answer(410, "image_gone", "Send the image itself."),
    store_errors.CorruptBlobError: Answer(410, "image_gone", "Send the image itself."),
    store_errors.VersionRetiredError: Answer(410, "version_retired", "Promote a version that has its files."),
    store_errors.AlreadyLabelledError: Answer(409, "already_labelled", "Answer with the right label."),
    store_errors.RoundInProgressError: Answer(409, "round_in_progress", "Wait for it to end, or cancel it."),
    store_errors.IllegalTransitionError: Answer(409, "conflict", "GET /v1/rounds tells the round's state."),
    store_errors.ChampionChangedError: Answer(409, "production_changed", "Look at /v1/models, decide again."),
    store_errors.AcrossLineagesError: Answer(409, "across_lineages", "Send force=true if that is meant."),
    store_errors.NoPredecessorError: Answer(
        409, "no_predecessor", "Promote a version of /v1/models instead."
    ),
    store_errors.FencedError: Answer(409, "conflict", "Look at the state, then try again."),
    store_errors.DatabaseUnavailableError: Answer(
        503, "store_unavailable", f"Look at the server's log, and mend the database. {_NOTHING}"
    ),
    store_errors.DatabaseFullError: _DISK_FULL,
    store_errors.DatabaseLockedError: Answer(
        503, "database_locked", f"Wait until the program that holds its lock ends. {_NOTHING}"
    ),
    store_errors.DatabaseAwayError: Answer(
        503, "database_away", f"Start the database, or mend the way to it. {_NOTHING}"
    ),
    store_errors.DatabaseReadOnlyError: Answer(
        503, "database_read_only", f"Make the database writable. {_NOTHING}"
    ),
    store_errors.DatabaseDamagedError: Answer(
        503, "database_damaged", f"Restore a backup with 'perennial restore'. {_NOTHING}"
    ),
    store_errors.DatabaseRemovedError: Answer(
        503, "database_removed", f"Put the database back, and start the server again. {_NOTHING}"
    ),
    store_errors.BlobsUnavailableError: _DISK_FAILED,
    store_errors.BlobsFullError: _DISK_FULL,
    store_errors.BlobsReadOnlyError: Answer(
        503, "storage_read_only", f"Make the folder or the bucket of images writable. {_NOTHING}"
    ),
    store_errors.BucketAwayError: Answer(
        503, "storage_away", f"Mend the way to the bucket of images. {_NOTHING}"
    ),
    store_errors.DatabaseClosedError: Answer(503, "stopping", "The server is stopping; send it again soon."),
    OSError: _DISK_FAILED,
}

# Of a web framework's own errors only the status is known.
_BY_STATUS: dict[int, Answer] = {
    400: _MALFORMED,
    404: Answer(404, "unknown_route", "/openapi.json lists the routes."),
    405: Answer(405, "method_not_allowed", "/openapi.json lists the methods of each route."),
}


def answer_for(error: Exception) -> Answer:
    """Return how to answer an error: by its class, or by the nearest of its base classes in the table."""
    # Under uploads that are put aside, for instance.
    if isinstance(error, OSError) and error.errno in FULL:
        return _DISK_FULL
    for cls in type(error).__mro__:
        if cls in _ANSWERS:
            return _ANSWERS[cls]
    return _UNEXPECTED


def answer_for_status(status: int) -> Answer:
    """Return how to answer where a web framework chose the status."""
    return _BY_STATUS.get(status) or Answer(status, f"http_{status}", _MALFORMED.remedy)


def envelope(code: str, message: str, remedy: str) -> dict[str, Any]:
    """Return the one shape of every error's body."""
    return {"error": {"code": code, "message": message, "remedy": remedy}}


def body_for(error: Exception) -> dict[str, Any]:
    """Return the body of an error's answer; an unexpected error is described in the log alone."""
    answer = answer_for(error)
    message = str(error)
    if answer is _UNEXPECTED:
        message = "Something unforeseen went wrong."
    elif isinstance(error, OSError):
        # Without the path that the system names.
        message = f"Expected to use a file of the server, found: {error.strerror or 'an error of the disk'}."
    return envelope(answer.code, message, answer.remedy)


def response_for(error: Exception) -> JSONResponse:
    """Return the response to an error: its status, its headers and its body."""
    answer = answer_for(error)
    return JSONResponse(body_for(error), answer.status, answer.headers)
