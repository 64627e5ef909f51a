"""Ids, counts and one line a request, around any ASGI application."""

import logging
from collections.abc import Iterable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Receive, Scope, Send

from optiq_server.access import AccessLog
from optiq_server.engine.stats import EngineStatus, Snapshot
from optiq_server.engine.types import EngineLimits, EngineState
from optiq_server.metrics import Metrics
from optiq_server.request_context import RequestContext, current_request
from tests.engine.doubles import Clock
from tests.server.asgi import ScriptedClient

_STATUS = EngineStatus(
    state=EngineState.READY, model=None, limits=EngineLimits(), now=0.0, uptime=0.0, snapshot=Snapshot()
)


class _Route:
    path = "/v1/things/{name}"


class _Application:
    """Answers 201 in two parts, and keeps what it knew of the request."""

    def __init__(self, clock: Clock, finishes: Iterable[str] = ()) -> None:
        self._clock = clock
        self._finishes = finishes
        self.request: RequestContext | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request = current_request()
        scope["route"] = _Route()
        await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b")]})
        self._clock.now += 0.25
        if self.request is not None:
            self.request.prompt_tokens, self.request.completion_tokens = 7, 5
            for finish in self._finishes:
                self.request.finish(finish)
        await send({"type": "http.response.body", "body": b"x"})


async def _answer(
    app: _Application,
    clock: Clock,
    *,
    headers: Iterable[tuple[bytes, bytes]] = (),
    path: str = "/v1/things/a",
) -> tuple[ScriptedClient, Metrics]:
    client, metrics = ScriptedClient(), Metrics()
    around = AccessLog(app=app, metrics=metrics, new_id=lambda: "req_new", clock=clock)
    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
    await around(scope, client.receive, client.send)
    return client, metrics


def _counts(metrics: Metrics, family: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.exposition(_STATUS).decode())
    return {
        tuple(sample.labels.values()): sample.value
        for each in families
        for sample in each.samples
        if sample.name == f"optiq_{family}_total"
    }


@pytest.mark.parametrize(
    ("sent", "told"),
    [(None, b"req_new"), (b"mine-1", b"mine-1"), (b"not sane", b"req_new"), (b"", b"req_new")],
)
async def test_an_answer_carries_the_clients_id_or_a_new_one(sent: bytes | None, told: bytes) -> None:
    clock = Clock()
    app = _Application(clock)

    client, _ = await _answer(app, clock, headers=[] if sent is None else [(b"x-request-id", sent)])

    assert client.sent[0]["headers"] == [(b"a", b"b"), (b"x-request-id", told)]
    assert app.request is not None
    assert app.request.id == told.decode()


async def test_a_request_leaves_one_line_with_what_is_known(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()

    await _answer(_Application(clock, ["stop", "stop", "length"]), clock)

    (record,) = caplog.records
    assert record.getMessage() == (
        "POST /v1/things/a 201 250.0 ms reply=None prompt_tokens=7 cached_tokens=0 completion_tokens=5 "
        "finish=stop,length"
    )
    assert record.__dict__["fields"]["milliseconds"] == 250.0


async def test_a_request_without_a_reply_says_nothing_of_tokens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()

    await _answer(_Application(clock), clock)

    assert caplog.messages == ["POST /v1/things/a 201 250.0 ms"]


async def test_a_path_writes_no_lines_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()

    await _answer(_Application(clock), clock, path="/x\nERROR forged")

    assert caplog.messages == ["POST /x%0AERROR%20forged 201 250.0 ms"]


async def test_requests_are_counted_by_route_and_replies_by_their_end() -> None:
    clock = Clock()

    _, metrics = await _answer(_Application(clock, ["stop", "cancelled"]), clock)

    assert _counts(metrics, "requests") == {("/v1/things/{name}", "201"): 1.0}
    assert _counts(metrics, "replies") == {("stop",): 1.0, ("cancelled",): 1.0}


async def test_an_application_that_fails_is_counted_and_its_error_goes_on() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    client, metrics = ScriptedClient(), Metrics()
    around = AccessLog(app=broken, metrics=metrics, new_id=lambda: "req_new")

    with pytest.raises(ZeroDivisionError):
        await around(
            {"type": "http", "method": "GET", "path": "/", "headers": []}, client.receive, client.send
        )

    assert _counts(metrics, "requests") == {("other", "500"): 1.0}


async def test_what_is_no_request_passes_through() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    client = ScriptedClient()

    await AccessLog(app=app, metrics=Metrics(), new_id=str)({"type": "lifespan"}, client.receive, client.send)

    assert seen == ["lifespan"]
