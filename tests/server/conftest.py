"""A real uvicorn on a real socket, over the scripted backend and real harmony."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import httpx
import pytest
from openai import AsyncOpenAI

from optiq_harmony.constraint import GrammarCompiler, TokenTable
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.api.lab import Lab
from optiq_server.api.served_model import ServedModel
from optiq_server.api.services import Services
from optiq_server.api_key import ApiKey
from optiq_server.app import create_app, stop_engine
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.dialect.protocol import Dialect
from optiq_server.engine.backend import Backend
from optiq_server.engine.engine import Engine
from optiq_server.engine.scripted_backend import Script, ScriptedBackend
from optiq_server.engine.types import EngineLimits, EngineState, GenerationRequest
from optiq_server.listener import bind, url_of
from optiq_server.response_store import ResponseStore
from optiq_server.serving import GracefulServer, graceful_server
from optiq_server.settings import HttpSettings
from tests.server import command_line
from tests.server.command_line import Start
from tests.server.doubles import MODEL, CountedIds, Replies

STORE_NAME = "responses.sqlite3"


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command line over a scripted model; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(mode: str, *arguments: str) -> subprocess.Popen[str]:
        started.append(command_line.start(tmp_path, mode, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session", name="vocabulary")
def _vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary.load(tmp_path_factory.mktemp("cache"))


@pytest.fixture(name="replies")
def _replies(vocabulary: Vocabulary) -> Replies:
    return Replies(vocabulary)


@pytest.fixture(scope="session", name="compiler")
def _compiler(vocabulary: Vocabulary) -> Future[GrammarCompiler]:
    ready: Future[GrammarCompiler] = Future()
    ready.set_result(GrammarCompiler(TokenTable(vocabulary)))
    return ready


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """What a test sees of a server: its address, clients for it, and its inside."""

    url: str
    http: httpx.AsyncClient
    openai: AsyncOpenAI
    engine: Engine
    server: GracefulServer


Serve = Callable[..., contextlib.AbstractAsyncContextManager[RunningServer]]


class _QuietServer(GracefulServer):
    """Signals stay the test runner's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture(name="serve")
def _serve(vocabulary: Vocabulary, compiler: Future[GrammarCompiler], tmp_path: Path) -> Serve:
    @contextlib.asynccontextmanager
    async def serve(
        open_backend: Callable[[], Backend],
        *,
        limits: EngineLimits | None = None,
        time_limit: float = 60.0,
        until_ready: bool = True,
        clock: Callable[[], float] | None = None,
        dialect: Dialect | None = None,
        strict_model: bool = False,
        stores: bool = True,
        log_prompts: bool = False,
        api_key: ApiKey | None = None,
        lab: Lab | None = None,
    ) -> AsyncIterator[RunningServer]:
        engine = Engine(open_backend, limits or EngineLimits(), **({"clock": clock} if clock else {}))
        services = Services(
            engine=engine,
            dialect=dialect or HarmonyDialect(vocabulary, current_date=date(2026, 1, 31), compiler=compiler),
            served=ServedModel(name="optiq/scripted", created=1_700_000_000, is_strict=strict_model),
            version="0.0.0",
            time_limit=time_limit,
            log_prompts=log_prompts,
            new_id=CountedIds(),
            clock=lambda: 1_700_000_000,
            store=ResponseStore(tmp_path / STORE_NAME, clock=lambda: 1_700_000_000) if stores else None,
            api_key=api_key,
        )
        async with _running(services, lab) as running:
            if until_ready:
                await engine.wait_until_settled()
                assert engine.state is EngineState.READY, engine.failure
            yield running

    return serve


@contextlib.asynccontextmanager
async def _running(services: Services, lab: Lab | None) -> AsyncIterator[RunningServer]:
    plain = graceful_server(create_app(services, lab), end_replies=lambda: stop_engine(services.engine))
    server = _QuietServer(plain.config, end_replies=lambda: stop_engine(services.engine))
    listener = bind(HttpSettings(port=0))
    url = url_of(listener)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with (
            httpx.AsyncClient(base_url=url, timeout=30) as http,
            AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=30) as openai,
        ):
            yield RunningServer(url=url, http=http, openai=openai, engine=services.engine, server=server)
    finally:
        server.should_exit = True
        await task


Scripted = Callable[[Callable[[GenerationRequest], Script | Iterable[int]]], ScriptedBackend]


@pytest.fixture(name="scripted")
def _scripted() -> Scripted:
    """A scripted backend of a model with harmony's vocabulary."""
    return partial(ScriptedBackend, info=MODEL)
