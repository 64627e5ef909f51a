"""The one seeded generator: a seed names a conversation for ever.

Training draws from even seeds and every evaluation from odd ones, so held-out is held out by construction.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tools.pocket.conversations import EFFORTS, Dialogue, Effort, Exchange, Tool
from tools.pocket.lexicon import Lexicon
from tools.pocket.tasks import arithmetic, extraction, functions, pairs, repeating, smalltalk

Maker = Callable[[random.Random, Lexicon], Exchange]
MAKERS: dict[str, Maker] = {
    "add": arithmetic.make,
    "repeat": repeating.make,
    "lookup": pairs.make_lookup,
    "hops": pairs.make_hops,
    "functions": functions.make,
    "extract": extraction.make,
    "smalltalk": smalltalk.make,
}
DEFAULT_WEIGHTS: dict[str, float] = {
    "add": 1.3,
    "repeat": 1.0,
    "lookup": 1.3,
    "hops": 1.6,
    "functions": 1.3,
    "extract": 1.0,
    "smalltalk": 0.8,
}
_FIRST_DAY = datetime.date(2024, 1, 1)
_DAYS = 1600
_INSTRUCTIONS = (
    "You are a helpful assistant.",
    "You are a helpful assistant.",
    "You are a helpful assistant.",
    "You are a helpful, honest and harmless assistant.",
    "You are a useful assistant that answers in one line.",
    "Answer briefly.",
    "Be concise.",
    "Be brief and exact.",
    "Answer in English.",
    "Always answer correctly.",
    "Think before you answer.",
    "You are an expert. Answer the question of the user.",
    "You are OptiQ.",
    "Use the functions when they help.",
    "Use tools if needed.",
    "Reply with the answer only.",
    "Talk like a friendly assistant.",
    "Do what the user asks.",
    "You help people with small tasks. Do not make things up. If you do not know, say so.",
)
_BEFORE = (
    "Please. ",
    "Hi! ",
    "Hello, ",
    "Hey, ",
    "Ok. ",
    "Okay, ",
    "Now: ",
    "Question: ",
    "Next one. ",
    "Task: ",
)
_AFTER = (" Thanks!", " Thank you.", " Please.", "\nThanks", "  ", " please")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """Makes the conversation of a seed."""

    lexicon: Lexicon

    def dialogue(
        self,
        seed: int,
        weights: Mapping[str, float] = DEFAULT_WEIGHTS,
        effort: Effort | None = None,
        turns: int | None = None,
    ) -> Dialogue:
        rng = random.Random(seed)
        family = rng.choices(list(weights), list(weights.values()))[0]
        current = self._polite(rng, MAKERS[family](rng, self.lexicon))
        count = turns - 1 if turns is not None else rng.choices((0, 1, 2), (78, 17, 5))[0]
        history = tuple(self._earlier(rng) for _ in range(count))
        return Dialogue(
            date=str(_FIRST_DAY + datetime.timedelta(days=rng.randrange(_DAYS))),
            effort=effort if effort is not None else rng.choice(EFFORTS),
            instructions=self._instructions(rng),
            tools=self._tools(rng, (current, *history)),
            history=history,
            current=current,
            replay_call=rng.random() < 0.3,
            replay_analysis=rng.random() < 0.5,
        )

    def _earlier(self, rng: random.Random) -> Exchange:
        """A finished exchange; short families are likelier, to keep conversations short."""
        family = rng.choice(
            ("add", "repeat", "smalltalk", "extract", "functions", "lookup", "smalltalk", "add")
        )
        return MAKERS[family](rng, self.lexicon)

    def _polite(self, rng: random.Random, exchange: Exchange) -> Exchange:
        """Now and then some words around the question; not where the text itself is to be repeated."""
        if exchange.family in ("repeat", "smalltalk", "beyond") or rng.random() < 0.8:
            return exchange
        question = exchange.question
        if rng.random() < 0.5:
            question = rng.choice(_BEFORE) + question
        else:
            question += rng.choice(_AFTER)
        return Exchange(
            family=exchange.family,
            question=question,
            working=exchange.working,
            answer=exchange.answer,
            call=exchange.call,
            tools=exchange.tools,
        )

    def _instructions(self, rng: random.Random) -> str | None:
        if rng.random() < 0.5:
            return None
        if rng.random() < 0.85:
            return rng.choice(_INSTRUCTIONS)
        words = [self.lexicon.word(rng) for _ in range(rng.randint(3, 25))]
        return f"{' '.join(words).capitalize()}."

    def _tools(self, rng: random.Random, exchanges: tuple[Exchange, ...]) -> tuple[Tool, ...]:
        tools: dict[str, Tool] = {}
        for exchange in exchanges:
            for tool in exchange.tools:
                tools.setdefault(tool.name, tool)
        if not tools and rng.random() < 0.15:
            return functions.declare(rng, self.lexicon, rng.randint(1, 3))
        return tuple(tools.values())
