"""The suite `hashhop`: follow assignments of random hashes through a long, shuffled list. Generated.

The task is Magic's (https://magic.dev/blog/100m-token-context-windows): chains of random hashes are cut into
their pairs, the pairs of all chains are shuffled, and the model is given the start of one chain and asked for
its end. As hashes mean nothing, nothing can be guessed. Every chain has the same number of hops, so that the
one that is asked does not stand out, and a chain that is cut short leads to no answer.

Length is counted in characters: 1.6 to a token. In o200k, gpt-oss's vocabulary, such text has 1.68, so that
a prompt is about 5 % shorter than `tokens`, and never longer.
"""

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from optiq_server.evaluation.suite import Answer, Item, Outcome, Verdict

HASH_LETTERS = 16
MAX_HOPS = 6
MAX_TOKENS = 100_000
MIN_TOKENS = 400
"""The instructions and one chain of the most hops fit in."""

_CHARACTERS_PER_TOKEN = 1.6
_ARROW = " -> "
_LINE_CHARACTERS = 2 * HASH_LETTERS + len(_ARROW) + 1
_HASH = re.compile(rf"(?<![A-Za-z])[A-Za-z]{{{HASH_LETTERS}}}(?![A-Za-z])")

_TASK = """\
Each line below assigns one hash to another. The lines are in random order. To hop from a hash is to find \
the line that begins with it and take the hash after the arrow.

"""
_ASK_END = """

Start at {start} and hop {hops} time{s}. Which hash do you arrive at? Reply with that hash only."""
_ASK_CHAIN = """

Start at {start} and hop {hops} time{s}. Reply with the whole chain in one line, from {start} to the hash \
that you arrive at, with an arrow (->) between hashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashHopParameters:
    """Which items are made. `count` of them take the numbers of `hops` by turns; `tokens` is the length of
    a prompt, at most; with `chain_of_thought` the whole chain is asked, as in Magic's variant of that name.
    """

    count: int = 60
    hops: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    tokens: int = 8_000
    seed: int = 0
    chain_of_thought: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count {self.count} is not at least 1")
        if not self.hops or any(not 1 <= hops <= MAX_HOPS for hops in self.hops):
            raise ValueError(f"hops {self.hops} are not numbers from 1 to {MAX_HOPS}")
        if len(set(self.hops)) < len(self.hops):
            raise ValueError(f"hops {self.hops} name a number twice")
        if not MIN_TOKENS <= self.tokens <= MAX_TOKENS:
            raise ValueError(f"tokens {self.tokens} is not between {MIN_TOKENS} and {MAX_TOKENS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HashHop:
    """The suite; an item's reference holds the `chain` of hashes from the start to the target, both included.

    The last hash in the final text must be the target, where a hash is a run of exactly 16 ASCII letters.
    `chain` also tells whether the last hashes of the text are those of the whole chain after its start; it is
    reported where the chain was asked.
    """

    items: Sequence[Item]
    name: str = "hashhop"

    def score(self, item: Item, answer: Answer) -> Verdict:
        hops: list[str] = item.reference["chain"][1:]
        hashes = _HASH.findall(answer.text)
        also = {"chain": hashes[-len(hops) :] == hops} if item.reference["chain_of_thought"] else {}
        if not hashes:
            return Verdict(outcome=Outcome.FAILED, detail="no hash in the answer", also=also)
        if hashes[-1] != hops[-1]:
            return Verdict(outcome=Outcome.FAILED, detail=_what_it_is(hashes[-1], item), also=also)
        return Verdict(outcome=Outcome.PASSED, also=also)


def make_hashhop(parameters: HashHopParameters) -> HashHop:
    return HashHop(items=tuple(_item(parameters, number) for number in range(parameters.count)))


def _item(parameters: HashHopParameters, number: int) -> Item:
    """Each item has its own source of chance, so that a longer suite begins with a shorter one's items."""
    hops = parameters.hops[number % len(parameters.hops)]
    source = random.Random(f"hashhop {parameters.seed} {parameters.tokens} {hops} {number}")
    question = _ASK_CHAIN if parameters.chain_of_thought else _ASK_END
    ending_characters = len(question) + 2 * HASH_LETTERS
    characters = int(parameters.tokens * _CHARACTERS_PER_TOKEN) - len(_TASK) - ending_characters
    chains = _chains(source, hops, count=max(1, characters // (_LINE_CHARACTERS * hops)))
    lines = [_ARROW.join(pair) for chain in chains for pair in pairwise(chain)]
    source.shuffle(lines)
    asked = source.choice(chains)
    ending = question.format(start=asked[0], hops=hops, s="s" if hops > 1 else "")
    return Item(
        id=f"{number}",
        cluster=f"{hops} hops" if hops > 1 else "1 hop",
        messages=({"role": "user", "content": _TASK + "\n".join(lines) + ending},),
        reference={"chain": asked, "chain_of_thought": parameters.chain_of_thought},
    )


def _chains(source: random.Random, hops: int, count: int) -> list[list[str]]:
    """All hashes differ, or a start could have two ends."""
    hashes: Mapping[str, None] = {}
    while len(hashes) < count * (hops + 1):
        hashes = {**hashes, **dict.fromkeys(_hash(source) for _ in range(count * (hops + 1) - len(hashes)))}
    ordered = list(hashes)
    return [ordered[start : start + hops + 1] for start in range(0, len(ordered), hops + 1)]


def _hash(source: random.Random) -> str:
    return "".join(source.choices(string.ascii_letters, k=HASH_LETTERS))


def _what_it_is(hash_: str, item: Item) -> str:
    chain = item.reference["chain"]
    if hash_ in chain:
        return f"the hash after {chain.index(hash_)} hops"
    if hash_ in item.messages[0]["content"]:
        return "a hash of another chain"
    return "a hash that is not in the list"
