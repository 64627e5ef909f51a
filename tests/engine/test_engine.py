import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from optiq_server.engine.engine import Engine, Generation
from optiq_server.engine.errors import LoadFailed, NotReady, PromptTooLong, QueueFull, UnknownToken
from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend
from optiq_server.engine.types import (
    Ended,
    EndReason,
    EngineLimits,
    EngineState,
    GenerationRequest,
    Tokens,
)
from tests.engine.doubles import ENDLESS_CONTEXT, INFO, STOP, Clock, Gate, endless, request, scripted, table

Reply = Callable[[GenerationRequest], Script | Iterable[int]]


@asynccontextmanager
async def serving(
    backend: ScriptedBackend, limits: EngineLimits | None = None, clock: Clock | None = None
) -> AsyncIterator[Engine]:
    engine = Engine(lambda: backend, limits or EngineLimits(), clock=clock or Clock())
    engine.start()
    await engine.wait_until_settled()
    try:
        yield engine
    finally:
        await engine.stop()


async def read(generation: Generation) -> tuple[list[int], list[Ended]]:
    ids: list[int] = []
    ends: list[Ended] = []
    async for event in generation:
        if isinstance(event, Tokens):
            assert ends == []
            ids += event.ids
        else:
            ends.append(event)
    return ids, ends


async def first_tokens(generation: Generation) -> None:
    assert isinstance(await anext(generation), Tokens)


async def test_a_generation_gives_its_tokens_then_one_end_then_stops() -> None:
    async with serving(scripted(lambda _: [3, 4, STOP])) as engine:
        ids, ends = await read(engine.submit(request(1, 2)))

    assert ids == [3, 4, STOP]
    assert ends == [Ended(reason=EndReason.STOP, prompt_tokens=2, completion_tokens=3)]


async def test_many_generations_each_get_their_own_tokens() -> None:
    replies: dict[int, Script | Iterable[int]] = {n: [n + 10] * n + [STOP] for n in range(1, 20)}
    async with serving(scripted(table(replies)), EngineLimits(max_running=3)) as engine:
        results = await asyncio.gather(*(read(engine.submit(request(n))) for n in replies))

    assert [ids for ids, _ in results] == [[n + 10] * n + [STOP] for n in replies]


async def test_max_tokens_bounds_the_reply() -> None:
    async with serving(scripted()) as engine:
        ids, ends = await read(engine.submit(request(max_tokens=4)))

    assert ids == [5] * 4
    assert ends[0].reason is EndReason.LENGTH


async def test_the_context_bounds_the_reply() -> None:
    async with serving(scripted()) as engine:
        ids, ends = await read(engine.submit(request(*range(10))))

    assert len(ids) == INFO.context_length - 10
    assert ends[0].reason is EndReason.LENGTH


async def test_the_model_is_known_once_ready() -> None:
    backend = scripted()
    engine = Engine(lambda: backend, EngineLimits())
    assert (engine.state, engine.model) == (EngineState.LOADING, None)

    engine.start()
    await engine.wait_until_settled()

    assert (engine.state, engine.model) == (EngineState.READY, INFO)
    await engine.stop()
    assert engine.state is EngineState.STOPPED


async def test_nothing_is_taken_before_the_model_is_loaded() -> None:
    engine = Engine(scripted, EngineLimits())

    with pytest.raises(NotReady, match="the engine is loading"):
        engine.submit(request())


async def test_nothing_is_taken_after_stop() -> None:
    async with serving(scripted()) as engine:
        pass

    with pytest.raises(NotReady, match="the engine is stopped"):
        engine.submit(request())


async def test_a_prompt_that_fills_the_context_is_refused() -> None:
    async with serving(scripted()) as engine:
        with pytest.raises(PromptTooLong) as refusal:
            engine.submit(request(*([1] * 1000)))

        assert engine.open_generations == 0
    assert str(refusal.value) == "the prompt has 1000 tokens; the context holds 1000"


@pytest.mark.parametrize("token", [-1, 100])
async def test_a_token_outside_the_vocabulary_is_refused_with_its_place(token: int) -> None:
    async with serving(scripted()) as engine:
        with pytest.raises(UnknownToken) as refusal:
            engine.submit(request(1, 2, token))

    assert (refusal.value.token, refusal.value.position) == (token, 2)


async def test_a_full_queue_refuses_and_takes_again_when_one_has_ended() -> None:
    limits = EngineLimits(max_running=1, max_waiting=1)
    async with serving(scripted(), limits) as engine:
        running, waiting = engine.submit(request()), engine.submit(request())

        with pytest.raises(QueueFull, match="1 requests are waiting already"):
            engine.submit(request())
        waiting.cancel()
        await read(waiting)

        engine.submit(request()).cancel()
        running.cancel()


@pytest.mark.parametrize("steps_before", [0, 2, 5], ids=["queue", "prefill", "decode"])
async def test_cancel_takes_effect_within_one_step(steps_before: int) -> None:
    gate = Gate()
    backend = scripted(lambda _: Script(tokens=itertools.repeat(5), prefill_steps=3), pace=gate)
    async with serving(backend) as engine:
        generation = engine.submit(request())
        gate.allow(steps_before)

        generation.cancel()
        generation.cancel()
        # At most the step that was under way; the cancel is seen before the next.
        gate.allow(1)
        ids, ends = await read(generation)
        gate.open()

    assert [ended.reason for ended in ends] == [EndReason.CANCELLED]
    assert ends[0].completion_tokens == len(ids)


async def test_a_request_is_cancelled_by_its_name_with_all_its_generations() -> None:
    backend = scripted(endless, info=ENDLESS_CONTEXT)
    async with serving(backend) as engine:
        named = replace(request(), request_id="mine")
        mine = engine.submit_all([named, named])
        other = engine.submit(request())

        assert engine.cancel("mine")
        ends = [(await read(each))[1][0].reason for each in mine]
        left = engine.open_generations
        other.cancel()
        await read(other)

        assert not engine.cancel("mine")

    assert ends == [EndReason.CANCELLED, EndReason.CANCELLED]
    assert left == 1


async def test_cancel_after_the_end_is_nothing() -> None:
    async with serving(scripted(lambda _: [STOP])) as engine:
        generation = engine.submit(request())
        _, ends = await read(generation)

        generation.cancel()

        assert await read(generation) == ([], [])
    assert [ended.reason for ended in ends] == [EndReason.STOP]


async def test_leaving_the_block_frees_the_sequence() -> None:
    async with serving(scripted(info=ENDLESS_CONTEXT)) as engine:
        async with engine.submit(request()) as generation:
            await first_tokens(generation)

        _, ends = await read(generation)

        assert [ended.reason for ended in ends] == [EndReason.CANCELLED]
        assert engine.open_generations == 0


async def test_a_cancelled_reader_frees_the_sequence() -> None:
    async with serving(scripted()) as engine:
        generation = engine.submit(request())

        async def consume() -> None:
            async with generation:
                await read(generation)

        reader = asyncio.create_task(consume())
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        _, ends = await read(generation)

    assert [ended.reason for ended in ends] == [EndReason.CANCELLED]


async def test_a_dropped_generation_frees_its_place() -> None:
    limits = EngineLimits(max_running=1)
    async with serving(scripted(table({1: itertools.repeat(5), 2: [STOP]})), limits) as engine:
        generation = engine.submit(request(1))
        await first_tokens(generation)

        del generation
        gc.collect()

        ids, _ = await read(engine.submit(request(2)))
    assert ids == [STOP]


async def test_the_time_limit_counts_from_submission() -> None:
    clock, gate = Clock(), Gate()
    async with serving(scripted(pace=gate), clock=clock) as engine:
        clock.now = 100.0
        generation = engine.submit(request(time_limit=5.0))
        gate.allow(2)
        await first_tokens(generation)

        clock.now = 105.0
        gate.open()
        _, ends = await read(generation)

    assert [ended.reason for ended in ends] == [EndReason.DEADLINE]


async def test_a_request_that_fails_takes_no_other_with_it() -> None:
    faulty = Script(tokens=itertools.repeat(5), fault=FaultStage.SEQUENCE, fault_after=2)
    async with serving(scripted(table({1: faulty, 2: [6] * 50 + [STOP]}))) as engine:
        bad, good = await asyncio.gather(read(engine.submit(request(1))), read(engine.submit(request(2))))

    assert [ended.reason for ended in bad[1]] == [EndReason.FAULT]
    assert good[0] == [6] * 50 + [STOP]


async def test_after_a_failed_step_the_next_request_is_served() -> None:
    faulty = Script(tokens=itertools.repeat(5), fault=FaultStage.STEP)
    async with serving(scripted(table({1: faulty, 2: [6, STOP]}))) as engine:
        _, ends = await read(engine.submit(request(1)))
        ids, _ = await read(engine.submit(request(2)))

        assert engine.state is EngineState.READY
    assert [ended.reason for ended in ends] == [EndReason.FAULT]
    assert ids == [6, STOP]


async def test_stop_ends_open_generations_with_shutdown() -> None:
    backend = scripted(info=ENDLESS_CONTEXT)
    engine = Engine(lambda: backend, EngineLimits(max_running=1))
    engine.start()
    await engine.wait_until_settled()
    running, waiting = engine.submit(request()), engine.submit(request())
    await first_tokens(running)

    await engine.stop()

    for generation in (running, waiting):
        _, ends = await read(generation)
        assert [ended.reason for ended in ends] == [EndReason.SHUTDOWN]
    assert backend.is_closed


async def test_stop_twice_and_stop_before_start_are_fine() -> None:
    engine = Engine(scripted, EngineLimits())

    await engine.stop()
    await engine.stop()

    assert engine.state is EngineState.STOPPED


async def test_a_failed_load_is_told_and_settles() -> None:
    def refuse() -> ScriptedBackend:
        raise LoadFailed("there is no folder 'x'")

    engine = Engine(refuse, EngineLimits())
    engine.start()

    await engine.wait_until_settled()

    assert (engine.state, engine.failure) == (EngineState.FAILED, "there is no folder 'x'")
    await engine.stop()
    with pytest.raises(NotReady, match="the engine is failed"):
        engine.submit(request())


async def test_when_the_worker_dies_nobody_hangs() -> None:
    class Dying(ScriptedBackend):
        def reset(self) -> None:
            raise MemoryError("no room")

    faulty = Script(tokens=itertools.repeat(5), fault=FaultStage.STEP, fault_after=3)
    backend = Dying(table({1: faulty, 2: itertools.repeat(5)}), info=INFO)
    async with serving(backend, EngineLimits(max_running=2)) as engine:
        generations = [engine.submit(request(n)) for n in (1, 2, 2)]

        ends = [(await read(generation))[1] for generation in generations]

        assert engine.state is EngineState.FAILED
        assert engine.failure == "MemoryError: no room"
    assert [[ended.reason for ended in each] for each in ends] == [[EndReason.FAULT]] * 3


async def test_a_slow_reader_loses_nothing() -> None:
    gate = Gate()
    async with serving(scripted(endless, pace=gate)) as engine:
        generation = engine.submit(request(max_tokens=100))
        gate.open()
        while engine.open_generations:
            await asyncio.sleep(0)

        ids, ends = await read(generation)

    assert ids == [5] * 100
    assert ends[0].completion_tokens == 100


async def test_an_engine_that_drains_finishes_what_it_has_and_takes_nothing_more() -> None:
    gate = Gate()
    async with serving(scripted(lambda _: [3, 4, STOP], pace=gate)) as engine:
        generation = engine.submit(request())
        draining = asyncio.create_task(engine.drain(60.0))
        await asyncio.sleep(0)

        with pytest.raises(NotReady, match="the engine is draining"):
            engine.submit(request())
        gate.open()
        await draining
        ids, ends = await read(generation)

    assert (ids, ends[0].reason) == ([3, 4, STOP], EndReason.STOP)
    assert engine.state is EngineState.STOPPED


async def test_a_drain_waits_no_longer_than_it_was_told() -> None:
    async with serving(scripted(info=ENDLESS_CONTEXT)) as engine:
        generation = engine.submit(request())
        await first_tokens(generation)

        await engine.drain(0.0)

        assert engine.open_generations == 1
    assert (await read(generation))[1][0].reason is EndReason.SHUTDOWN


async def test_an_idle_engine_has_drained_at_once() -> None:
    async with serving(scripted()) as engine:
        await asyncio.wait_for(engine.drain(3600.0), timeout=20)
