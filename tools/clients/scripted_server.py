"""The real application on a free loopback port, with a scripted model, for as long as a block runs."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date

from optiq_harmony.constraint import GrammarCompiler, TokenTable
from optiq_harmony.tokens import VOCABULARY_SIZE
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.api.served_model import ServedModel
from optiq_server.api.services import Services
from optiq_server.app import create_app, stop_engine
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.engine import Engine
from optiq_server.engine.scripted_backend import ScriptedBackend
from optiq_server.engine.types import EngineLimits, ModelInfo
from optiq_server.listener import bind, url_of
from optiq_server.serving import graceful_server
from optiq_server.settings import HttpSettings
from optiq_server.version import installed_version
from tools.clients.actor import Actor
from tools.clients.recorder import Exchange, Recorder

MODEL_NAME = "gpt-oss-20b"
CURRENT_DATE = date(2026, 1, 31)
"""Fixed, so that a prompt is the same on every day."""

CONTEXT_LENGTH = 131_072
"""gpt-oss's own."""

_MODEL = ModelInfo(
    architecture="gpt_oss",
    context_length=CONTEXT_LENGTH,
    vocabulary_size=VOCABULARY_SIZE,
    weight_bytes=0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedServer:
    """Where it listens, and what it has received so far."""

    url: str
    exchanges: list[Exchange]


@contextlib.asynccontextmanager
async def scripted_server(vocabulary: Vocabulary, actor: Actor) -> AsyncIterator[ScriptedServer]:
    """Serve `actor` as the model; ids are counted, so that two runs give the same prompts."""
    counter = itertools.count(1)
    services = Services(
        engine=Engine(lambda: ScriptedBackend(actor.reply, info=_MODEL), EngineLimits()),
        dialect=harmony_dialect(vocabulary),
        served=ServedModel(name=MODEL_NAME, created=0),
        version=installed_version(),
        time_limit=60.0,
        new_id=lambda prefix: f"{prefix}{next(counter):06}",
    )
    recorder = Recorder(create_app(services))
    server = graceful_server(recorder, end_replies=lambda: stop_engine(services.engine), access_log=False)
    with bind(HttpSettings(port=0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await services.engine.wait_until_settled()
            yield ScriptedServer(url=url_of(listener), exchanges=recorder.exchanges)
        finally:
            server.should_exit = True
            await task


def harmony_dialect(vocabulary: Vocabulary) -> HarmonyDialect:
    """gpt-oss's dialect on the fixed day."""
    compiler: Future[GrammarCompiler] = Future()
    compiler.set_result(GrammarCompiler(TokenTable(vocabulary)))
    return HarmonyDialect(vocabulary, current_date=CURRENT_DATE, compiler=compiler)
