"""What Python costs beside the model: processor time of our own server process a token that it streams.

The backend is the scripted one, which computes nothing and tells one token a stream and step, at the pace of
a fast device. So this is the worker's loop, the hand-over, the parser, the fold, JSON, SSE and HTTP. The
clients run in another process.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.parser import Parser
from optiq_harmony.tokens import SPECIAL_TOKENS, VOCABULARY_SIZE, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.api.served_model import ServedModel
from optiq_server.api.services import Services
from optiq_server.app import create_app, stop_engine
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.engine import Engine
from optiq_server.engine.scripted_backend import Script, ScriptedBackend
from optiq_server.engine.types import EngineLimits, ModelInfo, Tokens
from optiq_server.listener import bind, url_of
from optiq_server.serving import graceful_server
from optiq_server.settings import HttpSettings
from optiq_server.sse import event
from optiq_server.translate.chat_reply import ChatChunks, ReplyHead
from optiq_server.translate.reply import Reply

_STEP_SECONDS = 0.008
"""A step of the 20b on a fast Mac: 120 tokens a second and stream."""

_CLIENT = """
import sys, threading, httpx
def read(url, tokens):
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True, "max_tokens": tokens}
    with httpx.stream("POST", url + "/v1/chat/completions", json=body, timeout=600) as answer:
        for _ in answer.iter_lines():
            pass
url, streams, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
threads = [threading.Thread(target=read, args=(url, tokens)) for _ in range(streams)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Microseconds of processor time a token and stream, of our code and of the kernel for it."""

    user: float
    system: float


def measure(vocabulary: Vocabulary, *, streams: int, tokens: int) -> Cost:
    return asyncio.run(_measure(vocabulary, streams, tokens))


def fold_cost(vocabulary: Vocabulary, *, tokens: int) -> float:
    """Microseconds a token from its id to the bytes of its event: parser, fold, JSON, but no socket."""
    parser = Parser(vocabulary)
    head = ReplyHead(id="chatcmpl-1", created=0, model="m", system_fingerprint="fp")
    reply = Reply(parser=parser, control_tokens=SPECIAL_TOKENS)
    chunks = ChatChunks(head, new_call_id=lambda: "", token_bytes=vocabulary.token_bytes, include_usage=False)
    ids = list(itertools.islice(_endless_text(vocabulary), tokens))
    started = time.perf_counter()
    for token in ids:
        b"".join(event(chunk) for chunk in chunks.of(0, reply.read(Tokens(ids=(token,)))))
    return 1e6 * (time.perf_counter() - started) / tokens


def _endless_text(vocabulary: Vocabulary) -> Iterator[int]:
    header = (ControlToken.CHANNEL, *vocabulary.encode_text("final"), ControlToken.MESSAGE)
    text = vocabulary.encode_text(" and so on, word after word")
    return itertools.chain(header, itertools.cycle(text))


async def _measure(vocabulary: Vocabulary, streams: int, tokens: int) -> Cost:
    server_task, url, stop = await _serve(vocabulary, streams)
    client = [sys.executable, "-c", _CLIENT, url, str(streams), str(tokens)]
    before = os.times()
    await asyncio.to_thread(subprocess.run, client, check=True)
    after = os.times()
    stop()
    await server_task
    share = 1e6 / (streams * tokens)
    return Cost(user=share * (after.user - before.user), system=share * (after.system - before.system))


async def _serve(vocabulary: Vocabulary, streams: int) -> tuple[asyncio.Task[None], str, Callable[[], None]]:
    info = ModelInfo(
        architecture="gpt_oss", context_length=1 << 20, vocabulary_size=VOCABULARY_SIZE, weight_bytes=0
    )
    pace = threading.Event()
    engine = Engine(
        lambda: ScriptedBackend(
            lambda _: Script(tokens=_endless_text(vocabulary)),
            info=info,
            pace=lambda: pace.wait(_STEP_SECONDS),
        ),
        EngineLimits(max_running=streams),
    )
    compiler: Future[GrammarCompiler] = Future()
    services = Services(
        engine=engine,
        dialect=HarmonyDialect(vocabulary, current_date=date(2026, 1, 31), compiler=compiler),
        served=ServedModel(name="scripted", created=0),
        version="0",
        time_limit=3600,
    )
    server = graceful_server(create_app(services), end_replies=lambda: stop_engine(engine), access_log=False)
    listener = bind(HttpSettings(port=0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await engine.wait_until_settled()
    return task, url_of(listener), lambda: setattr(server, "should_exit", True)
