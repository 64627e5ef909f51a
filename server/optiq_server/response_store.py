"""Stored responses as the event loop sees them: one thread owns the file, in whose order things happen.

A store that fails costs what it stores, not the reply: writing logs, reading answers 503.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from optiq_server.errors import Unavailable
from optiq_server.response_file import JsonObject, ResponseFile, StoreBounds, StoredResponse

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class ResponseStore:
    """The responses in the file at `path`. `clock` gives the seconds since 1970."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], int],
        bounds: StoreBounds = StoreBounds(),  # noqa: B008  # it is frozen
    ) -> None:
        self._file = ResponseFile(path, bounds=bounds, clock=clock)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="optiq-store")

    async def put(self, record: StoredResponse) -> None:
        """Keep it, if the file can be written."""
        try:
            await self._run(lambda: self._file.put(record))
        except (sqlite3.Error, OSError):
            logger.exception("%s could not be stored", record.id)

    async def get(self, response_id: str) -> StoredResponse | None:
        """Raises Unavailable if the file cannot be read, as all that follow do."""
        return await self._read(lambda: self._file.get(response_id))

    async def delete(self, response_id: str) -> bool:
        return await self._read(lambda: self._file.delete(response_id))

    async def item(self, item_id: str) -> JsonObject | None:
        return await self._read(lambda: self._file.item(item_id))

    async def close(self) -> None:
        """Wait for what is being done, and close the file. Nothing may be asked afterwards."""
        await self._run(self._file.close)
        self._executor.shutdown()

    async def _read(self, work: Callable[[], _Result]) -> _Result:
        try:
            return await self._run(work)
        except (sqlite3.Error, OSError) as error:
            logger.exception("the stored responses cannot be read")
            raise Unavailable("the stored responses cannot be read", code="store_unavailable") from error

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
