"""Anthropic's own client of a server under test."""

import contextlib
from collections.abc import AsyncIterator

from anthropic import AsyncAnthropic

from tests.server.conftest import RunningServer


@contextlib.asynccontextmanager
async def anthropic_client(server: RunningServer) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=server.url, api_key="none", max_retries=0, timeout=30) as client:
        yield client
