"""Around the application: each request has an id, is counted, and leaves one line in the log.

Plain ASGI, because a middleware that wraps responses would stand between a stream and its client. It never
sees a body.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optiq_server.metrics import Metrics
from optiq_server.request_context import RequestContext, enter, is_sane_id

logger = logging.getLogger(__name__)

_UNANSWERED = 500
"""What the server itself answers where the application sent nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLog:
    """`app` with ids, figures and lines. `new_id` makes a request's id where the client sent none."""

    app: ASGIApp
    metrics: Metrics
    new_id: Callable[[], str]
    clock: Callable[[], float] = time.monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = self._request(Headers(scope=scope))
        # Never left: the server's own line about an application that failed has the id, too.
        enter(request)
        started = self.clock()
        status = _UNANSWERED

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request.id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            self._conclude(scope, request, status, self.clock() - started)

    def _request(self, headers: Headers) -> RequestContext:
        asked = headers.get("x-request-id", "")
        request_id = asked if is_sane_id(asked) else self.new_id()
        return RequestContext(
            id=request_id, on_finish=self.metrics.count_reply, timeout=headers.get("x-request-timeout")
        )

    def _conclude(self, scope: Scope, request: RequestContext, status: int, seconds: float) -> None:
        self.metrics.count_request(endpoint=_endpoint(scope), status=status)
        # Escaped, so that a path cannot write lines of its own. Without the query, where secrets may stand.
        fields: dict[str, object] = {
            "method": scope["method"],
            "path": quote(scope["path"]),
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
        }
        if request.finishes:
            fields |= {
                "reply": request.reply_id,
                "prompt_tokens": request.prompt_tokens,
                "cached_tokens": request.cached_tokens,
                "completion_tokens": request.completion_tokens,
                "finish": _in_brief(request.finishes),
            }
        logger.info("%s", _line(fields), extra={"fields": fields})


def _endpoint(scope: Scope) -> str:
    """The route that took the request; there are few of them, whatever paths are asked for."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "other"


def _in_brief(finishes: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(finishes))


def _line(fields: dict[str, object]) -> str:
    method, path, status, milliseconds, *rest = fields.items()
    head = f"{method[1]} {path[1]} {status[1]} {milliseconds[1]} ms"
    return " ".join([head, *(f"{name}={value}" for name, value in rest)])
