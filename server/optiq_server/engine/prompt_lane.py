"""Computes prompts, a bounded chunk in each step, and keeps their beginnings for others.

What it computes next is prefill's decision. It knows no rows and no replies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlx.nn.layers.base import Module

from optiq_server.engine.forward import prefill
from optiq_server.engine.layer_cache import Caches, extend, fresh_caches
from optiq_server.engine.prefill import Chunk, ChunkSize, next_chunks
from optiq_server.engine.prefix_cache import PrefixCache
from optiq_server.engine.prompts import Prompt, expectations, marks, progress
from optiq_server.engine.types import GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyPrompts:
    """Prompts that are computed but for their last tokens; row n of `caches` is prompt n's."""

    prompts: Sequence[Prompt]
    caches: Caches


class PromptLane:
    """The prompts of one model that are not computed yet. `clock` gives seconds."""

    def __init__(self, model: Module, prefixes: PrefixCache, clock: Callable[[], float]) -> None:
        self._model = model
        self._prefixes = prefixes
        self._clock = clock
        self._prompts: dict[int, Prompt] = {}
        self._chunk_size = ChunkSize()
        self._steps = 0
        self._computed_tokens = 0

    @property
    def computed_tokens(self) -> int:
        """How many prompt tokens were computed since the beginning."""
        return self._computed_tokens

    def add(self, sequence_id: int, request: GenerationRequest) -> Prompt:
        prompt = Prompt(
            sequence_id=sequence_id,
            request=request,
            marks=marks(request),
            expects=expectations(request, self._prompts.values()),
            node=self._prefixes.root,
        )
        self._prompts[sequence_id] = prompt
        return prompt

    def remove(self, prompt: Prompt) -> None:
        """Forget the prompt, if it is here."""
        self._prompts.pop(prompt.sequence_id, None)

    def step(self, *, others_decode: bool) -> list[ReadyPrompts]:
        """Compute one chunk; the prompts that are ready now, and the lane's no more."""
        for prompt in self._prompts.values():
            if not prompt.has_begun:
                prompt.node = self._prefixes.deepest(prompt.request.prompt[:-1])
        self._steps += 1
        chunks = next_chunks(
            progress(tuple(self._prompts.values())),
            budget=self._chunk_size.budget(others_decode=others_decode),
            oldest_first=self._steps % 2 == 0,
        )
        return self._compute(chunks)

    def _compute(self, chunks: Sequence[Chunk]) -> list[ReadyPrompts]:
        prompts = [self._prompts[chunk.sequence_id] for chunk in chunks]
        begun = [(prompt, self._caches_of(prompt)) for prompt in prompts]
        ready = [
            ReadyPrompts(prompts=[prompt], caches=caches) for prompt, caches in begun if prompt.left == 0
        ]
        sizes = {chunk.sequence_id: chunk.tokens for chunk in chunks}
        # Where a stored beginning was damaged, more is left than was planned; that prompt waits for its turn.
        unfinished = [
            (prompt, caches)
            for prompt, caches in begun
            if prompt.left and (len(chunks) == 1 or prompt.left <= sizes[prompt.sequence_id])
        ]
        if unfinished:
            ready += self._advance(unfinished, [sizes[prompt.sequence_id] for prompt, _ in unfinished])
        for each in ready:
            for prompt in each.prompts:
                del self._prompts[prompt.sequence_id]
                prompt.caches = None
        return ready

    def _caches_of(self, prompt: Prompt) -> Caches:
        """The prompt's caches: made of the longest stored beginning when it begins."""
        if prompt.caches is None:
            prompt.caches, prompt.node = self._prefixes.restore(prompt.node, fresh_caches(self._model))
            prompt.computed = prompt.cached = prompt.node.end
        return prompt.caches

    def _advance(self, prompts: Sequence[tuple[Prompt, Caches]], sizes: Sequence[int]) -> list[ReadyPrompts]:
        """Compute the next tokens of these prompts together. More than one only if all of them end."""
        (first, caches), *others = prompts
        for _, theirs in others:
            extend(caches, theirs)
        everyone = [first, *(prompt for prompt, _ in others)]
        started = self._clock()
        prefill(
            self._model,
            caches,
            [
                prompt.request.prompt[prompt.computed : prompt.computed + size]
                for prompt, size in zip(everyone, sizes, strict=True)
            ],
        )
        self._computed_tokens += sum(sizes)
        self._chunk_size.observe(max(sizes) * len(sizes), self._clock() - started)
        for row, (prompt, size) in enumerate(zip(everyone, sizes, strict=True)):
            prompt.computed += size
            self._keep(prompt, caches, row)
        if first.left:
            return []
        return [ReadyPrompts(prompts=everyone, caches=caches)]

    def _keep(self, prompt: Prompt, caches: Caches, row: int) -> None:
        held = prompt.request.prompt[: prompt.computed]
        for mark in prompt.marks_up_to(prompt.computed):
            prompt.node = self._prefixes.store(prompt.node, caches, row, held, mark)
