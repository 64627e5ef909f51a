"""Around the application: where the server has a key, a request without it gets no further.

Plain ASGI, before any body is read. The page and its parts, `/health` and `/ready` are for everyone: the page
asks its user for the key, and probes have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from optiq_server.api_key import ApiKey
from optiq_server.error_answers import error_answer
from optiq_server.errors import Unauthorized

_OPEN_PATHS = frozenset({"/", "/health", "/ready"})
_OPEN_FOLDER = "/lab/"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyGate:
    """`app` behind `key`."""

    app: ASGIApp
    key: ApiKey

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_open(scope["path"]) or self.key.is_among(_offered(scope)):
            await self.app(scope, receive, send)
            return
        refusal = Unauthorized(
            "this server wants its API key: send it as 'Authorization: Bearer KEY', or as 'x-api-key'",
            code="invalid_api_key",
        )
        answer = error_answer(Request(scope), refusal, {"WWW-Authenticate": "Bearer"})
        await answer(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)


def _offered(scope: Scope) -> Iterator[bytes]:
    """What the request's headers have in the places of a key."""
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            yield value.strip()
        elif name == b"authorization":
            scheme, _, credentials = value.partition(b" ")
            if scheme.lower() == b"bearer":
                yield credentials.strip()
