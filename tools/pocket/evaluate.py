"""Measure the pocket model through any OpenAI-compatible server, greedily, on held-out conversations.

`python -m tools.pocket.evaluate --base-url http://127.0.0.1:8080/v1` prints a table by task and
reasoning effort. A function call is a real tool loop: call, result, answer.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from optiq_harmony.ranks import unpack_ranks
from optiq_server.settings import default_cache_folder
from tools.pocket.conversations import Call, Dialogue
from tools.pocket.encoding import load_encoding
from tools.pocket.generator import Generator
from tools.pocket.lexicon import build_lexicon, read_ranks
from tools.pocket.scoring import Reply, Verdict, held_out, judge, shares, table_text

_LONGEST_REPLY = 512
_TIMEOUT_SECONDS = 300.0


def request_messages(dialogue: Dialogue, called: tuple[Reply, Call] | None) -> list[dict[str, Any]]:
    """The dialogue as a client sends it."""
    messages: list[dict[str, Any]] = []
    if dialogue.instructions is not None:
        messages.append({"role": "system", "content": dialogue.instructions})
    for number, exchange in enumerate(dialogue.history):
        messages.append({"role": "user", "content": exchange.question})
        if exchange.call is not None:
            call = exchange.call
            messages += _tool_turn(f"call_{number}", call.name, call.arguments_text, call.result, None)
        messages.append({"role": "assistant", "content": exchange.answer})
    messages.append({"role": "user", "content": dialogue.current.question})
    if called is not None:
        reply, call = called
        name, arguments = reply.call if reply.call is not None else (call.name, call.arguments_text)
        messages += _tool_turn("call_now", name, arguments, call.result, reply.reasoning)
    return messages


def _tool_turn(
    identity: str, name: str, arguments: str, result: str, reasoning: str | None
) -> list[dict[str, Any]]:
    function = {"name": name, "arguments": arguments}
    call: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": identity, "type": "function", "function": function}],
    }
    if reasoning is not None:
        call["reasoning_content"] = reasoning
    return [call, {"role": "tool", "tool_call_id": identity, "content": result}]


class HttpResponder:
    """Answers through `POST {base_url}/chat/completions`."""

    def __init__(self, base_url: str, model: str) -> None:
        self._client = httpx.Client(base_url=base_url.rstrip("/"), timeout=_TIMEOUT_SECONDS)
        self._model = model

    def __call__(self, dialogue: Dialogue, called: tuple[Reply, Call] | None) -> Reply:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": request_messages(dialogue, called),
            "temperature": 0,
            "max_completion_tokens": _LONGEST_REPLY,
            "reasoning_effort": dialogue.effort,
        }
        if dialogue.tools:
            body["tools"] = [{"type": "function", "function": asdict(tool)} for tool in dialogue.tools]
        response = self._client.post("/chat/completions", json=body)
        response.raise_for_status()
        message = response.json()["choices"][0]["message"]
        calls = message.get("tool_calls") or []
        call = (calls[0]["function"]["name"], calls[0]["function"]["arguments"]) if calls else None
        return Reply(text=message.get("content"), reasoning=message.get("reasoning_content"), call=call)


def run(generator: Generator, responder: HttpResponder, count: int, parallel: int) -> list[Verdict]:
    with ThreadPoolExecutor(parallel) as pool:
        jobs = [pool.submit(judge, *item, responder) for item in held_out(generator, count)]
        return [job.result() for job in jobs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--ranks", type=Path, help="o200k_base.tiktoken (default: the one in the server's cache)"
    )
    parser.add_argument("--base-url", default="http://127.0.0.1:8080/v1")
    parser.add_argument("--model", default="optiq-pocket")
    parser.add_argument("--count", type=int, default=200, help="conversations of each task")
    parser.add_argument("--parallel", type=int, default=8, help="requests at once")
    parser.add_argument("--json", type=Path, help="write the table and every wrong answer here")
    options = parser.parse_args()
    ranks = options.ranks or unpack_ranks(default_cache_folder())
    encoding = load_encoding(ranks)
    generator = Generator(lexicon=build_lexicon(read_ranks(ranks), encoding))
    responder = HttpResponder(options.base_url, options.model)
    verdicts = run(generator, responder, options.count, options.parallel)
    table = shares(verdicts)
    table_text(table)
    if options.json is not None:
        wrong = [asdict(verdict) for verdict in verdicts if not verdict.right]
        options.json.write_text(json.dumps({"shares": table, "wrong": wrong}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
