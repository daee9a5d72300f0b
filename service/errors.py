"""Errors of the service, and the one table that turns any error of ours into a status.

ServiceError
├── MalformedRequestError     400  the request can't be read as what the route takes
├── UnauthorizedError         401  no key, or an unknown one
├── ForbiddenError            403  a key without the scope, a foreign Origin or Host
├── BodyTooLargeError         413  too many bytes in one request
├── TooManyImagesError        413  too many images in one request
├── NotAnImageTypeError       415  a content type that is no image's
├── BusyError                 429  too many images are waiting
├── ClientGoneError           499  the client has hung up
├── NotReadyError             503  no version is loaded yet
└── KeysError                 503  the keys file, a name or a scope is not as it must be
"""

from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse

from store import errors as store_errors
from vision import errors as vision_errors

RETRY_SECONDS = 1


class ServiceError(Exception):
    """Any error of the service's own."""


class MalformedRequestError(ServiceError):
    """The request can't be read as what the route takes."""


class UnauthorizedError(ServiceError):
    """There is no key, or an unknown one."""


class ForbiddenError(ServiceError):
    """The key lacks the scope, or the request came from a foreign place."""


class BodyTooLargeError(ServiceError):
    """The body is over the limit."""


class TooManyImagesError(ServiceError):
    """One request holds more images than are answered at once."""


class NotAnImageTypeError(ServiceError):
    """The content type is not an image's."""


class BusyError(ServiceError):
    """Too many images are waiting."""


class ClientGoneError(ServiceError):
    """The client has hung up; nobody will read the answer."""


class NotReadyError(ServiceError):
    """No version is loaded yet."""


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


_IMAGE_REMEDY = "Send a JPEG, PNG or WebP image, as image/jpeg, image/png, image/webp or multipart/form-data."
_GONE_REMEDY = "Send the image with the label instead."
_STORE_REMEDY = "Free disk space or mend the database; nothing was stored. Then send it again."
_UNAVAILABLE = Answer(503, "store_unavailable", _STORE_REMEDY)
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
        403, "forbidden", "Use a key with the scope that the route needs, from an allowed place."
    ),
    BodyTooLargeError: Answer(413, "too_large", "Send a smaller image, or fewer images at once."),
    TooManyImagesError: Answer(413, "too_many_images", "Send fewer images at once."),
    NotAnImageTypeError: Answer(415, "not_an_image_type", _IMAGE_REMEDY),
    BusyError: Answer(429, "too_many_requests", "Wait as long as Retry-After says, then send it again."),
    ClientGoneError: Answer(499, "client_gone", "Stay connected until the answer."),
    NotReadyError: Answer(503, "not_ready", "Wait until /readyz answers 200, then send it again."),
    KeysError: Answer(503, "keys_unreadable", "Mend or remove the keys file that PERENNIAL_KEYS names."),
    vision_errors.EmptyImageError: Answer(422, "empty_image", _IMAGE_REMEDY),
    vision_errors.NotAnImageError: Answer(415, "not_an_image", _IMAGE_REMEDY),
    vision_errors.UndecodableImageError: Answer(
        422, "undecodable_image", "Send a whole, still JPEG, PNG or WebP image."
    ),
    vision_errors.TooManyBytesError: Answer(413, "too_large", "Send a smaller image."),
    vision_errors.TooManyPixelsError: Answer(413, "too_many_pixels", "Scale the image down, then send it."),
    vision_errors.LabelError: Answer(
        422, "invalid_label", "Send one of the class names that /v1/status lists."
    ),
    store_errors.UnknownPredictionError: Answer(404, "unknown_prediction", _GONE_REMEDY),
    store_errors.UnknownSampleError: Answer(404, "unknown_sample", "Use a sample_id that feedback answered."),
    store_errors.UnknownVersionError: Answer(404, "unknown_version", "GET /v1/models lists the versions."),
    store_errors.UnknownRoundError: Answer(404, "unknown_round", "GET /v1/rounds lists the rounds."),
    store_errors.PredictionGoneError: Answer(410, "prediction_gone", _GONE_REMEDY),
    store_errors.BlobMissingError: Answer(410, "image_gone", "Send the image itself."),
    store_errors.CorruptBlobError: Answer(410, "image_gone", "Send the image itself."),
    store_errors.VersionRetiredError: Answer(410, "version_retired", "Promote a version that has its files."),
    store_errors.RoundInProgressError: Answer(409, "round_in_progress", "Wait for it to end, or cancel it."),
    store_errors.IllegalTransitionError: Answer(409, "conflict", "GET /v1/rounds tells the round's state."),
    store_errors.ChampionChangedError: Answer(409, "production_changed", "Look at /v1/models, decide again."),
    store_errors.AcrossLineagesError: Answer(409, "across_lineages", "Send force=true if that is meant."),
    store_errors.NoPredecessorError: Answer(
        409, "no_predecessor", "Promote a version of /v1/models instead."
    ),
    store_errors.FencedError: Answer(409, "conflict", "Look at the state, then try again."),
    store_errors.DatabaseUnavailableError: _UNAVAILABLE,
    store_errors.BlobsUnavailableError: Answer(503, "storage_unavailable", _STORE_REMEDY),
    store_errors.DatabaseClosedError: Answer(503, "stopping", "The server is stopping; send it again soon."),
    # A full or read-only disk, under uploads that are put aside for instance.
    OSError: Answer(503, "storage_unavailable", _STORE_REMEDY),
}

# Of a web framework's own errors only the status is known.
_BY_STATUS: dict[int, Answer] = {
    400: _MALFORMED,
    404: Answer(404, "unknown_route", "/openapi.json lists the routes."),
    405: Answer(405, "method_not_allowed", "/openapi.json lists the methods of each route."),
}


def answer_for(error: Exception) -> Answer:
    """Return how to answer an error: by its class, or by the nearest of its base classes in the table."""
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
    message = "Something unforeseen went wrong." if answer is _UNEXPECTED else str(error)
    return envelope(answer.code, message, answer.remedy)


def response_for(error: Exception) -> JSONResponse:
    """Return the response to an error: its status, its headers and its body."""
    answer = answer_for(error)
    return JSONResponse(body_for(error), answer.status, answer.headers)
