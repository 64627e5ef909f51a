"""Asks any OpenAI-compatible server, over HTTP as a client does. It knows no suite and keeps no answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from optiq_server.evaluation.completion import Generation, read_completion, request_body
from optiq_server.evaluation.errors import NoAnswer, ServerUnusable
from optiq_server.evaluation.patience import PASSING_STATUSES, Patience, retry_after_seconds
from optiq_server.evaluation.suite import Answer, Item, JsonObject

_CONNECT_SECONDS = 10.0
_ERROR_LENGTH = 300


@asynccontextmanager
async def open_http(base_url: str, api_key: str | None, concurrency: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client for `base_url`. It sets no limit to the time of a reply: an item's deadline does."""
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
    base = base_url.rstrip("/") + "/"
    # A proxy from the environment would stand between us and a server on this machine.
    async with httpx.AsyncClient(
        base_url=base, headers=headers, limits=limits, timeout=timeout, trust_env=False
    ) as http:
        yield http


async def served_model(http: httpx.AsyncClient) -> str:
    """The first model that the server lists. Raises ServerUnusable."""
    try:
        response = await http.get("models", timeout=_CONNECT_SECONDS)
        response.raise_for_status()
        return str(response.json()["data"][0]["id"])
    except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ServerUnusable(
            f"{http.base_url}models does not tell which model is served ({error!r}): "
            "start the server, correct --base-url, or name the model with --served-model"
        ) from error


class ChatClient:
    """Asks items by `POST chat/completions`, and again while the failure may pass."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        generation: Generation,
        patience: Patience,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._generation = generation
        self._patience = patience
        self._sleep = sleep

    async def ask(
        self, item: Item, added: Sequence[JsonObject] = (), earlier: tuple[Answer, ...] = ()
    ) -> Answer:
        """The answer to `item` with the messages `added`. Raises NoAnswer."""
        body = request_body(item, added, self._generation)
        for failed in range(1, self._patience.attempts + 1):
            started = time.monotonic()
            try:
                response = await self._http.post("chat/completions", json=body)
            except httpx.TransportError as error:
                reason, retry_after = repr(error), None
            else:
                if response.status_code not in PASSING_STATUSES:
                    return _read(response, time.monotonic() - started, earlier)
                reason = _refusal(response)
                retry_after = retry_after_seconds(response.headers.get("retry-after"), datetime.now(UTC))
            if failed < self._patience.attempts:
                await self._sleep(self._patience.pause(failed, retry_after))
        raise NoAnswer(f"no answer in {self._patience.attempts} attempts; the last one: {reason}")


def _read(response: httpx.Response, seconds: float, earlier: tuple[Answer, ...]) -> Answer:
    if response.is_error:
        raise NoAnswer(_refusal(response))
    try:
        body: Any = response.json()
    except ValueError as error:
        raise NoAnswer(f"the server's body is no JSON: {response.text[:_ERROR_LENGTH]!r}") from error
    return read_completion(body, seconds=seconds, earlier=earlier)


def _refusal(response: httpx.Response) -> str:
    return f"HTTP {response.status_code}: {response.text[:_ERROR_LENGTH]}"
