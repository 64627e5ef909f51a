"""Asking many items at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from optiq_server.evaluation.errors import NoAnswer, ServerUnusable
from optiq_server.evaluation.records import Record
from optiq_server.evaluation.runner import ask_all
from optiq_server.evaluation.suite import Answer, Item, JsonObject, Outcome, Verdict
from tests.evaluation.sums import make_sums, right_answer


@dataclass
class _Asked:
    """Answers right, but not items 3 (no answer) and 5 (never); `most` is how many waited at a time."""

    now: int = 0
    most: int = 0
    requests: list[tuple[str, int, int]] = field(default_factory=list)

    async def ask(
        self, item: Item, added: tuple[JsonObject, ...] = (), earlier: tuple[Answer, ...] = ()
    ) -> Answer:
        self.requests.append((item.id, len(added), len(earlier)))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            if item.id == "3":
                raise NoAnswer("HTTP 500")
            if item.id == "5":
                await asyncio.Event().wait()
            return Answer(text=right_answer(str(item.messages[0]["content"])), earlier=earlier)
        finally:
            self.now -= 1


async def test_each_item_ends_with_one_record_and_no_more_than_so_many_are_under_way() -> None:
    suite, asked, records = make_sums(40), _Asked(), list[Record]()

    await ask_all(suite, suite.items, asked, concurrency=4, deadline=0.05, record=records.append)

    found = {record.id: record for record in records}
    assert len(records) == len(found) == 40
    assert asked.most == 4
    assert found["3"].error == "HTTP 500"
    assert found["5"].error == "no answer within 0.05 s"
    assert all(found[str(number)].answer == Answer(text=str(number + 1)) for number in (0, 4, 39))


async def test_what_was_recorded_stays_when_the_run_is_cancelled() -> None:
    suite, records = make_sums(10), list[Record]()
    run = asyncio.create_task(
        ask_all(suite, suite.items, _Asked(), concurrency=1, deadline=60, record=records.append)
    )

    while len(records) < 5:
        await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run

    assert [record.id for record in records] == ["0", "1", "2", "3", "4"]


class _Gone:
    """Answers the first `answered` items, then nothing."""

    def __init__(self, answered: int) -> None:
        self._left = answered

    async def ask(
        self, item: Item, added: tuple[JsonObject, ...] = (), earlier: tuple[Answer, ...] = ()
    ) -> Answer:
        self._left -= 1
        if self._left < 0:
            raise NoAnswer("connection refused")
        return Answer(text="1")


async def test_a_server_that_is_gone_is_not_asked_for_ever() -> None:
    suite, records = make_sums(200), list[Record]()

    with pytest.raises(ServerUnusable, match="20 items in a row got no answer; the last: connection refused"):
        await ask_all(suite, suite.items, _Gone(30), concurrency=1, deadline=60, record=records.append)

    assert [record.error is None for record in records] == [True] * 30 + [False] * 20


@pytest.mark.parametrize("count", [49, 50])
async def test_a_run_that_asked_all_its_items_has_ended_well(count: int) -> None:
    suite, records = make_sums(count), list[Record]()

    await ask_all(suite, suite.items, _Gone(30), concurrency=1, deadline=60, record=records.append)

    assert len(records) == count


@dataclass(frozen=True)
class _Talk:
    """Each item takes `turns` requests; `None` never ends."""

    items: Sequence[Item]
    turns: int | None
    name: str = "talk"

    def score(self, item: Item, answer: Answer) -> Verdict:
        return Verdict(outcome=Outcome.PASSED)

    def follow_up(self, item: Item, answer: Answer) -> Sequence[JsonObject] | None:
        if self.turns is not None and len(answer.earlier) + 1 >= self.turns:
            return None
        return ({"role": "assistant", "content": answer.text}, {"role": "user", "content": "and?"})


async def test_a_follow_up_sends_what_was_said_and_keeps_the_earlier_answers() -> None:
    suite, asked, records = _Talk(make_sums(1).items, turns=3), _Asked(), list[Record]()

    await ask_all(suite, suite.items, asked, concurrency=1, deadline=60, record=records.append)

    [record] = records
    said = Answer(text="1")
    assert asked.requests == [("0", 0, 0), ("0", 2, 1), ("0", 4, 2)]
    assert record.answer == Answer(text="1", earlier=(said, said))


async def test_a_tool_loop_without_end_is_ended() -> None:
    suite, asked, records = _Talk(make_sums(1).items, turns=None), _Asked(), list[Record]()

    await ask_all(suite, suite.items, asked, concurrency=1, deadline=60, record=records.append)

    assert len(asked.requests) == 8
    assert len(records) == 1
