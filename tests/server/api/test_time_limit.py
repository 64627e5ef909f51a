"""A client's own limit of time: the shorter one holds, and what is no time is refused."""

from contextvars import copy_context

import pytest

from optiq_server.api.time_limit import time_limit
from optiq_server.errors import InvalidRequest
from optiq_server.request_context import RequestContext, enter
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies

_CHAT = "/v1/chat/completions"
_BODY = {"messages": [{"role": "user", "content": "hi"}]}


def _limit(header: str | None, servers: float = 60.0) -> float:
    def within() -> float:
        enter(RequestContext(id="r", on_finish=lambda _: None, timeout=header))
        return time_limit(servers)

    return copy_context().run(within)


@pytest.mark.parametrize(("header", "seconds"), [(None, 60.0), ("5", 5.0), ("0.5", 0.5), ("3600", 60.0)])
def test_the_shorter_limit_holds(header: str | None, seconds: float) -> None:
    assert _limit(header) == seconds


@pytest.mark.parametrize("header", ["", "soon", "0", "-1", "inf", "nan"])
def test_what_is_no_time_is_refused_by_name(header: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        _limit(header)

    assert caught.value.param == "x-request-timeout"
    assert repr(header) in caught.value.message


def test_outside_a_request_the_servers_holds() -> None:
    assert time_limit(60.0) == 60.0


async def test_a_reply_that_takes_longer_than_its_client_waits_is_504(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with serve(lambda: scripted(lambda _: replies.endless_final())) as server:
        late = await server.http.post(_CHAT, json=_BODY, headers={"x-request-timeout": "0.000001"})
        wrong = await server.http.post(_CHAT, json=_BODY, headers={"x-request-timeout": "soon"})

        assert server.engine.open_generations == 0
    assert (late.status_code, late.json()["error"]["code"]) == (504, "timeout")
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "x-request-timeout")
