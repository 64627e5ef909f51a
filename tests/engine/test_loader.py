import json
import shutil
from pathlib import Path

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten
from mlx_lm.models import mamba

from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.loader import load_checkpoint
from tests.engine.checkpoints import REFERENCE, reference_with

pytestmark = pytest.mark.mlx


def refusal(folder: Path, available: int | None = None) -> str:
    with pytest.raises(LoadFailed) as refused:
        load_checkpoint(folder, available=lambda: available)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_loaded_model_tells_what_it_is() -> None:
    info = load_checkpoint(REFERENCE, in_float32=False).info

    assert (info.architecture, info.vocabulary_size, info.context_length) == ("gpt_oss", 512, 131072)
    assert 0 < info.weight_bytes < (REFERENCE / "model.safetensors").stat().st_size


@pytest.mark.parametrize(("in_float32", "dtype"), [(True, mx.float32), (False, mx.bfloat16)])
def test_weights_are_widened_or_kept(in_float32: bool, dtype: mx.Dtype) -> None:
    loaded = load_checkpoint(REFERENCE, in_float32=in_float32)

    arrays = dict(tree_flatten(loaded.model.parameters()))

    assert arrays["model.embed_tokens.weight"].dtype == dtype
    assert arrays["model.layers.0.mlp.experts.down_proj.weight"].dtype == mx.uint32
    assert sum(array.nbytes for array in arrays.values()) == loaded.info.weight_bytes


def test_a_cpu_computes_in_float32_unless_told_otherwise() -> None:
    arrays = dict(tree_flatten(load_checkpoint(REFERENCE).model.parameters()))

    on_cpu = mx.default_device().type == mx.DeviceType.cpu
    assert arrays["lm_head.weight"].dtype == (mx.float32 if on_cpu else mx.bfloat16)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("swiglu_limit", 5.0),
        ("swiglu_alpha", 1.5),
        ("hidden_act", "gelu"),
        ("attention_bias", False),
        ("tie_word_embeddings", True),
    ],
)
def test_a_field_that_would_change_the_result_unnoticed_is_refused_by_name(
    tmp_path: Path, field: str, value: object
) -> None:
    assert f"{field} is {value!r}" in refusal(reference_with(tmp_path, {field: value}))


@pytest.mark.parametrize(
    "kinds", [["full_attention"] * 4, ["sliding_attention", "full_attention"], ["linear"] * 4, "alternating"]
)
def test_layer_types_that_do_not_fit_are_refused(tmp_path: Path, kinds: object) -> None:
    assert "layer_types must name 4 layers" in refusal(reference_with(tmp_path, {"layer_types": kinds}))


@pytest.mark.parametrize("value", [None, 63, "64"])
def test_the_head_dimension_must_be_even(tmp_path: Path, value: object) -> None:
    folder = reference_with(tmp_path, {"head_dim": value})
    if value is None:
        assert load_checkpoint(folder).info.vocabulary_size == 512
    else:
        assert "head_dim" in refusal(folder)


def test_another_rope_is_refused_by_name(tmp_path: Path) -> None:
    folder = reference_with(tmp_path, {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}})

    assert "rope_type 'dynamic' is not supported" in refusal(folder)


def test_an_unknown_model_type_is_refused_by_name(tmp_path: Path) -> None:
    assert "not_a_model" in refusal(reference_with(tmp_path, {"model_type": "not_a_model"}))


def test_a_vocabulary_of_no_size_is_refused(tmp_path: Path) -> None:
    assert "vocab_size is None" in refusal(reference_with(tmp_path, {"vocab_size": None}))


def test_weights_that_do_not_fit_the_config_are_refused(tmp_path: Path) -> None:
    assert "cannot be loaded" in refusal(reference_with(tmp_path, {"vocab_size": 513}))


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    shutil.copy(REFERENCE / "config.json", tmp_path)
    stored = mx.load(str(REFERENCE / "model.safetensors"))
    assert isinstance(stored, dict)
    del stored["model.layers.0.self_attn.sinks"]
    mx.save_safetensors(str(tmp_path / "model.safetensors"), stored)

    assert "model.layers.0.self_attn.sinks" in refusal(tmp_path)


def test_too_little_memory_is_told_before_anything_is_read() -> None:
    message = refusal(REFERENCE, available=1000)

    assert "GiB for its weights alone" in message


def test_another_model_type_is_loaded_as_mlx_lm_knows_it(tmp_path: Path) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "intermediate_size": 32,
        "num_attention_heads": 2,
        "rms_norm_eps": 1e-5,
        "vocab_size": 16,
        "max_position_embeddings": 99,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    shapes = {
        "model.embed_tokens.weight": (16, 32),
        "model.norm.weight": (32,),
        **{f"model.layers.0.self_attn.{part}_proj.weight": (32, 32) for part in "qkvo"},
        **{f"model.layers.0.mlp.{part}_proj.weight": (32, 32) for part in ("gate", "up", "down")},
        **{f"model.layers.0.{part}_layernorm.weight": (32,) for part in ("input", "post_attention")},
    }
    weights = {name: mx.ones(shape) for name, shape in shapes.items()}
    mx.save_safetensors(str(tmp_path / "model.safetensors"), weights)

    info = load_checkpoint(tmp_path).info

    assert (info.architecture, info.context_length, info.vocabulary_size) == ("llama", 99, 16)


def test_a_model_that_keeps_other_than_keys_and_values_is_refused_by_name(tmp_path: Path) -> None:
    config = {
        "model_type": "mamba",
        "vocab_size": 16,
        "hidden_size": 8,
        "intermediate_size": 16,
        "state_size": 4,
        "num_hidden_layers": 1,
        "conv_kernel": 2,
        "use_bias": False,
        "use_conv_bias": False,
        "time_step_rank": 1,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = dict(tree_flatten(mamba.Model(mamba.ModelArgs.from_dict(config)).parameters()))
    mx.save_safetensors(str(tmp_path / "model.safetensors"), weights)

    assert "model of type 'mamba', which keeps what it has read in ArraysCache" in refusal(tmp_path)


def test_the_context_is_cut_to_what_memory_holds_beside_the_weights() -> None:
    whole = load_checkpoint(REFERENCE, available=lambda: 1 << 40, in_float32=True).info
    room = whole.weight_bytes + (64 << 20)

    cut = load_checkpoint(REFERENCE, available=lambda: room, in_float32=True).info

    assert (whole.is_cut, whole.context_length) == (False, 131072)
    assert cut.is_cut
    assert 256 <= cut.context_length < 131072
    assert cut.kv_budget is not None
    assert cut.kv_budget.fits([cut.context_length])


def test_memory_that_holds_the_weights_but_no_context_is_refused() -> None:
    weights = load_checkpoint(REFERENCE, available=lambda: None, in_float32=True).info.weight_bytes

    with pytest.raises(LoadFailed, match="too little for the keys and values of 256 tokens"):
        load_checkpoint(REFERENCE, available=lambda: weights + 1000, in_float32=True)
