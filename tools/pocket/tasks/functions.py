"""Calling one of several declared functions with the right JSON arguments, then answering from its result."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from tools.pocket.conversations import Call, Exchange, Tool
from tools.pocket.lexicon import Lexicon
from tools.pocket.tasks.natural_functions import NATURAL

MOST_TOOLS = 4

_VERBS = (
    "get",
    "set",
    "find",
    "send",
    "create",
    "search",
    "delete",
    "update",
    "check",
    "open",
    "list",
    "make",
)
_STRING_NAMES = (
    "city",
    "name",
    "title",
    "location",
    "text",
    "query",
    "item",
    "user",
    "color",
    "country",
    "subject",
    "file",
    "message",
    "place",
    "product",
    "topic",
    "language",
)
_INTEGER_NAMES = (
    "count",
    "days",
    "age",
    "amount",
    "number",
    "limit",
    "year",
    "hour",
    "level",
    "size",
    "quantity",
    "minutes",
    "price",
    "id",
)
_RESULT_NAMES = (
    "temperature",
    "status",
    "price",
    "total",
    "condition",
    "time",
    "value",
    "count",
    "message",
    "score",
    "distance",
    "state",
    "weight",
    "code",
)


_GENERIC_REQUESTS = (
    "Call {name} with {pairs}.",
    "Use {name} with {pairs}.",
    "Use the {name} function with {pairs}.",
    "Please call {name}. {pairs}",
    "Run {name}: {pairs}",
    "{what} with {pairs}.",
    "I want to {what}: {pairs}",
    "Can you {what} with {pairs}?",
    "{what}, {pairs}",
)
_PAIR_STYLES = ("{k} {v}", "{k} {v}", "{k} = {v}", "{k}: {v}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A declared function with a request that it answers."""

    tool: Tool
    question: str
    arguments: dict[str, object]


_SLOTS = {
    "city": "cities",
    "location": "cities",
    "place": "cities",
    "to": "people",
    "user": "people",
    "name": "people",
    "country": "countries",
    "language": "languages",
    "color": "colors",
    "day": "calendar",
    "item": "things",
    "product": "things",
    "query": "topics",
    "topic": "topics",
    "subject": "topics",
}


def _string(rng: random.Random, lexicon: Lexicon, slot: str) -> str:
    kind = rng.random()
    if slot in _SLOTS and kind < 0.5:
        return lexicon.of(rng, _SLOTS[slot])
    kind = rng.random()
    if kind < 0.45:
        return lexicon.name(rng)
    if kind < 0.75:
        return lexicon.word(rng)
    maker = lexicon.name if kind < 0.87 else lexicon.word
    return " ".join(maker(rng) for _ in range(rng.randint(2, 3)))


def _integer(rng: random.Random) -> int:
    return rng.randint(0, rng.choice((9, 99, 999)))


def _schema(rng: random.Random, names: dict[str, str]) -> dict[str, object]:
    described = rng.random() < 0.3
    properties: dict[str, object] = {}
    for name, kind in names.items():
        about = {"description": f"The {name}"} if described else {}
        properties[name] = {"type": kind, **about}
    required = list(names) if rng.random() < 0.85 else []
    return {"type": "object", "properties": properties, "required": required}


def _natural(rng: random.Random, lexicon: Lexicon) -> _Request:
    base = rng.choice(NATURAL)
    kinds = dict.fromkeys(base.strings, "string") | dict.fromkeys(base.integers, "integer")
    arguments: dict[str, object] = {
        name: _string(rng, lexicon, name) if kind == "string" else _integer(rng)
        for name, kind in kinds.items()
    }
    tool = Tool(name=base.name, description=base.description, parameters=_schema(rng, kinds))
    question = rng.choice(base.requests).format(**arguments)
    return _Request(tool=tool, question=question, arguments=arguments)


def _invented(rng: random.Random, lexicon: Lexicon) -> _Request:
    verb, noun = rng.choice(_VERBS), lexicon.noun(rng)
    name = f"{verb}_{noun}"
    what = f"{verb} {rng.choice(('the', 'a', 'my'))} {noun}"
    kinds: dict[str, str] = {}
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.6:
            kinds[rng.choice((*_STRING_NAMES, lexicon.noun(rng)))] = "string"
        else:
            kinds[rng.choice((*_INTEGER_NAMES, lexicon.noun(rng)))] = "integer"
    arguments: dict[str, object] = {
        key: _string(rng, lexicon, key) if kind == "string" else _integer(rng) for key, kind in kinds.items()
    }
    style = rng.choice(_PAIR_STYLES)
    shown = [style.format(k=key, v=value) for key, value in arguments.items()]
    joint = (
        ", ".join(shown)
        if len(shown) < 2 or rng.random() < 0.5
        else f"{', '.join(shown[:-1])} and {shown[-1]}"
    )
    question = rng.choice(_GENERIC_REQUESTS).format(name=name, what=what, pairs=joint)
    question = question[0].upper() + question[1:] if not question.startswith(name) else question
    description = rng.choice((what.capitalize(), f"{what.capitalize()}.", f"A function to {what}", what))
    tool = Tool(name=name, description=description, parameters=_schema(rng, kinds))
    return _Request(tool=tool, question=question, arguments=arguments)


def _request(rng: random.Random, lexicon: Lexicon) -> _Request:
    return _natural(rng, lexicon) if rng.random() < 0.45 else _invented(rng, lexicon)


def declare(rng: random.Random, lexicon: Lexicon, count: int) -> tuple[Tool, ...]:
    """Some functions that nobody will call."""
    tools: dict[str, Tool] = {}
    while len(tools) < count:
        tool = _request(rng, lexicon).tool
        tools.setdefault(tool.name, tool)
    return tuple(tools.values())


def _result(rng: random.Random, lexicon: Lexicon) -> tuple[str, str]:
    """What a function returns, and the answer that tells it."""
    shape = rng.random()
    if shape < 0.25:
        text = rng.choice(
            (lexicon.name(rng), str(rng.randint(0, 999)), f"{lexicon.name(rng)} {lexicon.word(rng)}")
        )
        return text, f"The result is {text}."
    names = rng.sample((*_RESULT_NAMES, lexicon.noun(rng)), rng.randint(1, 3))
    values: dict[str, object] = {
        name: rng.randint(0, 999) if rng.random() < 0.5 else lexicon.word(rng)
        for name in dict.fromkeys(names)
    }
    separators = (",", ":") if rng.random() < 0.4 else (", ", ": ")
    told = " and ".join(f"the {name} is {value}" for name, value in values.items())
    return json.dumps(values, separators=separators), f"{told[0].upper()}{told[1:]}."


def make(rng: random.Random, lexicon: Lexicon) -> Exchange:
    request = _request(rng, lexicon)
    others = [
        tool
        for tool in declare(rng, lexicon, rng.randint(0, MOST_TOOLS - 1))
        if tool.name != request.tool.name and not _alike(tool.name, request.tool.name)
    ]
    tools = [request.tool, *others]
    rng.shuffle(tools)
    result, answer = _result(rng, lexicon)
    name = request.tool.name
    pairs = ", ".join(f"{key}: {value}" for key, value in request.arguments.items())
    known = ", ".join(tool.name for tool in tools)
    return Exchange(
        family="functions",
        question=request.question,
        working={
            "low": f"Call {name}.",
            "medium": f"I call {name} with {pairs}.",
            "high": f"The functions are {known}. I call {name} with {pairs}.",
        },
        answer=answer,
        call=Call(name=name, arguments=request.arguments, result=result),
        tools=tuple(tools),
    )


def _alike(first: str, second: str) -> bool:
    """Two functions for the same request would leave no right answer."""
    weather = ("get_weather", "get_current_weather", "get_forecast")
    return first in weather and second in weather
