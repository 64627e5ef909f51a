"""What units are seen to be given, against a plain computation."""

import mlx.core as mx
import numpy as np
import pytest

from optiq_quant.activations import InputRecorder
from optiq_quant.layerwise import LayerwiseModel, blocks
from optiq_quant.modules import unit_modules
from optiq_quant.statistics import InputStatistics
from tests.quant.tiny_models import VOCABULARY, random_prompt, tiny_gpt_oss, tiny_llama

pytestmark = pytest.mark.mlx

_PROMPTS = (random_prompt(50), random_prompt(30, 1))


def _recorded(model: LayerwiseModel, **options: tuple[str, ...]) -> dict[str, InputStatistics]:
    recorder = InputRecorder(model.model, **options)
    with recorder.installed():
        for prompt in _PROMPTS:
            hidden = model.read(prompt)
            for block in blocks(len(prompt)):
                model.logits(hidden[block])
    return dict(recorder.statistics())


def test_a_heads_inputs_are_the_final_hidden_states() -> None:
    model = LayerwiseModel(tiny_gpt_oss())
    hidden = mx.concatenate([model.read(prompt) for prompt in _PROMPTS])

    found = _recorded(model, moments=("lm_head",))["lm_head"]

    assert found.count == 80
    assert mx.allclose(found.mean_square, mx.square(hidden).mean(axis=0), rtol=1e-5)
    assert found.second_moment is not None
    assert mx.allclose(found.second_moment, hidden.T @ hidden / 80, rtol=1e-4, atol=1e-5)


def test_each_unit_is_seen_and_the_model_is_as_it_was() -> None:
    model = tiny_gpt_oss()
    modules = unit_modules(model)
    prompt = _PROMPTS[0]
    before = model(mx.array([prompt]))

    found = _recorded(LayerwiseModel(model))

    assert found.keys() == modules.keys()
    assert all(each is modules[path] for path, each in unit_modules(model).items())
    assert mx.array_equal(model(mx.array([prompt])), before)


@pytest.mark.parametrize("length", [8, 60], ids=["few tokens", "experts sorted"])
def test_each_expert_has_the_inputs_that_were_routed_to_it(length: int) -> None:
    model = tiny_gpt_oss()
    paths = [f"model.layers.0.mlp.{name}" for name in ("router", "experts.up_proj", "experts.down_proj")]
    router, up, down = paths
    recorder = InputRecorder(model, moments=(router, up, down))
    with recorder.installed():
        model(mx.array([random_prompt(length)]))

    found = recorder.statistics()

    counts = found[up].expert_counts
    assert counts is not None
    assert counts.sum().item() == found[up].count == 2 * length
    # Every token goes to two experts: so weighed by their counts, they saw each input twice.
    weights = counts.astype(mx.float32) / length
    assert mx.allclose((weights[:, None] * found[up].mean_square).sum(axis=0), 2 * found[router].mean_square)
    moments = [found[path].second_moment for path in (router, up)]
    assert moments[0] is not None
    assert moments[1] is not None
    together = (weights[:, None, None] * moments[1]).sum(axis=0)
    assert mx.allclose(together, 2 * moments[0], atol=1e-4)
    for path in (up, down):
        moment, square = found[path].second_moment, found[path].mean_square
        assert moment is not None
        assert mx.allclose(mx.diagonal(moment, axis1=-2, axis2=-1), square, rtol=1e-4, atol=1e-6)


def test_an_embedding_that_is_not_the_head_is_weighed_by_how_often_each_row_was_read() -> None:
    found = _recorded(LayerwiseModel(tiny_llama(tied=False)))["model.embed_tokens"]

    read = np.bincount(np.concatenate(_PROMPTS), minlength=VOCABULARY) / 80
    assert found.weighs_rows
    assert found.count == 80
    assert np.array(found.mean_square) == pytest.approx(read)


def test_a_tied_embedding_is_weighed_by_its_inputs_as_the_head() -> None:
    found = _recorded(LayerwiseModel(tiny_llama()))["model.embed_tokens"]

    assert not found.weighs_rows
    assert found.mean_square.shape == (64,)


def test_only_the_units_that_were_asked_for_are_recorded() -> None:
    path = "model.layers.1.self_attn.q_proj"

    found = _recorded(LayerwiseModel(tiny_gpt_oss()), paths=(path,))

    assert list(found) == [path]
    assert found[path].second_moment is None
