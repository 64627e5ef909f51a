"""Two models compared, against two plain passes; what is told of it."""

from collections.abc import Callable

import mlx.core as mx
import pytest
from mlx.nn.layers.base import Module
from mlx.nn.layers.embedding import Embedding
from mlx.nn.layers.quantized import quantize
from mlx_lm.models import gemma2

from optiq_quant.compare import compare_models
from optiq_quant.compare_tables import band_table, comparison_table
from optiq_quant.divergence import ReferenceBlock
from optiq_quant.divergence_summary import summarize
from optiq_quant.errors import CheckpointUnusable
from optiq_quant.progress import SilentReporter
from tests.quant.tiny_models import LLAMA, random_prompt, tiny_gpt_oss, tiny_llama

pytestmark = pytest.mark.mlx

_PROMPTS = (random_prompt(70), random_prompt(20, 1), random_prompt(2, 2))


def _capped() -> Module:
    """A model whose head cannot be split off."""
    mx.random.seed(0)
    model: Module = gemma2.Model(
        gemma2.ModelArgs.from_dict({**LLAMA, "model_type": "gemma2", "head_dim": 16})
    )
    return model


def _coarse(make: Callable[[], Module]) -> Module:
    """The same weights in 4 bits."""
    model = make()
    quantize(model, group_size=32, bits=4)
    return model


_MODELS: list[Callable[[], Module]] = [tiny_gpt_oss, tiny_llama, lambda: tiny_llama(tied=False), _capped]
_NAMES = ["gpt_oss", "tied llama", "llama", "capped"]


@pytest.mark.parametrize("make", _MODELS, ids=_NAMES)
def test_a_model_does_not_diverge_from_itself_at_any_position(make: Callable[[], Module]) -> None:
    found = compare_models(make, make, _PROMPTS, SilentReporter())

    assert [len(prompt.divergence) for prompt in found.prompts] == [70, 20, 2]
    assert all(prompt.total() == 0.0 and prompt.flips == 0 for prompt in found.prompts)
    assert all((prompt.divergence == 0.0).all() for prompt in found.prompts)


@pytest.mark.parametrize("make", _MODELS, ids=_NAMES)
def test_a_coarse_copy_diverges_as_two_whole_passes_tell(make: Callable[[], Module]) -> None:
    found = compare_models(make, lambda: _coarse(make), _PROMPTS, SilentReporter())

    reference, candidate = make(), _coarse(make)
    for prompt, each in zip(_PROMPTS, found.prompts, strict=True):
        tokens = mx.array([prompt])
        truth = ReferenceBlock(reference(tokens)[0], prompt[1:]).compare(candidate(tokens)[0])
        assert each.divergence == pytest.approx(truth.divergence, rel=2e-3, abs=1e-7)
        assert each.candidate_loss == pytest.approx(truth.candidate_loss, rel=1e-4, abs=1e-5)
    assert sum(prompt.total() for prompt in found.prompts) > 0


def test_the_references_layers_are_given_back_before_the_candidate_is_opened() -> None:
    reference = tiny_gpt_oss()
    left: list[int] = []

    def opened() -> Module:
        left.append(len(reference.layers))
        return tiny_gpt_oss()

    compare_models(lambda: reference, opened, _PROMPTS, SilentReporter())

    assert left == [0]


def test_other_vocabularies_are_refused_before_anything_is_read() -> None:
    with pytest.raises(CheckpointUnusable, match=r"has 64 tokens and the candidate 512"):
        compare_models(tiny_llama, lambda: _llama_of(512), _PROMPTS, SilentReporter())


def test_a_token_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(CheckpointUnusable, match="token 64 is not one of the model's 64"):
        compare_models(tiny_llama, tiny_llama, [[1, 64]], SilentReporter())


def _llama_of(vocabulary: int) -> Module:
    model = tiny_llama()
    model.model.embed_tokens = Embedding(vocabulary, 64)
    return model


def test_the_tables_tell_each_figure() -> None:
    found = compare_models(tiny_llama, lambda: _coarse(tiny_llama), _PROMPTS, SilentReporter())
    summary = summarize(found.prompts)

    figures = {row[0]: row[1] for row in comparison_table(summary).rows}
    bands = band_table(summary).rows

    assert figures["tokens"] == "92"
    assert figures["mean"] == f"{summary.mean:.4f}"
    assert figures["likeliest token differs"] == f"{summary.flips:.2%}"
    assert [row[:2] for row in bands] == [("0 to 15", "34"), ("16 to 63", "52"), ("64 to 255", "6")]


def test_nothing_is_told_as_nothing() -> None:
    found = compare_models(tiny_llama, tiny_llama, _PROMPTS[:1], SilentReporter())

    figures = {row[0]: row[1] for row in comparison_table(summarize(found.prompts)).rows}

    assert figures["mean"] == figures["largest"] == "0"
    assert figures["95 % interval of the mean, by prompt"] == "needs two prompts or more"


@pytest.mark.parametrize("coarse", [False, True])
def test_the_picture_is_the_same_each_time(coarse: bool) -> None:
    pytest.importorskip("matplotlib")
    from optiq_quant.compare_plot import comparison_plot

    other = (lambda: _coarse(tiny_llama)) if coarse else tiny_llama
    found = compare_models(tiny_llama, other, _PROMPTS, SilentReporter())
    summary = summarize(found.prompts)

    pictures = [comparison_plot(found, summary) for _ in range(2)]

    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"<?xml")
    assert b"Mean KL divergence by position" in pictures[0]
