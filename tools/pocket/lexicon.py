"""The words that the generator draws from: everyday words by subject, and common words of o200k itself.

`words.txt` holds what people write when they try a model: cities, names, animals, foods. The others are
chosen from the vocabulary: a word qualifies when all four of its spellings ("apple", " apple", "Apple",
" Apple") are single tokens, the most frequent first, because o200k numbers its tokens by merge order.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no py.typed

# Words with all four spellings in the vocabulary, and further ones in lower case only.
FULL_WORDS = 1500
LOWER_WORDS = 1000
NOUNS = 220
_COMMON_PIECES = 2000
_SHORTEST_WORD = 3
_NAMES = ("cities", "countries", "people", "surnames")
_EVERYDAY_SHARE, _FULL_SHARE, _NAME_SHARE = 0.6, 0.9, 0.4


def read_ranks(path: Path) -> dict[bytes, int]:
    ranks = {}
    for line in path.read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """Word lists; `base_tokens` are ids that always have a row of their own.

    `groups` and `everyday` (the words of groups that are no names) keep only what is one token with and
    without a space before it; `capitals` are the everyday words for which that holds when capitalised.
    `full` and `lower` are o200k's own, most frequent first; `nouns` can follow an underscore as one token.
    """

    groups: Mapping[str, tuple[str, ...]]
    everyday: tuple[str, ...]
    capitals: tuple[str, ...]
    full: tuple[str, ...]
    lower: tuple[str, ...]
    nouns: tuple[str, ...]
    base_tokens: tuple[int, ...]

    def word(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < _EVERYDAY_SHARE:
            return rng.choice(self.everyday)
        return rng.choice(self.full) if kind < _FULL_SHARE else rng.choice(self.lower)

    def words(self, rng: random.Random, count: int) -> list[str]:
        """Different words."""
        chosen: dict[str, None] = {}
        while len(chosen) < count:
            chosen[self.word(rng)] = None
        return list(chosen)

    def name(self, rng: random.Random) -> str:
        """A capitalised word: a real name, or any word written like one."""
        kind = rng.random()
        if kind < _NAME_SHARE:
            return self.of(rng, rng.choice(_NAMES))
        return rng.choice(self.capitals if kind < _EVERYDAY_SHARE else self.full).capitalize()

    def of(self, rng: random.Random, group: str) -> str:
        return rng.choice(self.groups[group])

    def person(self, rng: random.Random) -> str:
        first = self.of(rng, "people")
        return first if rng.random() < 0.7 else f"{first} {self.of(rng, 'surnames')}"

    def noun(self, rng: random.Random) -> str:
        return rng.choice(self.nouns)


def read_groups(path: Path) -> dict[str, tuple[str, ...]]:
    """The sections of words.txt; a line with bars holds entries of several words."""
    groups: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            current = groups.setdefault(line.strip("[]"), [])
        else:
            current += line.split("|") if "|" in line else line.split()
    return {name: tuple(dict.fromkeys(words)) for name, words in groups.items()}


def build_lexicon(ranks: dict[bytes, int], encoding: HarmonyEncoding) -> Lexicon:
    written = read_groups(Path(__file__).with_name("words.txt"))

    def is_whole(entry: str) -> bool:
        """Whether every word of the entry is one token, alone and after a space."""
        spellings = (text for word in entry.split() for text in (word, f" {word}"))
        return all(len(encoding.encode(text)) == 1 for text in spellings)

    groups = {name: tuple(filter(is_whole, words)) for name, words in written.items()}
    named = {word for name in (*_NAMES, "calendar", "languages") for word in written[name]}
    everyday = dict.fromkeys(w for words in groups.values() for w in words if w not in named and w.isalpha())
    spellings = [s for words in written.values() for w in words for s in (w, w.lower(), w.capitalize())]
    spelt = {t for s in spellings for text in (s, f" {s}") for t in encoding.encode(text)}
    full: list[tuple[int, str]] = []
    lower: list[tuple[int, str]] = []
    for token, rank in ranks.items():
        word = token[1:]
        if token[:1] != b" " or len(word) < _SHORTEST_WORD or not word.isascii() or not word.isalpha():
            continue
        if not word.islower() or word not in ranks:
            continue
        capital = word.capitalize()
        if capital in ranks and b" " + capital in ranks:
            full.append((rank, word.decode()))
        else:
            lower.append((rank, word.decode()))
    full.sort()
    lower.sort()
    words = tuple(word for _, word in full[:FULL_WORDS])
    more = tuple(word for _, word in full[FULL_WORDS : FULL_WORDS + LOWER_WORDS])
    nouns = tuple(word for word in words if b"_" + word.encode() in ranks and len(word) > _SHORTEST_WORD)
    return Lexicon(
        groups=groups,
        everyday=tuple(word for word in everyday if word.islower()),
        capitals=tuple(word for word in everyday if is_whole(word.capitalize())),
        full=words,
        lower=more,
        nouns=nouns[:NOUNS],
        base_tokens=tuple(sorted(spelt | _base_tokens(ranks, words, more))),
    )


def _base_tokens(ranks: dict[bytes, int], full: tuple[str, ...], lower: tuple[str, ...]) -> set[int]:
    """Single bytes, digits, common pieces and every spelling of the words."""
    tokens = {rank for token, rank in ranks.items() if len(token) == 1}
    tokens |= {rank for token, rank in ranks.items() if token.isdigit() and token.isascii()}
    tokens |= {
        rank
        for token, rank in ranks.items()
        if rank < _COMMON_PIECES and token.isascii() and token.strip().isalpha()
    }
    for word in full:
        for spelling in (word, word.capitalize()):
            tokens |= {ranks[spelling.encode()], ranks[b" " + spelling.encode()]}
    for word in lower:
        tokens |= {ranks[word.encode()], ranks[b" " + word.encode()]}
    return tokens
