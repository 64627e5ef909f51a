"""Key/value pairs in the user's message: looking one up, or following hops from one to the next."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

from tools.pocket.conversations import Exchange
from tools.pocket.lexicon import Lexicon

FEWEST_PAIRS, MOST_PAIRS = 3, 24
MOST_HOPS = 4
MOST_HOP_PAIRS = 40

_LINE_STYLES = ("{k}: {v}", "{k} = {v}", "{k} -> {v}", "{k} {v}", "- {k}: {v}", "{k} => {v}", "{k} is {v}")
_INLINE_STYLES = ("{k}: {v}", "{k} = {v}", "{k} -> {v}", "{k} is {v}")
_INTRODUCTIONS = (
    "Here is a list:",
    "Here are some pairs:",
    "Given these pairs:",
    "Use this table:",
    "Data:",
    "Look at this list:",
    "Here is a dictionary:",
    "These are the values:",
    "Pairs:",
    "Remember this:",
)
_ASK = (
    "What is the value of {k}?",
    "What is {k}?",
    "What value does {k} have?",
    "Look up {k}.",
    "Find {k}.",
    "Which value belongs to {k}?",
    "What is listed for {k}?",
    "Give me the value for {k}.",
    "Tell me the value of {k}.",
    "What goes with {k}?",
    "Value of {k}?",
    "look up the key {k}",
)
_HOP_INTRODUCTIONS = (
    "Follow the arrows.",
    "Here are the hops:",
    "Each word points to another.",
    "Here are the links:",
    "These are the connections:",
    "Map:",
    "Pairs:",
    "Follow the hops through these pairs:",
)
_HOP_STYLES = ("{k} -> {v}", "{k} -> {v}", "{k}: {v}", "{k} = {v}", "{k} => {v}", "{k} to {v}")
_HOP_ASK = (
    "Start at {k} and follow {n}. Where do you end?",
    "Where do you get from {k} after {n}?",
    "Start from {k} and take {n}.",
    "From {k}, follow {n}.",
    "What do you reach from {k} in {n}?",
    "Begin at {k}. After {n}, where are you?",
    "Follow {n} from {k}.",
    "Starting at {k}, make {n}. What is the last word?",
)


def _key(rng: random.Random, lexicon: Lexicon, style: float) -> str:
    if style < 0.65:
        return lexicon.word(rng)
    if style < 0.8:
        return lexicon.name(rng)
    if style < 0.9:
        return str(rng.randint(10, 999))
    return f"{lexicon.word(rng)} {lexicon.word(rng)}"


def _keys(rng: random.Random, lexicon: Lexicon, count: int) -> list[str]:
    style = rng.random()
    chosen: dict[str, None] = {}
    while len(chosen) < count:
        chosen[_key(rng, lexicon, style)] = None
    return list(chosen)


def _value(rng: random.Random, lexicon: Lexicon, style: float) -> str:
    if style < 0.45:
        return lexicon.word(rng)
    if style < 0.6:
        return lexicon.name(rng)
    if style < 0.85:
        return str(rng.randint(0, 999))
    return f"{lexicon.word(rng)} {lexicon.word(rng)}"


def _table(rng: random.Random, pairs: Sequence[tuple[str, str]], styles: tuple[str, ...]) -> str:
    shape = rng.random()
    if shape < 0.08:
        return "{" + ", ".join(f'"{k}": "{v}"' for k, v in pairs) + "}"
    if shape < 0.65:
        style = rng.choice(styles)
        return "\n".join(style.format(k=k, v=v) for k, v in pairs)
    style = rng.choice([style for style in styles if not style.startswith("-") and style != "{k} {v}"])
    separator = rng.choice((", ", "; ", ", "))
    return separator.join(style.format(k=k, v=v) for k, v in pairs)


def _message(rng: random.Random, introduction: str, table: str, question: str) -> str:
    gap = rng.choice(("\n", "\n\n"))
    shape = rng.random()
    if shape < 0.45:
        return f"{introduction}{gap}{table}{gap}{question}"
    if shape < 0.75:
        return f"{table}{gap}{question}"
    return f"{question}{gap}{table}"


def make_lookup(rng: random.Random, lexicon: Lexicon) -> Exchange:
    count = rng.randint(FEWEST_PAIRS, rng.choice((6, 12, MOST_PAIRS)))
    keys = _keys(rng, lexicon, count)
    style = rng.random()
    values = [_value(rng, lexicon, style) for _ in keys]
    table = _table(rng, list(zip(keys, values, strict=True)), _LINE_STYLES)
    place = rng.randrange(count)
    key, value = keys[place], values[place]
    return Exchange(
        family="lookup",
        question=_message(rng, rng.choice(_INTRODUCTIONS), table, rng.choice(_ASK).format(k=key)),
        working={
            "low": f"Find {key} -> {value}",
            "medium": f"I look for {key} in the list. Find {key} -> {value}",
            "high": f"I look for {key} in the list. Find {key} -> {value}. So the value of {key} is {value}",
        },
        answer=value,
    )


def make_hops(rng: random.Random, lexicon: Lexicon) -> Exchange:
    hops = rng.randint(1, MOST_HOPS)
    chains = rng.randint(1, rng.choice((2, 5, MOST_HOP_PAIRS // MOST_HOPS)))
    words = lexicon.words(rng, chains * (MOST_HOPS + 1))
    width = MOST_HOPS + 1
    paths = [words[i * width : (i + 1) * width] for i in range(chains)]
    pairs = [pair for path in paths for pair in pairwise(path)]
    rng.shuffle(pairs)
    path = rng.choice(paths)
    begin = rng.randint(0, MOST_HOPS - hops)
    walked = path[begin : begin + hops + 1]
    count = f"{hops} {rng.choice(('hop', 'step'))}{'s' if hops > 1 else ''}"
    question = rng.choice(_HOP_ASK).format(k=walked[0], n=count)
    steps = "\n".join(f"{n}: {a} -> {b}" for n, (a, b) in enumerate(pairwise(walked), start=1))
    return Exchange(
        family="hops",
        question=_message(rng, rng.choice(_HOP_INTRODUCTIONS), _table(rng, pairs, _HOP_STYLES), question),
        working={
            "low": steps,
            "medium": f"I follow {hops} from {walked[0]}.\n{steps}",
            "high": f"I follow {hops} from {walked[0]}.\n{steps}\nThat is {hops}, so the end is {walked[-1]}",
        },
        answer=walked[-1],
    )
