import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend
from optiq_server.engine.sequence import Sequence
from optiq_server.engine.stats import Snapshot
from optiq_server.engine.types import Ended, EndReason, EngineLimits, GenerationRequest, Tokens
from optiq_server.engine.worker import (
    Admit,
    Cancel,
    Closed,
    Command,
    Delivery,
    Failed,
    Ready,
    Report,
    Stop,
    Worker,
)
from tests.engine.doubles import STOP, Clock, request, scripted, table


class Bench:
    """A worker without its thread: the test makes each turn."""

    def __init__(self, backend: ScriptedBackend | None = None, max_running: int = 4) -> None:
        self.clock = Clock()
        self.reports: list[Report] = []
        self.backend = backend or scripted()
        self.worker = Worker(
            open_backend=lambda: self.backend,
            limits=EngineLimits(max_running=max_running),
            clock=self.clock,
            report=self.reports.append,
        )

    def admit(self, sequence_id: int, made: GenerationRequest, deadline: float | None = None) -> None:
        self.worker.post(Admit(Sequence(id=sequence_id, request=made, deadline=deadline)))

    def turn(self, *commands: Command, times: int = 1) -> bool:
        for command in commands:
            self.worker.post(command)
        return all([self._one_turn() for _ in range(times)])  # noqa: C419  # every turn is to be made

    def _one_turn(self) -> bool:
        # An idle worker waits for a command; this one does nothing.
        self.worker.post(Cancel(-1))
        return self.worker.turn(self.backend)

    def tokens(self, sequence_id: int) -> list[int]:
        return [t for e in self._events(sequence_id) if isinstance(e, Tokens) for t in e.ids]

    def ends(self, sequence_id: int) -> list[Ended]:
        return [event for event in self._events(sequence_id) if isinstance(event, Ended)]

    def _events(self, sequence_id: int) -> list[Tokens | Ended]:
        deliveries = [report for report in self.reports if isinstance(report, Delivery)]
        news = [each for delivery in deliveries for each in delivery.news]
        return [event for each in news if each.sequence_id == sequence_id for event in each.events]


def test_a_reply_is_delivered_and_ends_once() -> None:
    bench = Bench(scripted(lambda _: [3, 4, STOP, 5]))
    bench.admit(0, request(1, 2))

    bench.turn(times=4)

    assert bench.tokens(0) == [3, 4, STOP]
    assert bench.ends(0) == [Ended(reason=EndReason.STOP, prompt_tokens=2, completion_tokens=3)]


def test_one_report_a_turn_carries_the_whole_batch() -> None:
    bench = Bench()
    for sequence_id in range(4):
        bench.admit(sequence_id, request())
    bench.turn()
    bench.reports.clear()

    bench.turn()

    assert len(bench.reports) == 1
    assert [bench.tokens(sequence_id) for sequence_id in range(4)] == [[5]] * 4


@pytest.mark.parametrize("turns_before", [0, 1, 3], ids=["queue", "prefill", "decode"])
def test_a_cancel_frees_the_sequence_within_one_turn(turns_before: int) -> None:
    backend = scripted(lambda _: Script(tokens=itertools.repeat(5), prefill_steps=2))
    bench = Bench(backend)
    bench.admit(0, request())
    bench.turn(times=turns_before)

    bench.turn(Cancel(0))

    assert backend.inserted == ()
    assert [ended.reason for ended in bench.ends(0)] == [EndReason.CANCELLED]


def test_a_cancel_reaches_one_that_waits_behind_a_full_batch() -> None:
    bench = Bench(max_running=1)
    bench.admit(0, request())
    bench.admit(1, request())
    bench.turn()

    bench.turn(Cancel(1))

    assert [ended.reason for ended in bench.ends(1)] == [EndReason.CANCELLED]
    assert bench.ends(0) == []


def test_a_cancel_that_crosses_the_end_changes_nothing() -> None:
    bench = Bench(scripted(lambda _: [STOP]))
    bench.admit(0, request())
    bench.admit(1, request())
    bench.turn(times=2)

    bench.turn(Cancel(0), Cancel(0))

    assert [ended.reason for ended in bench.ends(0)] == [EndReason.STOP]


@pytest.mark.parametrize("turns_before", [1, 4], ids=["prefill", "decode"])
def test_the_time_limit_ends_prefill_and_decode(turns_before: int) -> None:
    bench = Bench(scripted(lambda _: Script(tokens=itertools.repeat(5), prefill_steps=3)))
    bench.admit(0, request(), deadline=10.0)
    bench.turn(times=turns_before)
    assert bench.ends(0) == []

    bench.clock.now = 10.0
    bench.turn()

    assert [ended.reason for ended in bench.ends(0)] == [EndReason.DEADLINE]
    assert bench.backend.inserted == ()


@pytest.mark.parametrize("stage", [FaultStage.INSERT, FaultStage.SEQUENCE])
def test_a_request_that_fails_takes_no_other_with_it(stage: FaultStage) -> None:
    faulty = Script(tokens=itertools.repeat(5), fault=stage, fault_after=1)
    bench = Bench(scripted(table({1: faulty, 2: [6, 7, 8, STOP]})))
    bench.admit(0, request(1))
    bench.admit(1, request(2))

    bench.turn(times=6)

    assert [ended.reason for ended in bench.ends(0)] == [EndReason.FAULT]
    assert bench.ends(0)[0].detail
    assert bench.tokens(1) == [6, 7, 8, STOP]
    assert [ended.reason for ended in bench.ends(1)] == [EndReason.STOP]


def test_after_a_failed_step_all_running_end_and_the_next_is_served() -> None:
    faulty = Script(tokens=itertools.repeat(5), fault=FaultStage.STEP, fault_after=2)
    bench = Bench(scripted(table({1: faulty, 2: [6, STOP]})), max_running=2)
    bench.admit(0, request(1))
    bench.admit(1, request(1))
    bench.admit(2, request(2))

    bench.turn(times=8)

    assert [bench.ends(each)[0].reason for each in (0, 1)] == [EndReason.FAULT, EndReason.FAULT]
    assert bench.ends(0)[0].detail == "ScriptedFault: the script fails this step"
    assert bench.tokens(2) == [6, STOP]


def test_stop_ends_the_running_and_the_waiting() -> None:
    bench = Bench(max_running=1)
    bench.admit(0, request())
    bench.admit(1, request())
    bench.turn()

    goes_on = bench.turn(Stop())

    assert not goes_on
    assert [bench.ends(each)[0].reason for each in (0, 1)] == [EndReason.SHUTDOWN, EndReason.SHUTDOWN]
    assert bench.backend.inserted == ()


def test_run_closes_the_backend_and_reports_closed_last() -> None:
    bench = Bench()
    bench.worker.post(Stop())

    bench.worker.run()

    assert bench.reports == [Ready(bench.backend.info, Snapshot()), Closed()]
    assert bench.backend.is_closed


def test_a_checkpoint_that_cannot_be_loaded_is_reported_in_its_own_words() -> None:
    reports: list[Report] = []

    def refuse() -> ScriptedBackend:
        raise LoadFailed("there is no folder 'x'")

    worker = Worker(open_backend=refuse, limits=EngineLimits(), clock=Clock(), report=reports.append)
    worker.run()

    assert reports == [Failed("there is no folder 'x'"), Closed()]


def test_a_worker_that_dies_reports_why_and_frees_the_backend() -> None:
    class Unresettable(ScriptedBackend):
        def reset(self) -> None:
            raise MemoryError("no room")

    backend = Unresettable(lambda _: Script(tokens=[5], fault=FaultStage.STEP), info=scripted().info)
    bench = Bench(backend)
    bench.admit(0, request())

    bench.worker.run()

    assert bench.reports[-2:] == [Failed("MemoryError: no room"), Closed()]
    assert backend.is_closed


@given(
    replies=st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=8),
    max_running=st.integers(1, 4),
    cancels=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 7)), max_size=6),
)
def test_every_sequence_ends_once_and_its_tokens_ignore_the_others(
    replies: list[list[int]], max_running: int, cancels: list[tuple[int, int]]
) -> None:
    bench = Bench(scripted(lambda made: replies[made.prompt[0]]), max_running=max_running)
    for number in range(len(replies)):
        bench.admit(number, request(number))
    bench.admit(99, request(0, max_tokens=1))

    # 8 sequences one after the other, of at most 14 steps each, with as many more turns for one that waits.
    for turn in range(120):
        bench.turn(*(Cancel(who) for when, who in cancels if when == turn))

    cancelled = {who for _, who in cancels}
    for number, reply in enumerate(replies):
        expected = reply[: reply.index(STOP) + 1] if STOP in reply else reply
        assert len(bench.ends(number)) == 1
        assert bench.ends(number)[0].completion_tokens == len(bench.tokens(number))
        if number in cancelled:
            assert bench.tokens(number) == expected[: len(bench.tokens(number))]
        else:
            assert bench.tokens(number) == expected
    assert bench.backend.inserted == ()
