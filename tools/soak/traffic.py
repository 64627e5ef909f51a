"""Clients as they are: short and long chats, tools, formats, seeds, samples, and some that leave.

Each request is drawn from a seed and checked: a reply that ended by itself is whole, an error is one that was
asked for.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

_CHAT = "/v1/chat/completions"
_WORDS = ("river", "stone", "apple", "window", "green", "table", "paper", "light")
_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
_PERSON = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "schema": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 12},
                "age": {"type": "integer", "maximum": 120},
            },
            "required": ["name", "age"],
            "additionalProperties": False,
        },
    },
}


@dataclass(slots=True)
class Tally:
    """What happened so far: outcomes by name, and the first few that nobody can explain."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    def wrong(self, what: str) -> None:
        self.outcomes["unexplained"] += 1
        if len(self.unexplained) < 20:
            self.unexplained.append(what)


async def client(url: str, seed: int, tally: Tally, goes_on: Callable[[], bool]) -> None:
    """Ask one thing after another until told to stop."""
    source = random.Random(seed)
    history: list[dict[str, object]] = []
    async with httpx.AsyncClient(base_url=url, timeout=300) as http:
        while goes_on():
            body, check = _drawn(source, history)
            leaves = source.random() < 0.2
            try:
                await (
                    _streamed(http, body, check, tally, source, leaves=leaves)
                    if body.get("stream")
                    else _whole(http, body, check, tally)
                )
            except httpx.HTTPError as error:
                tally.wrong(f"{type(error).__name__}: {error}")


Check = Callable[[str, str, int], bool]
"""Whether text, finish reason and number of calls are what was asked for."""


def _drawn(source: random.Random, history: list[dict[str, object]]) -> tuple[dict[str, object], Check]:
    """A request, and how to tell that its reply is right."""
    kind = source.choices(
        ["chat", "turn", "long", "tool", "format", "samples", "bad"], [6, 4, 1, 3, 3, 1, 2]
    )[0]
    body: dict[str, object] = {
        "messages": [_user(f"What is {source.randrange(300)} + {source.randrange(200)}?")],
        "stream": source.random() < 0.7,
        "max_tokens": source.choice([20, 80, 200]),
        "temperature": source.choice([0, 1]),
    }
    if source.random() < 0.3:
        body["seed"] = source.randrange(1000)
    match kind:
        case "turn":
            history += [_user(f"Repeat: {' '.join(source.choices(_WORDS, k=8))}")]
            del history[:-6]
            body["messages"] = list(history)
        case "long":
            body["messages"] = [_user(f"Repeat: {' '.join(source.choices(_WORDS, k=700))}")]
            body["max_tokens"] = 8
        case "tool":
            body |= {"tools": [_TOOL], "tool_choice": "required", "messages": [_user("How is Paris?")]}
            return (
                body,
                lambda text, reason, calls: calls > 0 if reason == "tool_calls" else reason == "length",
            )
        case "format":
            body |= {"response_format": _PERSON, "messages": [_user("Extract: Paul is 31 years old.")]}
            return body, lambda text, reason, calls: reason == "length" or _is_person(text)
        case "samples":
            body |= {"n": 2, "stream": False}
        case "bad":
            return {**body, "temperature": 9, "stream": False}, lambda text, reason, calls: False
        case _:
            pass
    return body, lambda text, reason, calls: reason in ("stop", "length") and "<|" not in text


async def _whole(http: httpx.AsyncClient, body: dict[str, object], check: Check, tally: Tally) -> None:
    answer = await http.post(_CHAT, json=body)
    if body["temperature"] == 9:
        tally.outcomes["refused as it should be"] += answer.status_code == 400
        if answer.status_code != 400:
            tally.wrong(f"a bad request got {answer.status_code}")
        return
    if answer.status_code in (429, 503):
        tally.outcomes["told to come again"] += 1
        return
    if answer.status_code != 200:
        tally.wrong(f"{answer.status_code}: {answer.text[:200]}")
        return
    for choice in answer.json()["choices"]:
        message = choice["message"]
        _judge(
            tally,
            check,
            message["content"] or "",
            choice["finish_reason"],
            len(message.get("tool_calls") or []),
        )


async def _streamed(
    http: httpx.AsyncClient,
    body: dict[str, object],
    check: Check,
    tally: Tally,
    source: random.Random,
    *,
    leaves: bool,
) -> None:
    text, reason, calls, events = "", "", 0, 0
    patience = source.randrange(40) if leaves else None
    async with http.stream("POST", _CHAT, json=body) as answer:
        if answer.status_code in (429, 503):
            tally.outcomes["told to come again"] += 1
            return
        async for line in answer.aiter_lines():
            events += 1
            if patience is not None and events > patience:
                tally.outcomes["left in the middle"] += 1
                return
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            if "error" in chunk:
                tally.wrong(f"in a stream: {chunk['error']}")
                return
            for choice in chunk["choices"]:
                text += choice["delta"].get("content") or ""
                calls += any("name" in call["function"] for call in choice["delta"].get("tool_calls") or [])
                reason = choice["finish_reason"] or reason
    _judge(tally, check, text, reason, calls)


def _judge(tally: Tally, check: Check, text: str, reason: str, calls: int) -> None:
    if check(text, reason, calls):
        tally.outcomes["whole"] += 1
    else:
        tally.wrong(f"{reason!r}, {calls} calls: {text[:120]!r}")


def _is_person(text: str) -> bool:
    try:
        return set(json.loads(text)) == {"name", "age"}
    except ValueError:
        return False


def _user(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}


async def run(url: str, *, clients: int, tally: Tally, goes_on: Callable[[], bool]) -> None:
    """All clients at once, until `goes_on` says no."""
    await asyncio.gather(*(client(url, seed, tally, goes_on) for seed in range(clients)))
