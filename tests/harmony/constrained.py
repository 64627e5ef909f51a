"""Replies under a constraint: following a given text, and walking at random where the masks allow it."""

from dataclasses import dataclass
from functools import cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from optiq_harmony.constraint import Constraint, GrammarCompiler, TokenTable
from optiq_harmony.grammar import reply_grammar
from optiq_harmony.structure import Structure
from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN
from optiq_harmony.vocabulary import Vocabulary

NEXT = "<|end|><|start|>assistant"
THOUGHT = f"<|channel|>analysis<|message|>Let me see.{NEXT}"
PREAMBLE = f"<|channel|>commentary<|message|>I will look it up.{NEXT}"

_ENDS = (*'"}]0123456789', '"}', "true", "null", ",", ":", " ")


def allowed(mask: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether each token is in `mask`, by its id."""
    return np.unpackbits(mask.view(np.uint8), bitorder="little").astype(np.bool_)


def allowed_special(mask: NDArray[np.uint32]) -> list[int]:
    """The control tokens in `mask`, ascending."""
    return [int(token) + FIRST_SPECIAL_TOKEN for token in np.flatnonzero(allowed(mask)[FIRST_SPECIAL_TOKEN:])]


def is_allowed(mask: NDArray[np.uint32], token: int) -> bool:
    return bool(mask[token // 32] >> np.uint32(token % 32) & np.uint32(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """What a structure makes of replies, with the real vocabulary."""

    vocabulary: Vocabulary
    table: TokenTable
    compiler: GrammarCompiler

    def constraint(self, structure: Structure) -> Constraint:
        return self.compiler.constraint(reply_grammar(structure))

    def encode(self, reply: str) -> list[int]:
        """The tokens of `reply`, in which `<|end|>` and the like are control tokens."""
        return list(self.vocabulary.encoding.encode(reply, allowed_special="all"))

    def decode(self, tokens: list[int]) -> str:
        return b"".join(map(self.vocabulary.token_bytes, tokens)).decode()

    def admits(self, structure: Structure, reply: str) -> bool:
        """Whether every token of `reply` is in the mask before it, and the reply is complete after it."""
        constraint = self.constraint(structure)
        for token in self.encode(reply):
            if not is_allowed(constraint.mask(), token):
                return False
            constraint.accept(token)
        return constraint.is_finished

    def walk(self, structure: Structure, random: Random, *, wander: int = 40, limit: int = 4000) -> list[int]:
        """A reply of random allowed tokens, steered towards an end after `wander` of them."""
        constraint = self.constraint(structure)
        ends = np.array([token for text in _ENDS for token in self.vocabulary.encode_text(text)])
        tokens: list[int] = []
        while not constraint.is_finished:
            assert len(tokens) < limit, self.decode(tokens)
            token = _choose(constraint.mask(), ends, random, steer=len(tokens) >= wander)
            constraint.accept(token)
            tokens.append(token)
        return tokens


@cache  # The table takes a second, and all of the modules want the same.
def replies_of(vocabulary: Vocabulary) -> Replies:
    table = TokenTable(vocabulary)
    return Replies(vocabulary=vocabulary, table=table, compiler=GrammarCompiler(table))


def _choose(mask: NDArray[np.uint32], ends: NDArray[np.intp], random: Random, *, steer: bool) -> int:
    special = allowed_special(mask)
    if special and (steer or random.random() < 0.2):
        return random.choice(special)
    tokens = allowed(mask)
    ending = ends[tokens[ends]]
    if len(ending) and (steer or random.random() < 0.5):
        return int(random.choice(ending))
    return int(random.choice(np.flatnonzero(tokens)))
