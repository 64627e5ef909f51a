"""Which prompts are computed in the next step, and how far. Pure: it decides, and computes nothing.

Rule 1: a step computes at most `budget` tokens of prompt, padding counted, so that those who decode wait for
        a bounded time.
Rule 2: a prompt that needs more than that has the step for itself. Prompts that end within it share it.
Rule 3: the prompt with the least work done so far comes first, so that short requests are not stuck behind
        long ones; in every second step it is the one that came first, so that nobody waits for ever.
Rule 4: a prompt waits as long as another one is being computed that will leave behind more of its beginning
        than is stored: no token is computed twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_MAX_SHARING = 8
"""Prompts in one step. More of them gain little, for they are padded to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A prompt on its way: `work` tokens were computed for it, `left` are still to be; `waits` is rule 4."""

    sequence_id: int
    work: int
    left: int
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """So many more tokens of this prompt."""

    sequence_id: int
    tokens: int


def next_chunks(prompts: Sequence[Progress], *, budget: int, oldest_first: bool) -> tuple[Chunk, ...]:
    """What the next step computes. `prompts` are in the order in which they came."""
    ready = [prompt for prompt in prompts if not prompt.waits]
    if not ready:
        return ()
    by_work = sorted(ready, key=lambda prompt: prompt.work)
    order = [ready[0], *(each for each in by_work if each is not ready[0])] if oldest_first else by_work
    first = order[0]
    if first.left > budget:
        return (Chunk(sequence_id=first.sequence_id, tokens=budget),)
    sharing = [first]
    for prompt in order[1:]:
        longest = max(prompt.left, *(each.left for each in sharing))
        if longest * (len(sharing) + 1) <= budget and len(sharing) < _MAX_SHARING:
            sharing.append(prompt)
    return tuple(Chunk(sequence_id=prompt.sequence_id, tokens=prompt.left) for prompt in sharing)


def common_length(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens both begin with."""
    limit = min(len(a), len(b))
    low, high = 0, limit
    # Slices compare at C speed, so halving beats a loop over tokens.
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class ChunkSize:
    """How many prompt tokens a step may compute, from what the last ones cost.

    While others decode, a chunk should take about `_PATIENCE_SECONDS`; else only cancels and newcomers wait
    for it.
    """

    _PATIENCE_SECONDS = 0.25
    """A pause that a reader hardly notices: 5 to 10 words of a reply."""
    _PATIENCE_ALONE_SECONDS = 1.0
    _SMALLEST, _FIRST, _LARGEST = 32, 512, 2048
    """Below 32 tokens the weights are read for too few; above 2048 mlx-lm gains nothing either."""
    _MEMORY = 0.5
    """How much of the old estimate each new measurement keeps."""

    def __init__(self) -> None:
        self._seconds_per_token: float | None = None

    def observe(self, tokens: int, seconds: float) -> None:
        """A chunk of so many tokens took so long. Small ones tell little and are left out."""
        if tokens < self._SMALLEST or seconds <= 0:
            return
        measured = seconds / tokens
        known = self._seconds_per_token
        kept = measured if known is None else known
        self._seconds_per_token = self._MEMORY * kept + (1 - self._MEMORY) * measured

    def budget(self, *, others_decode: bool) -> int:
        """Tokens for the next chunk, a power of two, so that shapes recur."""
        if self._seconds_per_token is None:
            return self._FIRST
        patience = self._PATIENCE_SECONDS if others_decode else self._PATIENCE_ALONE_SECONDS
        affordable = patience / self._seconds_per_token
        size = self._SMALLEST
        while size * 2 <= min(affordable, self._LARGEST):
            size *= 2
        return size
