"""Noticing that a client has gone."""

import asyncio

from optiq_server.disconnect import on_disconnect
from tests.server.asgi import ScriptedClient


async def test_leaving_inside_the_block_calls_once() -> None:
    client = ScriptedClient()
    called = asyncio.Event()

    async with on_disconnect(client.receive, called.set):
        client.leave()
        await called.wait()

    assert called.is_set()


async def test_leaving_after_the_block_calls_nothing() -> None:
    client = ScriptedClient()
    calls: list[str] = []

    async with on_disconnect(client.receive, lambda: calls.append("gone")):
        await asyncio.sleep(0)
    client.leave()
    await asyncio.sleep(0)

    assert calls == []
