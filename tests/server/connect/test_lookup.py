"""Asking a real server what it serves."""

import asyncio
import threading

import pytest

from optiq_server.api_key import ApiKey
from optiq_server.connect.lookup import NotAnswered, Served, ask_served
from optiq_server.engine.scripted_backend import ScriptedBackend
from tests.server.conftest import Scripted, Serve


async def test_a_server_tells_its_model_and_context(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ()), api_key=ApiKey("k")) as server:
        told = await asyncio.to_thread(ask_served, server.url, "k")

    assert told == Served(model="optiq/scripted", context_length=4096)


async def test_a_server_that_does_not_tell_says_why(serve: Serve, scripted: Scripted) -> None:
    gate = threading.Event()

    def open_backend() -> ScriptedBackend:
        gate.wait()
        return scripted(lambda _: ())

    async with serve(open_backend, api_key=ApiKey("k"), until_ready=False) as server:
        with pytest.raises(NotAnswered, match="key"):
            await asyncio.to_thread(ask_served, server.url, None)
        with pytest.raises(NotAnswered, match="not loaded"):
            await asyncio.to_thread(ask_served, server.url, "k")
        with pytest.raises(NotAnswered, match="404"):
            await asyncio.to_thread(ask_served, f"{server.url}/nowhere", "k")
        gate.set()
        await server.engine.wait_until_settled()
    with pytest.raises(NotAnswered, match="nobody"):
        await asyncio.to_thread(ask_served, server.url, "k")
