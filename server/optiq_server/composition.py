"""Puts the server together from its settings, and runs it. The only place that knows every part.

Decides nothing about requests. It is imported late, because its imports take seconds.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from functools import partial

from optiq_harmony.constraint import GrammarCompiler, TokenTable
from optiq_harmony.errors import VocabularyUnavailable
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.announcement import ready_lines
from optiq_server.api.served_model import ServedModel
from optiq_server.api.services import Services, seconds_since_1970
from optiq_server.app import create_app, stop_engine
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.backend import Backend
from optiq_server.engine.engine import Engine
from optiq_server.engine.types import EngineLimits, EngineState
from optiq_server.errors import StartFailed
from optiq_server.listener import url_of
from optiq_server.response_store import ResponseStore
from optiq_server.serving import GracefulServer, graceful_server
from optiq_server.settings import LogLevel, Settings
from optiq_server.version import installed_version


def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    open_backend: Callable[[EngineLimits], Backend],
    say: Callable[[str], None],
) -> None:
    """Serve on `listener` until a signal comes. `say` takes lines for the user.

    Raises StartFailed if the vocabulary or the model cannot be loaded.
    """
    started = time.monotonic()
    services = _services(settings, open_backend)
    server = graceful_server(
        create_app(services),
        end_replies=partial(stop_engine, services.engine),
        access_log=settings.log_level in (LogLevel.DEBUG, LogLevel.INFO),
    )

    def tell_ready() -> None:
        seconds = time.monotonic() - started
        say(ready_lines(model=services.served.name, url=url_of(listener), seconds=seconds))

    asyncio.run(_run(server, services.engine, listener, tell_ready))
    if services.engine.state is EngineState.FAILED:
        raise StartFailed(services.engine.failure or "the model could not be loaded")


def _services(settings: Settings, open_backend: Callable[[EngineLimits], Backend]) -> Services:
    generation = settings.generation
    limits = EngineLimits(max_waiting=generation.queue_limit)
    try:
        vocabulary = Vocabulary.load(settings.cache_folder)
    except VocabularyUnavailable as error:
        raise StartFailed(str(error)) from error
    return Services(
        engine=Engine(partial(open_backend, limits), limits),
        dialect=HarmonyDialect(
            vocabulary,
            current_date=generation.current_date or date.today(),
            compiler=_compiler(vocabulary),
        ),
        served=ServedModel(name=settings.model_name, created=int(time.time())),
        version=installed_version(),
        time_limit=generation.time_limit,
        store=_store(settings),
    )


def _store(settings: Settings) -> ResponseStore | None:
    if not settings.stores_responses:
        return None
    return ResponseStore(settings.cache_folder / "responses.sqlite3", clock=seconds_since_1970)


def _compiler(vocabulary: Vocabulary) -> Future[GrammarCompiler]:
    """The compiler of structured replies, made beside the loading of the model."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="optiq-grammar")
    compiler = executor.submit(lambda: GrammarCompiler(TokenTable(vocabulary)))
    executor.shutdown(wait=False)
    return compiler


async def _run(
    server: GracefulServer, engine: Engine, listener: socket.socket, tell_ready: Callable[[], None]
) -> None:
    settling = asyncio.create_task(_settle(server, engine, tell_ready), name="wait for the model")
    try:
        await server.serve(sockets=[listener])
    finally:
        settling.cancel()


async def _settle(server: GracefulServer, engine: Engine, tell_ready: Callable[[], None]) -> None:
    """Tell that the model is ready, or stop the server that will never have one."""
    await engine.wait_until_settled()
    if engine.state is EngineState.READY:
        tell_ready()
    elif engine.state is EngineState.FAILED:
        server.should_exit = True
