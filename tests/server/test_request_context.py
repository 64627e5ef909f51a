"""Which ids a client may give its request, and where they are known."""

import asyncio

import pytest

from optiq_server.request_context import RequestContext, current_request_id, enter, is_sane_id


@pytest.mark.parametrize("text", ["a", "req_0a-1.b", "x" * 128])
def test_a_sane_id_is_taken(text: str) -> None:
    assert is_sane_id(text)


@pytest.mark.parametrize("text", ["", "x" * 129, "a b", "a\n", "ü", "a/b", "<script>", "a\r\nx: y"])
def test_any_other_is_not(text: str) -> None:
    assert not is_sane_id(text)


async def test_a_task_that_a_request_starts_belongs_to_it_and_no_other_does() -> None:
    async def inner() -> str | None:
        return current_request_id()

    async def answer(request_id: str) -> str | None:
        enter(RequestContext(id=request_id, on_finish=lambda _: None))
        return await asyncio.create_task(inner())

    seen = await asyncio.gather(*(asyncio.create_task(answer(each)) for each in ("a", "b")))

    assert seen == ["a", "b"]
    assert current_request_id() is None
