"""What the HTTP interface answers when it cannot do what was asked. Knows no framework.

ApiError                     status, and the four fields of OpenAI's error object
├── InvalidRequest           400  a field is missing, wrong or not supported; `param` names it
├── Unauthorized             401  the server has a key, and the request has not
├── Forbidden                403  not to this client, whatever it sends
├── NotFound                 404  no such route, or no such model
├── MethodNotAllowed         405
├── Conflict                 409  not now: something else is in the way
├── PayloadTooLarge          413
├── UnsupportedMediaType     415
├── Overloaded               429  the queue is full; carries `retry_after`
├── Cancelled                499  another request ended this one
├── InternalFailure          500  a fault of ours; the message tells nothing of our insides
├── Unavailable              503  the model is loading, failed, or going away; carries `retry_after`
└── TimedOut                 504  the request's time limit ran out

StartFailed                  `optiq serve` cannot start; the message is one line for the user
EngineDied                   it cannot go on; the same
"""

from typing import ClassVar


class ApiError(Exception):
    """Base of all answers that are errors; never raised itself.

    `param` is the field at fault as OpenAI writes it (`messages[2].content`), `code` a stable word for
    programs, `retry_after` seconds after which trying again makes sense.
    """

    status: ClassVar[int]
    type: ClassVar[str] = "invalid_request_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after


class InvalidRequest(ApiError):
    """The request itself is wrong; sending it again cannot help."""

    status = 400


class Unauthorized(ApiError):
    """The request does not carry this server's key."""

    status = 401


class Forbidden(ApiError):
    """This client may not do that, whatever it sends."""

    status = 403


class NotFound(ApiError):
    """There is nothing at this path."""

    status = 404


class MethodNotAllowed(ApiError):
    """The path exists, for another method."""

    status = 405


class Conflict(ApiError):
    """Something that is there, or runs, is in the way."""

    status = 409


class PayloadTooLarge(ApiError):
    """The body has more bytes than are read."""

    status = 413


class UnsupportedMediaType(ApiError):
    """The body is not declared as JSON."""

    status = 415


class Overloaded(ApiError):
    """Too many requests are waiting."""

    status = 429
    type = "rate_limit_error"


class Cancelled(ApiError):
    """The reply was ended on request; nginx's status, which no client takes as a call to try again."""

    status = 499
    type = "cancelled"


class InternalFailure(ApiError):
    """Something of ours broke at this request."""

    status = 500
    type = "server_error"


class Unavailable(ApiError):
    """The model cannot answer now."""

    status = 503
    type = "server_error"


class TimedOut(ApiError):
    """The reply took longer than the server allows."""

    status = 504
    type = "server_error"


class StartFailed(Exception):
    """The server cannot start; the text is the one line that the user reads."""


class EngineDied(Exception):
    """Nothing computes any more, so the server has stopped; `reason` is one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the engine died, so the server has stopped: {self.reason}"
