"""Units of mlx-lm's models: found, read, and given other weights."""

from pathlib import Path

import mlx.core as mx
import pytest
from mlx.nn.layers.base import Module

from optiq_quant.encoded import encode_nearest
from optiq_quant.errors import CheckpointUnusable
from optiq_quant.formats import Mode, affine, dense, microscaled, parse_format
from optiq_quant.modules import (
    quantized_module,
    replace_module,
    stored_encoding,
    unit_modules,
    weight_of,
    weight_shape,
    with_encoding,
)
from optiq_server.engine.loader import load_lazily

REFERENCE = Path(__file__).parent.parent / "data" / "gpt_oss_reference"
_QUERY = "model.layers.1.self_attn.q_proj"
_EXPERTS = "model.layers.1.mlp.experts.up_proj"


@pytest.fixture
def model() -> Module:
    return load_lazily(REFERENCE)


def _logits(model: Module) -> mx.array:
    model.set_dtype(mx.float32)
    logits: mx.array = model(mx.array([[1, 5, 9, 200]]))
    return logits


def test_the_units_of_gpt_oss_are_its_linears_experts_and_embedding_in_order(model: Module) -> None:
    paths = list(unit_modules(model))

    assert len(paths) == 4 * (5 + 3) + 2
    assert (paths[0], paths[-1]) == ("model.embed_tokens", "lm_head")
    assert paths[1:9] == [
        f"model.layers.0.{name}"
        for name in (
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
            "mlp.experts.gate_proj",
            "mlp.experts.up_proj",
            "mlp.experts.down_proj",
            "mlp.router",
        )
    ]


def test_packed_weights_have_the_shape_that_they_mean(model: Module) -> None:
    experts = unit_modules(model)[_EXPERTS]

    assert weight_shape(experts) == weight_of(experts).shape == (4, 64, 64)


@pytest.mark.parametrize("name", ["affine4g32", "affine3g64", "mxfp4", "nvfp4", "mxfp8", "bf16"])
@pytest.mark.parametrize("path", [_QUERY, _EXPERTS, "model.embed_tokens", "lm_head"])
def test_a_module_computes_with_other_weights_as_mlx_lm_would(name: str, path: str) -> None:
    decoding, packed = load_lazily(REFERENCE), load_lazily(REFERENCE)
    module = unit_modules(packed)[path]
    encoded = encode_nearest(weight_of(module, mx.bfloat16), parse_format(name))

    replace_module(decoding, path, with_encoding(unit_modules(decoding)[path], encoded, mx.float32))
    replace_module(packed, path, quantized_module(module, encoded))

    assert mx.allclose(_logits(decoding), _logits(packed), rtol=1e-4, atol=1e-4)
    if name.startswith("affine"):
        assert not mx.array_equal(_logits(packed), _logits(load_lazily(REFERENCE)))


def test_a_modules_own_encoding_changes_nothing(model: Module) -> None:
    before = _logits(load_lazily(REFERENCE))

    for path, module in unit_modules(model).items():
        replace_module(model, path, with_encoding(module, stored_encoding(module), mx.float32))

    assert mx.array_equal(_logits(model), before)


def test_a_quantized_modules_encoding_is_its_own_arrays(model: Module) -> None:
    module = unit_modules(model)[_QUERY]
    encoded = encode_nearest(module.weight, affine(4))

    again = stored_encoding(quantized_module(module, encoded))

    assert again.format == affine(4)
    assert mx.array_equal(again.weight, encoded.weight)


def test_replacing_what_is_not_there_is_an_error(model: Module) -> None:
    with pytest.raises(KeyError):
        replace_module(model, "model.layers.1.self_attn.p_proj", unit_modules(model)[_QUERY])


def test_weights_that_are_no_floats_are_refused(model: Module) -> None:
    unit_modules(model)[_QUERY].weight = mx.zeros((256, 64), mx.int8)

    with pytest.raises(CheckpointUnusable, match=rf"{_QUERY}: weights of type .*int8"):
        unit_modules(model)


def test_formats_of_stored_modules(model: Module) -> None:
    modules = unit_modules(model)

    assert stored_encoding(modules[_EXPERTS]).format == microscaled(Mode.MXFP4)
    assert stored_encoding(modules[_QUERY]).format == dense("bfloat16")
