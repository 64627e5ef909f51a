"""Asks the items of one suite, so many at a time, and hands every answer on as it comes.

Rule 1: an item ends with exactly one record, an answer or the reason why there is none.
Rule 2: a record is handed on before its worker takes the next item.
Rule 3: one item's failure is no other's.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from optiq_server.evaluation.errors import NoAnswer
from optiq_server.evaluation.records import Record
from optiq_server.evaluation.suite import Answer, FollowUp, Item, JsonObject, Suite

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
    """`deadline` in seconds bounds each item. Cancelling it keeps what was recorded."""
    waiting = iter(items)
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(_work(suite, waiting, client, deadline, record))


async def _work(
    suite: Suite, waiting: Iterator[Item], client: Asks, deadline: float, record: Callable[[Record], None]
) -> None:
    for item in waiting:
        try:
            async with asyncio.timeout(deadline):
                answer = await _ask(suite, item, client)
        except TimeoutError:
            record(Record(id=item.id, error=f"no answer within {deadline:g} s"))
        except NoAnswer as error:
            record(Record(id=item.id, error=str(error)))
        else:
            record(Record(id=item.id, answer=answer))


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
