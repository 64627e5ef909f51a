"""The list of models, and one of them."""

import openai
import pytest

from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies


async def test_the_served_model_is_listed(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        listed = await server.openai.models.list()

    assert [model.id for model in listed.data] == ["optiq/scripted"]
    assert (listed.data[0].object, listed.data[0].created) == ("model", 1_700_000_000)


async def test_a_model_is_found_by_a_name_with_a_slash(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        plain = await server.http.get("/v1/models/optiq/scripted")
        quoted = await server.openai.models.retrieve("optiq/scripted")

    assert plain.json()["id"] == quoted.id == "optiq/scripted"


async def test_another_model_is_not_found(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        with pytest.raises(openai.NotFoundError) as caught:
            await server.openai.models.retrieve("gpt-5")

    assert caught.value.code == "model_not_found"


async def test_health_is_ok_when_ready(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.get("/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_the_schema_is_offered_and_no_page_that_needs_a_network(
    serve: Serve, scripted: Scripted
) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        schema = await server.http.get("/openapi.json")
        docs = await server.http.get("/docs")

    assert "/v1/chat/completions" in schema.json()["paths"]
    assert docs.status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/responses", {"input": "hi"}),
        ("/v1/completions", {"prompt": "hi"}),
        ("/tokenize", {"prompt": "hi"}),
        ("/detokenize", {"tokens": [1]}),
    ],
)
async def test_any_name_is_the_served_model_unless_names_are_strict(
    serve: Serve, scripted: Scripted, replies: Replies, path: str, body: dict[str, object]
) -> None:
    reply = replies.final("hi")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        lenient = await server.http.post(path, json={**body, "model": "gpt-4o"})
    async with serve(lambda: scripted(lambda _: reply), strict_model=True) as server:
        refused = await server.http.post(path, json={**body, "model": "gpt-4o"})
        named = await server.http.post(path, json={**body, "model": "optiq/scripted"})
        unnamed = await server.http.post(path, json=body)

    assert lenient.status_code == named.status_code == unnamed.status_code == 200
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
