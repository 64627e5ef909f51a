"""A server with a key, over a real socket: who gets in, and how the others are told."""

import pytest

from optiq_server.api_key import ApiKey
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies

_KEY = ApiKey("open sésame")
_CHAT = {"messages": [{"role": "user", "content": "hi"}]}


async def test_the_key_opens_in_either_header(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    async with serve(lambda: scripted(lambda _: replies.final("hi")), api_key=_KEY) as server:
        for name, value in (
            (b"authorization", b"Bearer open s\xc3\xa9same"),
            (b"authorization", b"bearer open s\xe9same"),
            (b"x-api-key", "open sésame".encode()),
        ):
            answer = await server.http.post("/v1/chat/completions", json=_CHAT, headers=[(name, value)])

            assert answer.status_code == 200, name


@pytest.mark.parametrize(
    "header",
    [None, ("authorization", "Bearer wrong"), ("authorization", "Basic open"), ("x-api-key", "open")],
)
async def test_without_it_an_answer_is_401_as_openai_writes_it(
    serve: Serve, scripted: Scripted, header: tuple[str, str] | None
) -> None:
    async with serve(lambda: scripted(lambda _: ()), api_key=_KEY) as server:
        answer = await server.http.post(
            "/v1/chat/completions", content=b"not even JSON", headers=[] if header is None else [header]
        )

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-request-id"]
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_anthropics_clients_are_told_in_their_form(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ()), api_key=_KEY) as server:
        answer = await server.http.post("/v1/messages", json={})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_the_page_and_probes_are_open_and_all_else_is_not(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ()), api_key=_KEY) as server:
        statuses = {
            path: (await server.http.get(path)).status_code
            for path in (
                *("/", "/health", "/ready", "/lab/x.js"),
                *(
                    "/metrics",
                    "/v1/status",
                    "/v1/models",
                    "/openapi.json",
                    "/v1/lab/model",
                    "/nowhere",
                    "/lab",
                ),
            )
        }

    assert {path for path, status in statuses.items() if status != 401} == {
        "/",
        "/health",
        "/ready",
        "/lab/x.js",
    }
