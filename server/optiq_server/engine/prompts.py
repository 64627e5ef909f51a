"""A prompt on its way: how far it is, what of it is worth keeping, and for whom it waits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optiq_server.engine.layer_cache import Caches
from optiq_server.engine.prefill import Progress, common_length
from optiq_server.engine.prefix_tree import Node
from optiq_server.engine.types import GenerationRequest

_EVERY_TOKENS = 1024
"""Inside long messages a checkpoint at each multiple: an edit of a long file costs at most so many tokens
again. On the 20b one takes 3 MB of sliding layers beside the 25 MB that its tokens take anyway."""

_APART_TOKENS = 64
"""Checkpoints closer to the one before gain less time than their window costs memory."""

_WORTH_WAITING_TOKENS = 64


@dataclass(eq=False, slots=True, kw_only=True)
class Prompt:
    """`computed` of its `target` tokens are in `caches`; the last token is fed by the batch that decodes.

    `marks` are the positions to keep, ascending. `node` is its deepest beginning that was stored;
    `cached` tokens were restored. `expects` tells which earlier prompts will leave behind how much of it.
    """

    sequence_id: int
    request: GenerationRequest
    marks: tuple[int, ...]
    expects: dict[int, int]
    node: Node
    caches: Caches | None = None
    computed: int = 0
    cached: int = 0

    @property
    def target(self) -> int:
        return len(self.request.prompt) - 1

    @property
    def left(self) -> int:
        return self.target - (self.computed if self.has_begun else self.node.end)

    @property
    def has_begun(self) -> bool:
        return self.caches is not None

    def marks_up_to(self, end: int) -> list[int]:
        """The positions to keep that are computed by `end`, and not stored yet."""
        return [mark for mark in self.marks if self.node.end < mark <= end]


def marks(request: GenerationRequest) -> tuple[int, ...]:
    """Where to keep a prompt: message boundaries, multiples within long messages, and its end."""
    target = len(request.prompt) - 1
    wanted = {end for end in request.boundaries if end <= target}
    # A prompt without messages is kept to its end; behind the last message there are a few tokens only.
    wanted.add(max(wanted, default=target))
    last = max(wanted)
    wanted.update(range(_EVERY_TOKENS, target + 1, _EVERY_TOKENS))
    kept: list[int] = []
    for mark in sorted(wanted):
        if mark > 0 and (not kept or mark - kept[-1] >= _APART_TOKENS or mark == last):
            kept.append(mark)
    return tuple(kept)


def expectations(request: GenerationRequest, earlier: Iterable[Prompt]) -> dict[int, int]:
    """How much of this prompt's beginning each earlier one will have kept when it is computed."""
    expected = {}
    beginning = request.prompt[:-1]
    for prompt in earlier:
        shared = common_length(prompt.request.prompt, beginning)
        useful = max((mark for mark in prompt.marks if mark <= shared), default=0)
        if useful >= _WORTH_WAITING_TOKENS:
            expected[prompt.sequence_id] = useful
    return expected


def progress(prompts: Sequence[Prompt]) -> list[Progress]:
    """The prompts as prefill sees them, in the order in which they came."""
    computed = {prompt.sequence_id: prompt.computed for prompt in prompts}
    return [
        Progress(
            sequence_id=prompt.sequence_id,
            work=prompt.computed - prompt.cached,
            left=prompt.left,
            waits=not prompt.has_begun and _is_expecting(prompt, computed),
        )
        for prompt in prompts
    ]


def _is_expecting(prompt: Prompt, computed: dict[int, int]) -> bool:
    return any(
        computed.get(earlier, useful) < useful and useful >= prompt.node.end + _WORTH_WAITING_TOKENS
        for earlier, useful in prompt.expects.items()
    )
