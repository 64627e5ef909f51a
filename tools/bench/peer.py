"""mlx-lm's own server on the same weights: speeds of a stream and of eight, and the time to a second turn.

It is started as its users start it, from this environment. It computes in the checkpoint's dtype, which on a
CPU is slow and wrong in 16 bits; so both servers get a copy in float32. It writes harmony's markup into the
content, and so its first visible token comes earlier than ours: whole replies are compared.
"""

import concurrent.futures
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import mlx.core as mx

_START_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A chat as both servers take it."""

    messages: Sequence[dict[str, str]]
    max_tokens: int
    seed: int | None = None

    def body(self) -> dict[str, object]:
        body: dict[str, object] = {
            "messages": list(self.messages),
            "max_tokens": self.max_tokens,
            "temperature": 0 if self.seed is None else 1,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return body if self.seed is None else {**body, "seed": self.seed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """One reply: seconds until its first and its last event, and how many tokens it has."""

    first: float
    last: float
    tokens: int


def in_float32(folder: Path, target: Path) -> Path:
    """A copy of a checkpoint whose 16-bit floats are widened."""
    shutil.copytree(folder, target)
    for path in target.glob("model*.safetensors"):
        stored = cast("dict[str, mx.array]", mx.load(str(path)))
        wide = {
            name: each.astype(mx.float32) if each.dtype in (mx.bfloat16, mx.float16) else each
            for name, each in stored.items()
        }
        mx.eval(wide)
        mx.save_safetensors(str(path), wide, {"format": "pt"})
    return target


@contextlib.contextmanager
def mlx_lm_server(model: Path) -> Iterator[str]:
    """The peer on a free port; gives its URL once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def stream(url: str, asked: Asked) -> Streamed:
    """Ask, and read to the end. The first event counts that carries anything of the reply."""
    started = time.perf_counter()
    first = None
    tokens = 0
    with httpx.stream("POST", f"{url}/v1/chat/completions", json=asked.body(), timeout=600) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if not line.startswith("data: {"):
                continue
            event = json.loads(line.removeprefix("data: "))
            if first is None and any(_says_something(choice) for choice in event["choices"]):
                first = time.perf_counter() - started
            if event.get("usage"):
                tokens = event["usage"]["completion_tokens"]
    return Streamed(first=first or 0.0, last=time.perf_counter() - started, tokens=tokens)


def together(url: str, asked: Sequence[Asked]) -> float:
    """Tokens a second of all of these at the same time."""
    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(asked)) as pool:
        streams = list(pool.map(lambda each: stream(url, each), asked))
    return sum(each.tokens for each in streams) / (time.perf_counter() - started)


def _says_something(choice: dict[str, dict[str, object]]) -> bool:
    delta = choice.get("delta", {})
    return any(delta.get(name) for name in ("content", "reasoning", "reasoning_content", "tool_calls"))


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"mlx_lm.server ended with exit code {process.returncode}")
        with contextlib.suppress(httpx.TransportError):  # the socket is not bound yet
            if httpx.get(url).status_code == 200:
                return
        time.sleep(0.1)
    raise TimeoutError("mlx_lm.server was not ready in time")
