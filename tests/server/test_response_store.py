"""The store as the event loop sees it: nothing blocks the loop, and a broken file costs no reply."""

import asyncio
import threading
from pathlib import Path

import pytest

from optiq_server.errors import Unavailable
from optiq_server.response_file import StoredResponse
from optiq_server.response_store import ResponseStore

_RECORD = StoredResponse(
    id="resp_1",
    created=100,
    previous=None,
    response={"id": "resp_1", "output": [{"id": "msg_1"}]},
    items=[{"id": "msg_0"}],
)


async def test_what_was_put_is_got_until_it_is_deleted(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s", clock=lambda: 100)

    await store.put(_RECORD)

    assert await store.get("resp_1") == _RECORD
    assert await store.item("msg_0") == {"id": "msg_0"}
    assert await store.delete("resp_1")
    assert await store.get("resp_1") is None
    await store.close()


async def test_the_loop_goes_on_while_the_file_is_used(tmp_path: Path) -> None:
    released = threading.Event()

    def slow_clock() -> int:
        assert released.wait(20)
        return 100

    store = ResponseStore(tmp_path / "s", clock=slow_clock)
    reading = asyncio.create_task(store.get("resp_1"))
    await asyncio.sleep(0)

    released.set()

    assert await reading is None
    await store.close()


async def test_closing_waits_for_what_is_being_written(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "s", clock=lambda: 100)
    writing = asyncio.create_task(store.put(_RECORD))
    await asyncio.sleep(0)

    await store.close()

    assert writing.done()
    again = ResponseStore(tmp_path / "s", clock=lambda: 100)
    assert await again.get("resp_1") == _RECORD
    await again.close()


async def test_a_file_that_cannot_be_used_costs_no_reply(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ResponseStore(tmp_path, clock=lambda: 100)

    await store.put(_RECORD)
    with pytest.raises(Unavailable):
        await store.get("resp_1")

    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    await store.close()
