"""What is known of the HTTP request that is being answered, wherever its answer is made.

It is a context variable, so that a log line deep inside has the request's id without being handed it.
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""What may stand in a log line and in a header as it is."""

_current: ContextVar["RequestContext"] = ContextVar("request")


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """Grows while the request is answered.

    `timeout` is the header `x-request-timeout` as it was sent, `reply_id` the id in the answer's body.
    `finishes` has one word for each reply that was begun, which is how it ended; samples of one prompt count
    it once. `on_finish` is told each of them at once: a background response ends long after its request.
    """

    id: str
    on_finish: Callable[[str], None]
    timeout: str | None = None
    reply_id: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    finishes: list[str] = field(default_factory=list)

    def finish(self, how: str) -> None:
        """One more reply has ended."""
        self.finishes.append(how)
        self.on_finish(how)


def enter(request: RequestContext) -> None:
    """Everything that this task does from now on, and every task that it starts, belongs to `request`."""
    _current.set(request)


def current_request() -> RequestContext | None:
    return _current.get(None)


def current_request_id() -> str | None:
    request = current_request()
    return None if request is None else request.id


def is_sane_id(text: str) -> bool:
    return _SANE_ID.fullmatch(text) is not None
