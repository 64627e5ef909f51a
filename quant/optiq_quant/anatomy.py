"""Where a model of mlx-lm has its layers and its head, found by looking and proven by computing.

Two things are wanted of a model: that its layers can be called one by one, each taking what the one before
gave, and that the head can be called by itself. Both are proven on a few tokens, to the bit, because models
differ in what they do around their layers (scales, soft caps, keys that layers share). What cannot be proven
is not used. It runs no text and measures nothing.
"""

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import mlx.core as mx
from mlx.nn.layers.base import Module

_PROBE = tuple(range(1, 13))
"""Token ids of the proof. Every vocabulary has them."""

Head: TypeAlias = Callable[[mx.array], mx.array]
States: TypeAlias = MutableMapping[int, mx.array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """`layers` is the list that the model itself walks over, empty where it has none that can be used;
    `body` gives final hidden states (1, T, d), and `head` their logits. Without a head, `body` is the whole
    model. `state_bytes` is what one token takes between two layers, `vocabulary` how many logits it gets."""

    layers: list[Any]
    body: Callable[[mx.array], mx.array]
    head: Head | None
    state_bytes: int
    vocabulary: int

    def run(
        self,
        tokens: mx.array,
        start: int,
        states: States,
        stored: range = range(0),
        stop: int | None = None,
    ) -> mx.array:
        """The body's result (T, d or V), computed from layer `start` on; those from `stop` on are left out.

        The state that enters `start` is taken from `states`; those that enter the layers in `stored` are put
        there. Layers are evaluated one by one, so that only one layer's intermediate arrays live at a time.
        """
        with self._staged(start, states, stored, stop):
            result = self.body(tokens)[0]
            mx.eval(result)
        return result

    @contextmanager
    def _staged(self, start: int, states: States, stored: range, stop: int | None) -> Iterator[None]:
        """The layers wrapped while the model's own loop calls them."""
        layers = list(self.layers)
        try:
            for index, layer in enumerate(layers):
                if index < start:
                    self.layers[index] = _Skipped(layer, states[start] if index == start - 1 else None)
                elif stop is not None and index >= stop:
                    self.layers[index] = _Skipped(layer, None)
                else:
                    kept = states if index + 1 in stored else None
                    self.layers[index] = _Computed(layer, index + 1, kept)
            yield
        finally:
            self.layers[:] = layers


def dissect(model: Module) -> Anatomy:
    """The anatomy of `model`, as far as it is proven."""
    tokens = mx.array([_PROBE])
    whole = model(tokens)
    body, head = _split(model, tokens, whole)
    found = Anatomy(
        layers=_layer_list(model), body=body, head=head, state_bytes=0, vocabulary=whole.shape[-1]
    )
    try:
        state_bytes = _prove_layers(found, tokens, found.body(tokens)[0])
    except (TypeError, KeyError):
        state_bytes = 0
    return replace(found, layers=found.layers if state_bytes else [], state_bytes=state_bytes)


def _prove_layers(anatomy: Anatomy, tokens: mx.array, truth: mx.array) -> int:
    """Bytes of one token's state, 0 where runs from inner layers differ from a whole one."""
    count = len(anatomy.layers)
    states: dict[int, mx.array] = {}
    anatomy.run(tokens, 0, states, range(1, count))
    if sorted(states) != list(range(1, count)) or not states:
        return 0
    starts = {1, count // 2, count - 1} & states.keys()
    same = all(bool(mx.array_equal(anatomy.run(tokens, start, states), truth)) for start in starts)
    return states[1].nbytes // tokens.size if same else 0


def _split(
    model: Module, tokens: mx.array, whole: mx.array
) -> tuple[Callable[[mx.array], mx.array], Head | None]:
    """Body and head, where calling one after the other gives the model's own logits to the bit."""
    owner = model.get("language_model", model)
    body = owner.get("model")
    if isinstance(body, Module):
        for head in _heads(owner, body):
            if bool(mx.array_equal(head(body(tokens)), whole)):
                return body, head
    return model, None


def _heads(owner: Module, body: Module) -> Iterator[Head]:
    """Each looks its module up when it is called: a unit that is measured stands in its place."""
    if "lm_head" in owner:
        yield lambda hidden: owner["lm_head"](hidden)
    elif hasattr(body.get("embed_tokens"), "as_linear"):
        yield lambda hidden: body["embed_tokens"].as_linear(hidden)


def _layer_list(model: Module) -> list[Any]:
    """The list itself: `model.layers` may be a copy of it."""
    layers = getattr(model, "layers", None)
    if not isinstance(layers, list) or not layers:
        return []
    for module in model.modules():
        for value in module.values():
            if isinstance(value, list) and len(value) == len(layers) and value[0] is layers[0]:
                return value
    return []


class _Stage:
    """Stands for a layer during one pass; attributes that the model asks for are the layer's."""

    def __init__(self, layer: Any) -> None:  # noqa: ANN401  # mlx-lm's layers have no common type
        self._layer = layer

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # as above
        return getattr(self._layer, name)


class _Skipped(_Stage):
    """Computes nothing; gives `state`, or what it was given where nobody will look at it."""

    def __init__(self, layer: Any, state: mx.array | None) -> None:  # noqa: ANN401  # as above
        super().__init__(layer)
        self._state = state

    def __call__(self, entering: mx.array, *_: Any, **__: Any) -> mx.array:  # noqa: ANN401  # as above
        return entering if self._state is None else self._state


class _Computed(_Stage):
    """Calls the layer; `states`, if given, keeps the result as what enters layer `place`."""

    def __init__(self, layer: Any, place: int, states: States | None) -> None:  # noqa: ANN401  # as above
        super().__init__(layer)
        self._place = place
        self._states = states

    def __call__(self, *arguments: Any, **named: Any) -> mx.array:  # noqa: ANN401  # as above
        leaving = self._layer(*arguments, **named)
        if not isinstance(leaving, mx.array):
            raise TypeError(f"layer {self._place - 1} returns {type(leaving).__name__}, not an array")
        mx.eval(leaving)
        if self._states is not None:
            self._states[self._place] = leaving
        return leaving
