"""The hidden states of several prompts, on their way through a model whose layers change one after the other.

In memory are, for each prompt of T tokens, the T d floats between two layers. It knows no format.
"""

from collections.abc import Iterator, Sequence

import mlx.core as mx

from optiq_quant.layerwise import LayerwiseModel


class LayerFlow:
    """All prompts stand before the same layer, at first the embedding's. Where a model cannot be cut into
    layers, each pass is a whole one."""

    def __init__(self, model: LayerwiseModel, prompts: Sequence[Sequence[int]]) -> None:
        self.prompts = prompts
        self._model = model
        self._layer = 0
        self._states: list[mx.array | None] = [None] * len(prompts)

    def observe(self) -> None:
        """Run the layer that comes next, for the sake of a recorder, and forget what leaves it."""
        if not self._model.is_layerwise:
            for _ in self.final():
                pass
            return
        for prompt, state in zip(self.prompts, self._states, strict=True):
            self._model.leaving(self._layer, prompt, state)

    def advance(self) -> None:
        """Go through the layer that comes next, as it is now."""
        if self._model.is_layerwise:
            for index, prompt in enumerate(self.prompts):
                self._states[index] = self._model.leaving(self._layer, prompt, self._states[index])
            self._layer += 1

    def final(self) -> Iterator[mx.array]:
        """Final hidden states (T, d) of each prompt, all layers that come next being as they are now.

        Logits of what was given last may be computed before the next is asked for.
        """
        for prompt, state in zip(self.prompts, self._states, strict=True):
            yield self._model.final_of(self._layer, prompt, state)
