"""Responses that are made while nobody waits."""

import asyncio
import logging

import pytest

from optiq_server.api.background import BackgroundResponses


async def test_what_is_started_runs_until_it_is_cancelled() -> None:
    background, told = BackgroundResponses(), asyncio.Event()

    async def work() -> None:
        await told.wait()

    background.start("a", work(), cancel=told.set)
    assert background.is_running("a")

    await background.cancel("a")

    assert not background.is_running("a")
    await background.cancel("a")


async def test_finishing_waits_for_all() -> None:
    background, told, ended = BackgroundResponses(), asyncio.Event(), []

    async def work(name: str) -> None:
        await told.wait()
        ended.append(name)

    for name in "ab":
        background.start(name, work(name), cancel=told.set)
    asyncio.get_running_loop().call_soon(told.set)

    await background.finish()

    assert sorted(ended) == ["a", "b"]
    await background.finish()


async def test_a_fault_is_logged_and_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    background = BackgroundResponses()

    async def work() -> None:
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        background.start("a", work(), cancel=lambda: None)
        await background.finish()
        await asyncio.sleep(0)

    assert not background.is_running("a")
    assert "a broke off" in caplog.text
