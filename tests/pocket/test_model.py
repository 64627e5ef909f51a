"""The trainer's shortcuts change no number. Runs where torch is, which is where the model is trained."""

import pytest

torch = pytest.importorskip("torch")

from tools.pocket.model import PocketModel  # noqa: E402  # it imports torch
from tools.pocket.optimiser import orthogonalise  # noqa: E402  # it imports torch
from tools.pocket.shape import ModelShape, rope_frequencies  # noqa: E402  # its test needs no torch, its users do
from tools.pocket.sink_attention import SinkAttention  # noqa: E402  # it imports torch

_ROWS = 50


def _model() -> PocketModel:
    torch.manual_seed(0)
    model = PocketModel(ModelShape(rows=_ROWS))
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.3)
    return model


def test_a_shared_prefix_gives_what_whole_sequences_give() -> None:
    model = _model()
    tokens = torch.randint(0, _ROWS, (3, 200))
    tokens[:, :60] = tokens[0, :60]
    places = torch.tensor([[100, 120, 138]] * 3)
    owner = torch.zeros(3, dtype=torch.long)

    whole, _ = model(tokens[:1, :0], tokens, owner, places + 60)
    shared, _ = model(tokens[:1, :60], tokens[:, 60:], owner, places)

    assert torch.allclose(whole, shared, atol=1e-5)


def test_what_lies_beyond_the_window_reaches_only_the_full_layers() -> None:
    shape = ModelShape(rows=_ROWS, layer_types=("sliding_attention",) * 2, layers=2)
    torch.manual_seed(0)
    model = PocketModel(shape)
    tokens = torch.randint(0, _ROWS, (1, 300))
    changed = tokens.clone()
    changed[0, 0] = (tokens[0, 0] + 1) % _ROWS
    places = torch.tensor([[299]])
    owner = torch.zeros(1, dtype=torch.long)

    before, _ = model(tokens[:, :0], tokens, owner, places)
    after, _ = model(tokens[:, :0], changed, owner, places)

    assert torch.equal(before, after)


def test_sink_attention_has_the_right_gradients() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 2, n, 4, dtype=torch.double, requires_grad=True) for n in (6, 5, 5))
    sink = torch.randn(2, 6, 1, dtype=torch.double, requires_grad=True)
    hidden = torch.zeros(1, 6, 5, dtype=torch.double)
    hidden[0, 0, 2:] = float("-inf")

    assert torch.autograd.gradcheck(
        lambda q, k, v, s: SinkAttention.apply(q, k, v, hidden, s), (query, key, value, sink)
    )


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(3, 256, 128)))

    assert 0.6 < values.min() < values.max() < 1.3


def test_rotary_frequencies_keep_the_fast_and_slow_the_others_by_the_factor() -> None:
    frequencies = rope_frequencies()

    assert frequencies[8] == pytest.approx(150_000 ** (-8 / 32))
    assert frequencies[18] == pytest.approx(150_000 ** (-18 / 32) / 32)
    # Between them the range is not rounded: the ninth already is below plain, the correction begins at 8.09.
    assert 0.9 < frequencies[9] / 150_000 ** (-9 / 32) < 0.91
