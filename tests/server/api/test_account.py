"""What the log keeps of a request: over a real socket, by the lines that come of it."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from datetime import date
from typing import NoReturn

import pytest

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.conversation import Conversation
from optiq_harmony.tokens import ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.scripted_backend import FaultStage, Script
from optiq_server.logs import TextFormatter
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies, unhurried

_CHAT = "/v1/chat/completions"
_SECRET = "heliotrope"
_BODY = {"messages": [{"role": "user", "content": f"say {_SECRET}"}]}


@pytest.fixture(name="log", autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    # Its lines repeat every chunk; `configure_logging` silences it, and is tested for that.
    caplog.set_level(logging.INFO, logger="sse_starlette")
    return caplog


def _fields(log: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [record.__dict__["fields"] for record in log.records if record.name == "optiq_server.access"]


async def _until(holds: Callable[[], bool]) -> None:
    """The limit is for a broken server; a working one is here at once."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "body"])
async def test_a_reply_is_one_line_with_its_tokens_and_its_end(
    serve: Serve, scripted: Scripted, replies: Replies, log: pytest.LogCaptureFixture, *, stream: bool
) -> None:
    reply = replies.final(_SECRET)
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.http.post(_CHAT, json={**_BODY, "stream": stream})
        await _until(lambda: bool(_fields(log)))

    (fields,) = _fields(log)
    assert (fields["status"], fields["finish"], fields["completion_tokens"]) == (200, "stop", len(reply))
    assert fields["reply"] == "chatcmpl-0"
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "body"])
async def test_neither_the_prompt_nor_the_reply_is_in_any_line(
    serve: Serve, scripted: Scripted, replies: Replies, log: pytest.LogCaptureFixture, *, stream: bool
) -> None:
    # An unknown channel is a fault whose detail is the model's own word.
    strange = (ControlToken.CHANNEL, *replies.encode(_SECRET), ControlToken.MESSAGE, *replies.encode(_SECRET))
    scripts: list[Script | tuple[int, ...]] = [
        replies.final(_SECRET),
        strange,
        Script(tokens=strange, fault=FaultStage.SEQUENCE, fault_after=9),
    ]
    async with serve(lambda: scripted(lambda _: scripts.pop(0))) as server:
        while scripts:
            await server.http.post(_CHAT, json={**_BODY, "stream": stream})
        await server.http.post(_CHAT, json={**_BODY, "temperature": _SECRET})

    assert len(_fields(log)) == 4
    assert _SECRET not in log.text


async def test_both_are_where_the_user_asked_for_them(
    serve: Serve, scripted: Scripted, replies: Replies, log: pytest.LogCaptureFixture
) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("violet")), log_prompts=True) as server:
        await server.http.post(_CHAT, json=_BODY)

    said = [record.getMessage() for record in log.records if record.name.endswith(".transcript")]
    assert said[0].startswith("prompt: <|start|>system")
    assert said[0].endswith(f"say {_SECRET}<|end|><|start|>assistant")
    assert said[1] == "reply: <|channel|>final<|message|>violet<|return|>"


async def test_a_client_that_left_is_told_as_cancelled(
    serve: Serve, replies: Replies, log: pytest.LogCaptureFixture
) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        async with server.http.stream("POST", _CHAT, json={**_BODY, "stream": True}) as answer:
            await anext(answer.aiter_lines())
        await _until(lambda: bool(_fields(log)))

    (fields,) = _fields(log)
    assert fields["finish"] == "cancelled"


async def test_samples_share_their_prompt(
    serve: Serve, scripted: Scripted, replies: Replies, log: pytest.LogCaptureFixture
) -> None:
    reply = replies.final("hi")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.http.post(_CHAT, json={**_BODY, "n": 3})

    (fields,) = _fields(log)
    assert fields["prompt_tokens"] == answer.json()["usage"]["prompt_tokens"]
    assert (fields["completion_tokens"], fields["finish"]) == (3 * len(reply), "stop")


async def test_a_fault_is_told_with_its_cause_and_answered_without(
    serve: Serve, scripted: Scripted, replies: Replies, log: pytest.LogCaptureFixture
) -> None:
    script = Script(tokens=replies.final("hi"), fault=FaultStage.SEQUENCE)
    async with serve(lambda: scripted(lambda _: script)) as server:
        answer = await server.http.post(_CHAT, json=_BODY)

    assert answer.status_code == 500
    assert "the script fails this sequence" not in answer.text
    assert "the reply broke off: fault the script fails this sequence" in log.messages
    assert answer.headers["x-request-id"]


async def test_a_fault_of_ours_has_its_id_in_the_answer_and_in_every_line(
    serve: Serve,
    scripted: Scripted,
    vocabulary: Vocabulary,
    compiler: Future[GrammarCompiler],
    log: pytest.LogCaptureFixture,
) -> None:
    class Broken(HarmonyDialect):
        def render(self, conversation: Conversation) -> NoReturn:
            raise ZeroDivisionError

    dialect = Broken(vocabulary, current_date=date(2026, 1, 31), compiler=compiler)
    log.handler.setFormatter(TextFormatter())
    async with serve(lambda: scripted(lambda _: ()), dialect=dialect) as server:
        answer = await server.http.post(_CHAT, json=_BODY, headers={"x-request-id": "mine-1"})

    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine-1")
    assert "ERROR uvicorn.error [mine-1]: Exception in ASGI application" in log.text
    assert "INFO optiq_server.access [mine-1]: POST /v1/chat/completions 500" in log.text


async def test_the_engines_own_lines_name_the_request(
    serve: Serve, scripted: Scripted, log: pytest.LogCaptureFixture
) -> None:
    log.handler.setFormatter(TextFormatter())
    scripts = [Script(tokens=(), fault=stage) for stage in (FaultStage.INSERT, FaultStage.SEQUENCE)]
    async with serve(lambda: scripted(lambda _: scripts.pop(0))) as server:
        for request_id in ("mine-1", "mine-2"):
            await server.http.post(_CHAT, json=_BODY, headers={"x-request-id": request_id})

    assert "ERROR optiq_server.engine.worker [mine-1]: the backend refused a request" in log.text
    assert "ERROR optiq_server.engine.worker [mine-2]: a sequence failed: the script fails this" in log.text
