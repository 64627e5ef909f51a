"""What the engine tells of itself, and how often."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from optiq_server.engine.engine import Engine
from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend
from optiq_server.engine.stats import SnapshotPace
from optiq_server.engine.types import EndReason, EngineLimits, EngineState
from tests.engine.doubles import ENDLESS_CONTEXT, INFO, STOP, Clock, Gate, Witness, request, scripted, table


async def _until(holds: Callable[[], bool]) -> None:
    """The limit is for a broken engine; a working one is here at once."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0)


def test_a_snapshot_is_due_when_who_is_there_has_changed() -> None:
    pace = SnapshotPace()

    assert pace.is_due(0.0, running=(1,), waiting=0)
    assert pace.is_due(0.0, running=(1, 2), waiting=0)
    assert pace.is_due(0.0, running=(1, 2), waiting=3)
    assert pace.is_due(0.0, running=(), waiting=0)


def test_a_snapshot_of_the_same_sequences_is_due_a_few_times_a_second() -> None:
    pace = SnapshotPace()

    due = [pace.is_due(step * 0.01, running=(1,), waiting=0) for step in range(101)]

    assert 4 <= sum(due) <= 6


def test_no_snapshot_is_due_as_long_as_nobody_is_there() -> None:
    pace = SnapshotPace()

    assert not any(pace.is_due(float(second), running=(), waiting=0) for second in range(10))


async def test_a_running_sequence_is_seen_with_its_progress() -> None:
    gate, clock = Gate(), Clock()
    backend = scripted(lambda _: Script(tokens=itertools.repeat(5), prefill_steps=4), pace=gate)
    engine = Engine(lambda: backend, EngineLimits(max_running=1), clock=clock)
    engine.start()
    await engine.wait_until_settled()
    clock.now = 3.0
    generation = engine.submit(request(*range(8)))
    other = engine.submit(request(1))

    gate.allow(1)
    await _until(lambda: engine.status.snapshot.waiting == 1)
    first = engine.status.snapshot
    clock.now = 5.0
    gate.allow(2)
    await _until(lambda: engine.status.snapshot is not first)
    status = engine.status

    (running,) = status.snapshot.running
    assert (running.request_id, running.prompt_tokens, running.completion_tokens) == ("r", 8, 0)
    assert running.computed_tokens in (4, 6)
    assert (status.now - running.queued_at, status.uptime, status.model) == (2.0, 5.0, INFO)
    generation.cancel()
    other.cancel()
    gate.open()
    await engine.stop()


async def test_nothing_runs_after_the_last_reply() -> None:
    engine = Engine(lambda: scripted(lambda _: [3, STOP]), EngineLimits())
    engine.start()
    await engine.wait_until_settled()

    async for _ in engine.submit(request()):
        pass
    await _until(lambda: not engine.status.snapshot.running)

    assert engine.status.snapshot.waiting == 0
    await engine.stop()


async def test_an_observer_sees_prompts_waits_and_ends() -> None:
    gate, clock, witness = Gate(), Clock(), Witness()
    engine = Engine(lambda: scripted(lambda _: [3, 4, STOP], pace=gate), EngineLimits(), clock=clock)
    engine.start(witness)
    await engine.wait_until_settled()
    generation = engine.submit(request(1, 2))

    clock.now = 2.0
    gate.allow(2)
    await _until(lambda: len(witness.waits) == 1)
    clock.now = 2.5
    gate.allow(1)
    await _until(lambda: len(witness.waits) == 2)
    gate.open()
    async for _ in generation:
        pass

    assert witness.prompts == [2]
    assert witness.waits[:2] == [(2.0, True, 1), (0.5, False, 1)]
    assert [(end.reason, end.completion_tokens) for end in witness.ends] == [(EndReason.STOP, 3)]
    await engine.stop()


@pytest.mark.parametrize("dies", [True, False], ids=["death", "stop"])
async def test_an_observer_sees_the_end_of_those_that_nobody_finished(*, dies: bool) -> None:
    class Dying(ScriptedBackend):
        def reset(self) -> None:
            raise MemoryError("no room")

    script = Script(tokens=itertools.repeat(5), fault=FaultStage.STEP if dies else None, fault_after=3)
    witness = Witness()
    engine = Engine(lambda: Dying(table({1: script}), info=ENDLESS_CONTEXT), EngineLimits())
    engine.start(witness)
    await engine.wait_until_settled()
    generation = engine.submit(request())
    await anext(generation)

    if dies:
        await engine.wait_until_ended()
    await engine.stop()

    assert [end.reason for end in witness.ends] == [EndReason.FAULT if dies else EndReason.SHUTDOWN]
    assert engine.status.snapshot.running == ()
    assert engine.state is (EngineState.FAILED if dies else EngineState.STOPPED)
