"""Asking a real server on a real socket."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.responses import PlainTextResponse, Response

from optiq_server.evaluation.client import ChatClient, open_http, served_model
from optiq_server.evaluation.completion import Generation
from optiq_server.evaluation.errors import NoAnswer, ServerUnusable
from optiq_server.evaluation.patience import Patience
from optiq_server.evaluation.suite import Item
from tests.evaluation.chat_server import MODEL, Reply, chat_server, completion, refusal

_ITEM = Item(id="1", cluster="1", messages=({"role": "user", "content": "hi"},), reference={})


class _Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@contextlib.asynccontextmanager
async def _client(base_url: str, pauses: _Pauses, *, key: str | None = None) -> AsyncIterator[ChatClient]:
    async with open_http(base_url, key, 2) as http:
        yield ChatClient(http, Generation(model="m"), Patience(attempts=3), sleep=pauses)


def _in_turn(*replies: Response) -> Reply:
    left: Iterator[Response] = iter(replies)
    return lambda _: next(left)


async def test_an_answer_comes_back_with_its_time() -> None:
    with chat_server(lambda _: completion("hello", reasoning="greet")) as server:
        async with _client(server.base_url, _Pauses(), key="secret") as client:
            answer = await client.ask(_ITEM)

    assert (answer.text, answer.reasoning, answer.completion_tokens) == ("hello", "greet", 3)
    assert answer.seconds > 0
    assert server.keys == ["Bearer secret"]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_passing_failure_is_tried_again_after_a_pause(status: int) -> None:
    pauses = _Pauses()
    with chat_server(_in_turn(refusal(status), refusal(status), completion("hello"))) as server:
        async with _client(server.base_url, pauses) as client:
            answer = await client.ask(_ITEM)

    assert answer.text == "hello"
    assert pauses == [0.5, 1.0]


async def test_the_server_says_when_to_come_again() -> None:
    pauses = _Pauses()
    with chat_server(_in_turn(refusal(429, retry_after="17"), completion("hello"))) as server:
        async with _client(server.base_url, pauses) as client:
            await client.ask(_ITEM)

    assert pauses == [17.0]


async def test_the_last_attempt_ends_without_a_pause() -> None:
    pauses = _Pauses()
    with chat_server(lambda _: refusal(503)) as server:
        async with _client(server.base_url, pauses) as client:
            with pytest.raises(NoAnswer, match=r"in 3 attempts.*HTTP 503"):
                await client.ask(_ITEM)

    assert len(server.bodies) == 3
    assert len(pauses) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_a_lasting_failure_is_not_tried_again(status: int) -> None:
    with chat_server(lambda _: refusal(status)) as server:
        async with _client(server.base_url, _Pauses()) as client:
            with pytest.raises(NoAnswer, match=f"HTTP {status}.*not now"):
                await client.ask(_ITEM)

    assert len(server.bodies) == 1


async def test_a_body_that_is_no_json_is_no_answer() -> None:
    with chat_server(lambda _: PlainTextResponse("<html>")) as server:
        async with _client(server.base_url, _Pauses()) as client:
            with pytest.raises(NoAnswer, match="no JSON"):
                await client.ask(_ITEM)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    pauses = _Pauses()
    async with _client(_nowhere(), pauses) as client:
        with pytest.raises(NoAnswer, match="in 3 attempts"):
            await client.ask(_ITEM)

    assert len(pauses) == 2


async def test_the_first_listed_model_is_the_served_one() -> None:
    with chat_server(lambda _: completion("")) as server:
        async with open_http(server.base_url, None, 1) as http:
            assert await served_model(http) == MODEL


async def test_a_server_that_lists_no_model_is_unusable() -> None:
    with chat_server(lambda _: completion("")) as server:
        async with open_http(server.base_url.removesuffix("/v1"), None, 1) as http:
            with pytest.raises(ServerUnusable, match="--base-url"):
                await served_model(http)
    async with open_http(_nowhere(), None, 1) as http:
        with pytest.raises(ServerUnusable, match="start the server"):
            await served_model(http)


def _nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
