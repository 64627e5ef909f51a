"""Puts the server together from its settings, and runs it. The only place that knows every part.

Decides nothing about requests. It is imported late, because its imports take seconds.
"""

import asyncio
import socket
import threading
import time
import webbrowser
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import TypeAlias

from optiq_harmony.constraint import GrammarCompiler, TokenTable
from optiq_harmony.errors import VocabularyUnavailable
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.announcement import ready_lines
from optiq_server.api.served_model import ServedModel
from optiq_server.api.services import Services, seconds_since_1970
from optiq_server.app import create_app, drain_engine
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.dialect.loaded import LoadedDialect
from optiq_server.dialect.protocol import Dialect
from optiq_server.engine.backend import Backend
from optiq_server.engine.engine import Engine
from optiq_server.engine.types import EngineLimits, EngineState
from optiq_server.errors import EngineDied, StartFailed
from optiq_server.lab_composition import lab_of
from optiq_server.listener import url_of
from optiq_server.model import OpenedModel, may_speak_harmony
from optiq_server.response_store import ResponseStore
from optiq_server.serving import GracefulServer, graceful_server
from optiq_server.settings import Settings
from optiq_server.version import installed_version

OpenModel: TypeAlias = Callable[[Settings, EngineLimits, Callable[[], Dialect]], OpenedModel]


def serve(
    settings: Settings,
    listener: socket.socket,
    *,
    open_model: OpenModel,
    say: Callable[[str], None],
    open_page: Callable[[str], object] = webbrowser.open,
) -> None:
    """Serve on `listener` until a signal comes. `say` takes lines for the user.

    Raises StartFailed if the vocabulary or the model cannot be loaded, EngineDied if it stops computing.
    """
    started = time.monotonic()
    url = url_of(listener)
    chosen: Future[OpenedModel] = Future()
    services = _services(settings, open_model, chosen)
    server = graceful_server(
        create_app(services, lab_of(settings, services, chosen, own_url=f"{url}/v1")),
        end_replies=partial(drain_engine, services.engine, settings.http.drain_seconds),
    )

    def tell_ready() -> None:
        seconds = time.monotonic() - started
        say(ready_lines(model=services.served.name, url=url, seconds=seconds, has_key=services.has_key))
        if settings.http.opens_page:
            # Beside the loop: some browsers are waited for.
            threading.Thread(target=open_page, args=(url,), name="open the page", daemon=True).start()

    asyncio.run(_run(server, services.engine, listener, tell_ready))
    engine = services.engine
    if engine.state is EngineState.FAILED:
        reason = engine.failure or "no reason is known"
        raise StartFailed(reason) if engine.model is None else EngineDied(reason)


def _services(settings: Settings, open_model: OpenModel, chosen: "Future[OpenedModel]") -> Services:
    generation = settings.generation
    limits = EngineLimits(
        max_running=generation.max_running,
        max_waiting=generation.queue_limit,
        cache_bytes=generation.cache_bytes,
        cache_dir=generation.cache_dir,
    )
    harmony = _harmony(settings)
    dialect: Future[Dialect] = Future()

    def open_backend() -> Backend:
        opened = open_model(settings, limits, harmony)
        dialect.set_result(opened.dialect)
        chosen.set_result(opened)
        return opened.backend

    return Services(
        engine=Engine(open_backend, limits),
        dialect=LoadedDialect(dialect),
        served=ServedModel(
            name=settings.model_name, created=int(time.time()), is_strict=settings.strict_model
        ),
        version=installed_version(),
        time_limit=generation.time_limit,
        store=_store(settings),
        log_prompts=settings.log_prompts,
        api_key=settings.http.api_key,
    )


def _store(settings: Settings) -> ResponseStore | None:
    if not settings.stores_responses:
        return None
    return ResponseStore(settings.cache_folder / "responses.sqlite3", clock=seconds_since_1970)


def _harmony(settings: Settings) -> Callable[[], Dialect]:
    """Makes gpt-oss's dialect, if the model turns out to be one.

    The vocabulary is loaded here, before there are other threads, unless the model is known to be another.
    """
    current_date = settings.generation.current_date or date.today()

    def load_vocabulary() -> Vocabulary:
        return Vocabulary.load(settings.cache_folder)

    def make(vocabulary: Vocabulary) -> Dialect:
        return HarmonyDialect(vocabulary, current_date=current_date, compiler=_compiler(vocabulary))

    if not may_speak_harmony(settings):
        return lambda: make(load_vocabulary())
    try:
        return partial(make, load_vocabulary())
    except VocabularyUnavailable as error:
        raise StartFailed(str(error)) from error


def _compiler(vocabulary: Vocabulary) -> Future[GrammarCompiler]:
    """The compiler of structured replies, made beside the loading of the model."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="optiq-grammar")
    compiler = executor.submit(lambda: GrammarCompiler(TokenTable(vocabulary)))
    executor.shutdown(wait=False)
    return compiler


async def _run(
    server: GracefulServer, engine: Engine, listener: socket.socket, tell_ready: Callable[[], None]
) -> None:
    watching = asyncio.create_task(_watch(server, engine, tell_ready), name="watch the engine")
    try:
        await server.serve(sockets=[listener])
    finally:
        watching.cancel()


async def _watch(server: GracefulServer, engine: Engine, tell_ready: Callable[[], None]) -> None:
    """Tell that the model is ready, and stop the server that has none, or has none any more."""
    await engine.wait_until_settled()
    if engine.state is EngineState.READY:
        tell_ready()
    await engine.wait_until_ended()
    server.should_exit = True
