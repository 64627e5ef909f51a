"""Runs from inner layers on, against whole passes of the same model."""

from collections.abc import Callable

import mlx.core as mx
import pytest
from mlx.nn.layers.base import Module
from mlx_lm.models import gemma2

from optiq_quant.encoded import encode_nearest
from optiq_quant.formats import affine
from optiq_quant.layerwise import LayerwiseModel, blocks
from optiq_quant.trials import replaced, trial_modules, trial_of
from tests.quant.tiny_models import LLAMA, VOCABULARY, random_prompt, tiny_gpt_oss, tiny_llama, units_of

pytestmark = pytest.mark.mlx

_FORM = affine(3, 32)
_MODELS: list[Callable[[], Module]] = [tiny_gpt_oss, tiny_llama, lambda: tiny_llama(tied=False)]


@pytest.fixture(name="model", params=_MODELS, ids=["gpt_oss", "tied llama", "llama"])
def _model(request: pytest.FixtureRequest) -> Module:
    made: Module = request.param()
    return made


def _whole(model: Module, prompt: list[int]) -> mx.array:
    logits: mx.array = model(mx.array([prompt]))[0]
    mx.eval(logits)
    return logits


def test_a_unit_changed_anywhere_gives_the_logits_of_a_whole_pass(model: Module) -> None:
    units = units_of(model)
    layerwise = LayerwiseModel(model, units)
    prompt = random_prompt(40)
    layerwise.read(prompt)

    for unit in units:
        trial = trial_of({unit.path: _FORM})
        with replaced(model, trial_modules(model, trial, lambda _, w, f: encode_nearest(w, f))):
            again = layerwise.logits(layerwise.final_hidden(layerwise.start_of(unit)))
            truth = _whole(model, prompt)

        assert mx.array_equal(again, truth), unit.path


def test_a_reference_pass_gives_the_models_own_logits_and_leaves_it_as_it_was(model: Module) -> None:
    prompt = random_prompt(40)
    before, layers = _whole(model, prompt), list(model.layers)

    layerwise = LayerwiseModel(model)
    hidden = layerwise.read(prompt)

    assert layerwise.is_layerwise
    assert layerwise.splits_head
    assert mx.array_equal(layerwise.logits(hidden), before)
    assert all(a is b for a, b in zip(model.layers, layers, strict=True))


def test_logits_in_blocks_are_those_of_the_whole_prompt_up_to_rounding(model: Module) -> None:
    prompt = random_prompt(40)
    layerwise = LayerwiseModel(model)
    hidden = layerwise.read(prompt)

    parts = [layerwise.logits(hidden[block]) for block in blocks(len(prompt), 16)]

    assert [len(part) for part in parts] == [16, 16, 8]
    assert mx.allclose(mx.concatenate(parts), _whole(model, prompt), atol=1e-4)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.3, 0.0001])
def test_states_stay_within_their_bytes_and_every_start_still_agrees(share: float) -> None:
    model = tiny_gpt_oss()
    prompt = random_prompt(64)
    roomy = LayerwiseModel(model)
    final = roomy.read(prompt)
    bound = int(roomy.kept_bytes() * share)

    tight = LayerwiseModel(model, state_bytes=max(bound, 1))
    tight.read(prompt)

    assert tight.kept_bytes() <= bound
    for start in range(tight.layer_count + 1):
        assert mx.array_equal(tight.final_hidden(start), final)


def test_layers_before_the_start_are_not_computed() -> None:
    model = tiny_llama()
    layerwise = LayerwiseModel(model)
    layerwise.read(random_prompt(20))
    calls: list[int] = []
    first, second, _ = model.layers
    model.layers[0] = _Spy(first, lambda: calls.append(0))
    model.layers[1] = _Spy(second, lambda: calls.append(1))

    layerwise.final_hidden(1)

    assert calls == [1]


def test_forwards_are_counted_by_the_work_that_was_done() -> None:
    model = tiny_llama()
    layerwise = LayerwiseModel(model, units_of(model))
    layer = 64 * 64 * 2 + 64 * 32 * 2 + 64 * 96 * 3
    whole = 3 * layer + 64 * VOCABULARY

    hidden = layerwise.read(random_prompt(20))
    layerwise.final_hidden(2)
    layerwise.final_hidden(3)
    layerwise.logits(hidden[:10])

    expected = (3 * layer + layer + 64 * VOCABULARY / 2) / whole
    assert layerwise.count.forwards == pytest.approx(expected)
    assert layerwise.count.token_forwards == pytest.approx(20 * expected)


def test_a_model_with_a_cap_on_its_logits_keeps_its_head_and_its_results() -> None:
    config = {**LLAMA, "model_type": "gemma2", "head_dim": 16}
    model: Module = gemma2.Model(gemma2.ModelArgs.from_dict(config))
    prompt = random_prompt(20)

    layerwise = LayerwiseModel(model)
    hidden = layerwise.read(prompt)

    assert layerwise.is_layerwise
    assert not layerwise.splits_head
    assert mx.array_equal(layerwise.logits(hidden), _whole(model, prompt))
    assert mx.array_equal(layerwise.logits(layerwise.final_hidden(2)), _whole(model, prompt))


def test_nothing_is_run_again_before_a_prompt_was_read() -> None:
    with pytest.raises(RuntimeError, match="read first"):
        LayerwiseModel(tiny_llama()).final_hidden(0)


class _Spy:
    def __init__(self, layer: Module, seen: Callable[[], None]) -> None:
        self._layer = layer
        self._seen = seen

    def __call__(self, *arguments: object, **named: object) -> mx.array:
        self._seen()
        result: mx.array = self._layer(*arguments, **named)
        return result

    def __getattr__(self, name: str) -> object:
        return getattr(self._layer, name)
