"""Asks the items of one suite, so many at a time, and hands every answer on as it comes.

Rule 1: an item ends with exactly one record, an answer or the reason why there is none.
Rule 2: a record is handed on before its worker takes the next item.
Rule 3: one item's failure is no other's.
Rule 4: a server that gives no answer to many items in a row is asked no more: it is gone, or refuses all.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from optiq_server.evaluation.errors import NoAnswer, ServerUnusable
from optiq_server.evaluation.records import Record
from optiq_server.evaluation.suite import Answer, FollowUp, Item, JsonObject, Suite

_MOST_FAILURES_IN_A_ROW = 20
_MOST_REQUESTS = 8
"""Of one item: a tool loop that goes on is the model's failure, and the last answer is scored."""


class Asks(Protocol):
    """What answers one request. Raises NoAnswer."""

    async def ask(
        self, item: Item, added: tuple[JsonObject, ...] = (), earlier: tuple[Answer, ...] = ()
    ) -> Answer: ...


async def ask_all(
    suite: Suite,
    items: Iterable[Item],
    client: Asks,
    *,
    concurrency: int,
    deadline: float,
    record: Callable[[Record], None],
) -> None:
    """`deadline` in seconds bounds each item. Cancelled, it keeps what is recorded. Raises ServerUnusable."""
    waiting = iter(items)
    failures: list[str] = []

    async def work() -> None:
        for item in waiting:
            found = await _record(suite, item, client, deadline)
            record(found)
            if found.error is None:
                failures.clear()
                continue
            failures.append(found.error)
            if len(failures) >= _MOST_FAILURES_IN_A_ROW:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    if next(waiting, None) is not None:
        raise ServerUnusable(
            f"{len(failures)} items in a row got no answer; the last: {failures[-1]}. The same command goes "
            "on where it stopped"
        )


async def _record(suite: Suite, item: Item, client: Asks, deadline: float) -> Record:
    try:
        async with asyncio.timeout(deadline):
            answer = await _ask(suite, item, client)
    except TimeoutError:
        return Record(id=item.id, error=f"no answer within {deadline:g} s")
    except NoAnswer as error:
        return Record(id=item.id, error=str(error))
    return Record(id=item.id, answer=answer)


async def _ask(suite: Suite, item: Item, client: Asks) -> Answer:
    answer = await client.ask(item)
    if not isinstance(suite, FollowUp):
        return answer
    added: tuple[JsonObject, ...] = ()
    while len(answer.earlier) + 1 < _MOST_REQUESTS:
        messages = suite.follow_up(item, answer)
        if messages is None:
            break
        added += tuple(messages)
        # The earlier answers stand side by side, not inside each other.
        earlier = (*answer.earlier, replace(answer, earlier=()))
        answer = await client.ask(item, added, earlier)
    return answer
