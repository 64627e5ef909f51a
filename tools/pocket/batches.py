"""Batches of token rows: task conversations bucketed by length, and dense induction data."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no py.typed
from torch import Tensor

from tools.pocket.conversations import EFFORTS, render, render_prompt
from tools.pocket.generator import Generator
from tools.pocket.tasks import functions
from tools.pocket.vocabulary import RowTable

IGNORED = -100
_POOL = 512

_DENSE_LENGTH, _DENSE_TARGETS = 192, 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Shared prefixes (G, P); bodies (B, T), each following prefix `owner[b]`; the places of the body that
    predict (B, S); and what comes next there (B, S), IGNORED where unused."""

    prefix: Tensor
    owner: Tensor
    rows: Tensor
    places: Tensor
    targets: Tensor
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    rows: Tensor
    places: Tensor
    family: str
    owner: int = 0


def _collate(items: list[_Item], prefix: Tensor) -> Batch:
    length = max(len(item.rows) for item in items)
    width = max(len(item.places) for item in items)
    rows = torch.zeros((len(items), length), dtype=torch.long)
    places = torch.zeros((len(items), width), dtype=torch.long)
    targets = torch.full((len(items), width), IGNORED, dtype=torch.long)
    for number, item in enumerate(items):
        rows[number, : len(item.rows)] = item.rows
        places[number, : len(item.places)] = item.places
        targets[number, : len(item.places)] = item.rows[item.places + 1]
    return Batch(
        prefix=prefix,
        owner=torch.tensor([item.owner for item in items]),
        rows=rows,
        places=places,
        targets=targets,
        families=tuple(item.family for item in items),
    )


@dataclass(slots=True, kw_only=True)
class Batches:
    """An endless stream of training batches; `next_seed` is its whole state."""

    generator: Generator
    encoding: HarmonyEncoding
    table: RowTable
    tokens: int
    next_seed: int = 0

    def prefixes(self, dates: Sequence[str]) -> Tensor:
        """The beginning of the system message for each effort and date, as far as tools do not change it."""
        rows = []
        for effort, date in zip(EFFORTS, dates, strict=True):
            plain = self.generator.dialogue(0, {"smalltalk": 1.0}, turns=1)
            plain = replace(plain, effort=effort, date=date, tools=(), instructions=None)
            tool = functions.declare(random.Random(0), self.generator.lexicon, 1)
            pair = [render_prompt(replace(plain, tools=tools), self.encoding) for tools in ((), tool)]
            length = next(i for i, (a, b) in enumerate(zip(*pair, strict=False)) if a != b)
            rows.append(self.table.lookup[torch.tensor(pair[0][:length])])
        return torch.stack(rows)

    def item(
        self,
        seed: int,
        weights: Mapping[str, float],
        dates: Sequence[str],
        prefix: Tensor,
        *,
        hide: bool = True,
    ) -> _Item | None:
        """The conversation of a seed as rows after its prefix, or None if a token to learn has no row."""
        dialogue = self.generator.dialogue(seed, weights)
        owner = EFFORTS.index(dialogue.effort)
        rendered = render(replace(dialogue, date=dates[owner]), self.encoding)
        rows = self.table.lookup[torch.tensor(rendered.tokens)]
        shared = prefix.shape[1]
        if not rows[:shared].equal(prefix[owner]):
            raise ValueError(
                f"conversation {seed} does not begin with the prefix of effort {dialogue.effort}"
            )
        rows = rows[shared:]
        places = torch.tensor([i - 1 - shared for i, learned in enumerate(rendered.learn) if learned])
        shared_length, shared = shared, self.table.rows - 1
        if (rows[places + 1] == shared).any():
            return None
        rng = random.Random(~seed)
        if hide and dialogue.current.family == "beyond" and rng.random() < 0.5:
            hidden = torch.rand(len(rows), generator=torch.Generator().manual_seed(seed)) < 0.15
            hidden &= torch.tensor([not learned for learned in rendered.learn[shared_length:]])
            hidden[: len(rows) - len(places) - 12] = False
            hidden[-len(places) - 6 :] = False
            rows = rows.masked_fill(hidden, shared)
        return _Item(rows=rows, places=places, family=dialogue.current.family, owner=owner)

    def tasks(self, weights: Mapping[str, float]) -> Iterator[Batch]:
        """Batches of one pool of fresh conversations, in random order."""
        items: list[_Item] = []
        dates = [self.generator.dialogue(self.next_seed + 2 * i).date for i in range(len(EFFORTS))]
        prefix = self.prefixes(dates)
        while len(items) < _POOL:
            item = self.item(self.next_seed, weights, dates, prefix)
            self.next_seed += 2
            if item is not None:
                items.append(item)
        items.sort(key=lambda item: len(item.rows))
        groups: list[list[_Item]] = [[]]
        for item in items:
            if len(item.rows) * (len(groups[-1]) + 1) > self.tokens:
                groups.append([])
            groups[-1].append(item)
        random.Random(self.next_seed).shuffle(groups)
        for group in groups:
            yield _collate(group, prefix)

    def dense(self) -> Batch:
        """Random segments repeated, and random pairs repeated in new orders; only what repeats is learned."""
        rng = random.Random(~self.next_seed)
        self.next_seed += 2
        draw = torch.Generator().manual_seed(self.next_seed)
        items = []
        for number in range(max(2, self.tokens // _DENSE_LENGTH)):
            period = rng.randint(8, 90)
            source = torch.randint(0, self.table.rows - 1, (2, period), generator=draw)
            if number % 2:
                rows = source[0].repeat(_DENSE_LENGTH // period + 1)[:_DENSE_LENGTH]
                places = torch.arange(period, _DENSE_LENGTH - 1)
            else:
                half = source[:, : period // 2 + 2]
                count = half.shape[1]
                orders = [
                    half[:, torch.randperm(count, generator=draw)].T.flatten()
                    for _ in range(_DENSE_LENGTH // count // 2 + 1)
                ]
                rows = torch.cat(orders)[:_DENSE_LENGTH]
                places = torch.arange(2 * count, _DENSE_LENGTH - 1, 2)
            keep = torch.randperm(len(places), generator=draw)[:_DENSE_TARGETS].sort().values
            items.append(_Item(rows=rows, places=places[keep], family="dense"))
        return _collate(items, torch.zeros((1, 0), dtype=torch.long))

    def held_out(self, family: str, count: int) -> Iterator[Batch]:
        """Conversations of odd seeds, one family, in batches; nothing hidden."""
        seed, pending = 1, []
        found = 0
        dates = [self.generator.dialogue(1 + 2 * i).date for i in range(len(EFFORTS))]
        prefix = self.prefixes(dates)
        while found < count:
            item = self.item(seed, {family: 1.0}, dates, prefix, hide=False)
            seed += 2
            if item is None:
                continue
            found += 1
            pending.append(item)
        pending.sort(key=lambda item: len(item.rows))
        while pending:
            yield _collate(pending[:16], prefix)
            pending = pending[16:]
