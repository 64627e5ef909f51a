import asyncio
import resource
import subprocess
import sys

import mlx.core as mx
import pytest

from optiq_server.engine.engine import Engine, Generation
from optiq_server.engine.opening import open_checkpoint
from optiq_server.engine.types import (
    Ended,
    EndReason,
    EngineLimits,
    EngineState,
    GenerationRequest,
    SamplingParameters,
    Tokens,
)
from tests.engine.checkpoints import REFERENCE

pytestmark = pytest.mark.mlx

LIMITS = EngineLimits(max_running=4)


def made(number: int, max_tokens: int | None = 8) -> GenerationRequest:
    return GenerationRequest(
        request_id=f"r{number}",
        prompt=tuple(range(number, number + 40)),
        stop_tokens=frozenset({511}),
        max_tokens=max_tokens,
        sampling=SamplingParameters(seed=number),
    )


async def read(generation: Generation) -> tuple[list[int], list[EndReason]]:
    events = [event async for event in generation]
    ids = [token for event in events if isinstance(event, Tokens) for token in event.ids]
    return ids, [event.reason for event in events if isinstance(event, Ended)]


async def test_the_worker_thread_loads_serves_and_frees_a_real_model() -> None:
    before = mx.get_active_memory()
    engine = Engine(lambda: open_checkpoint(str(REFERENCE), LIMITS), LIMITS)
    engine.start()
    await engine.wait_until_settled()
    assert engine.state is EngineState.READY, engine.failure

    alone = [await read(engine.submit(made(number))) for number in range(3)]
    endless = engine.submit(made(7, max_tokens=None))
    together = await asyncio.gather(*(read(engine.submit(made(number))) for number in range(3)))
    await engine.stop()

    assert together == alone
    assert (await read(endless))[1] == [EndReason.SHUTDOWN]
    assert mx.get_active_memory() <= before + 1024


async def test_a_checkpoint_that_is_not_there_fails_the_engine_with_one_line() -> None:
    engine = Engine(lambda: open_checkpoint("./no/such/folder", LIMITS), LIMITS)
    engine.start()

    await engine.wait_until_settled()

    assert engine.state is EngineState.FAILED
    assert engine.failure is not None
    assert "there is no folder './no/such/folder'" in engine.failure
    await engine.stop()


def test_the_limit_of_open_files_survives_the_import_of_mlx_lm() -> None:
    # A process of its own, where mlx_lm was not imported before.
    script = """
import resource
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.opening import open_checkpoint
from optiq_server.engine.types import EngineLimits
before = resource.getrlimit(resource.RLIMIT_NOFILE)
try:
    open_checkpoint("./no/such/folder", EngineLimits())
except LoadFailed:
    pass
print(*before, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    soft, hard, soft_after, hard_after = map(int, output.split())

    assert soft_after == resource.RLIM_INFINITY or soft_after >= min(soft, 4096)
    assert hard_after in (hard, 4096)
