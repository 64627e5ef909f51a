"""Small checkpoints of each kind that conversion reads, and plans for them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models import llama
from mlx_lm.utils import quantize_model, save_config, save_model

from optiq_quant.convert import Conversion
from optiq_quant.fingerprint import checkpoint_fingerprint
from optiq_quant.formats import Format, Mode, affine, dense, microscaled
from optiq_quant.inventory import Inventory, take_inventory
from optiq_quant.model_card import Card
from optiq_quant.plan import Coding, Plan, PlannedUnit
from optiq_quant.units import Unit
from optiq_server.engine.loader import load_lazily

REFERENCE = Path(__file__).parent.parent / "data" / "gpt_oss_reference"

LLAMA_CONFIG: dict[str, object] = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 128,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}

_FORMATS = (
    affine(4),
    affine(8, 32),
    affine(3),
    microscaled(Mode.MXFP8),
    microscaled(Mode.NVFP4),
    dense("bfloat16"),
)


def llama_checkpoint(folder: Path, dtype: mx.Dtype = mx.bfloat16, *, vocabulary: int = 128) -> Path:
    """A random llama, its embedding tied, as Hugging Face saves it."""
    mx.random.seed(3)
    stated = {**LLAMA_CONFIG, "vocab_size": vocabulary}
    model = _llama(stated)
    model.set_dtype(dtype)
    folder.mkdir(parents=True)
    config = {**stated, "torch_dtype": str(dtype).rpartition(".")[2]}
    (folder / "config.json").write_text(json.dumps(config))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())))
    return folder


def mlx_checkpoint(folder: Path, source: Path, bits: int = 4) -> Path:
    """`source`, a llama, quantized and saved by mlx-lm itself."""
    model = load_lazily(source)
    model, config = quantize_model(model, json.loads((source / "config.json").read_text()), 64, bits)
    save_model(folder, model)
    save_config(config, folder / "config.json")
    return folder


def inventory_of(folder: Path) -> Inventory:
    return take_inventory(load_lazily(folder), json.loads((folder / "config.json").read_text()))


def plan_for(folder: Path, choose: Callable[[int, Unit], tuple[Format, Coding]] | None = None) -> Plan:
    """By default native units are kept, and the others get one format after the other."""
    units = tuple(
        PlannedUnit(path=unit.path, format=form, coding=coding)
        for number, unit in enumerate(inventory_of(folder).units)
        for form, coding in [(choose or _in_turn)(number, unit)]
    )
    return Plan(source=checkpoint_fingerprint(folder), units=units, evidence={})


def conversion(source: Path, plan: Plan, out: Path, *, shard_bytes: int = 150_000) -> Conversion:
    return Conversion(
        source=source,
        plan=plan,
        out=out,
        card=Card(name="small", license="mit"),
        optiq_version="1",
        shard_bytes=shard_bytes,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _in_turn(number: int, unit: Unit) -> tuple[Format, Coding]:
    if unit.is_native:
        return unit.stored, Coding.KEPT
    return _FORMATS[number % len(_FORMATS)], Coding.NEAREST


def _llama(config: Mapping[str, object]) -> llama.Model:
    known = {name: value for name, value in config.items() if name != "torch_dtype"}
    return llama.Model(llama.ModelArgs.from_dict(known))
