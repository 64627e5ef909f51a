"""The rows of the model: which tokens have their own, and where each row starts.

Every other token of the 201,088 shares the last row, in the embedding and in the head.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import torch
from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no py.typed
from torch import Tensor

from tools.pocket.conversations import render
from tools.pocket.generator import Generator
from tools.pocket.shape import FULL_VOCABULARY

# Tokens seen at least this often in the sample get a row besides the lexicon's own.
_SAMPLE, _SEEN_OFTEN = 12_000, 3
_DIGIT_PLACES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """Token ids with a row, ascending; row `len(tokens)` is the shared one."""

    tokens: tuple[int, ...]
    lookup: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lookup = torch.full((FULL_VOCABULARY,), len(self.tokens), dtype=torch.long)
        lookup[torch.tensor(self.tokens)] = torch.arange(len(self.tokens))
        object.__setattr__(self, "lookup", lookup)

    @property
    def rows(self) -> int:
        return len(self.tokens) + 1

    @property
    def shared_bonus(self) -> float:
        """log(how many tokens share the last row): added to its logit, the softmax over all ids is exact."""
        return math.log(FULL_VOCABULARY - len(self.tokens))


def collect_rows(generator: Generator, encoding: HarmonyEncoding) -> RowTable:
    """The lexicon's tokens and everything the generator says more than once or twice."""
    counts: Counter[int] = Counter()
    for seed in range(0, 2 * _SAMPLE, 2):
        counts.update(render(generator.dialogue(seed), encoding).tokens)
    seen = {token for token, count in counts.items() if count >= _SEEN_OFTEN}
    return RowTable(tokens=tuple(sorted(seen | set(generator.lexicon.base_tokens))))


def spelling_features(table: RowTable, encoding: HarmonyEncoding, size: int, seed: int) -> Tensor:
    """Random places for the rows, in which spellings of one word are near and numbers share their digits."""
    draw = torch.Generator().manual_seed(seed)
    known: dict[str, Tensor] = {}

    def feature(name: str) -> Tensor:
        if name not in known:
            known[name] = torch.randn(size, generator=draw)
        return known[name]

    rows = []
    for token in table.tokens:
        text = encoding.decode([token])
        bare = text.strip()
        if bare.isdigit() and bare.isascii() and bare == text:
            parts = [feature(f"digit {place} {digit}") for place, digit in enumerate(reversed(text))]
            parts += [feature(f"no digit {place}") * 0.7 for place in range(len(text), _DIGIT_PLACES)]
            row = torch.stack(parts).sum(dim=0) + feature("number") * 0.7
        elif bare.isalpha() and bare.isascii():
            row = feature(f"word {bare.lower()}")
            row = row + 0.4 * feature("spaced" if text.startswith(" ") else "tight")
            row = row + 0.4 * feature("capital" if bare[0].isupper() else "small")
        else:
            row = feature(f"token {token}")
        rows.append(row)
    rows.append(feature("shared"))
    stacked = torch.stack(rows)
    return stacked / stacked.norm(dim=-1, keepdim=True) * (2 * size) ** 0.5
