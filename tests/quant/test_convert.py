"""A plan, carried out on every kind of source, and through every kind of death."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from optiq_quant.convert import Progress, convert
from optiq_quant.encoded import Encoded, encode_nearest
from optiq_quant.errors import CheckpointUnusable, PlanRejected
from optiq_quant.formats import Format, affine, dense
from optiq_quant.modules import quantized_module, replace_module, unit_modules, weight_of
from optiq_quant.plan import Coding, Plan
from optiq_quant.units import Unit
from optiq_server.engine.loader import load_checkpoint, load_lazily
from tests.engine.checkpoints import dense_reference
from tests.quant.checkpoints import (
    REFERENCE,
    contents,
    conversion,
    inventory_of,
    llama_checkpoint,
    mlx_checkpoint,
    plan_for,
)

_ROOT = Path(__file__).parents[2]
_TOKENS = mx.array([[1, 17, 100, 3, 42]])


def _convert(source: Path, out: Path, plan: Plan | None = None, *, shard_bytes: int = 150_000) -> Path:
    convert(
        conversion(source, plan or plan_for(source), out, shard_bytes=shard_bytes), load_lazily=load_lazily
    )
    return out


class _Stop(Exception):
    """In the middle of a conversion."""


def _stop_at(bytes_done: float) -> Progress:
    def progress(done: int, _total: int) -> None:
        if done >= bytes_done:
            raise _Stop

    return progress


def _dense_experts(folder: Path) -> Path:
    return dense_reference(folder, mx.bfloat16)


def _quantized_llama(folder: Path) -> Path:
    return mlx_checkpoint(folder / "mlx", llama_checkpoint(folder / "llama"))


def _openai(_folder: Path) -> Path:
    return REFERENCE


SOURCES: list[Callable[[Path], Path]] = [_openai, _dense_experts, llama_checkpoint, _quantized_llama]


@pytest.mark.parametrize("make", SOURCES)
def test_the_written_model_computes_with_the_planned_weights(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    source = make(tmp_path / "source")
    plan = plan_for(source)
    expected = load_lazily(source)
    for path, module in unit_modules(expected).items():
        planned = plan.by_path()[path]
        if planned.coding is Coding.NEAREST:
            encoded = encode_nearest(weight_of(module, mx.bfloat16), planned.format)
            replace_module(expected, path, quantized_module(module, encoded))

    out = _convert(source, tmp_path / "out", plan)

    expected.set_dtype(mx.float32)
    found = load_checkpoint(out, in_float32=True).model
    assert mx.array_equal(found(_TOKENS), expected(_TOKENS))


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize("shard_bytes", [20_000, 10**9])
def test_the_files_have_the_predicted_bytes(
    make: Callable[[Path], Path], shard_bytes: int, tmp_path: Path
) -> None:
    source = make(tmp_path / "source")
    plan = plan_for(source)

    out = _convert(source, tmp_path / "out", plan, shard_bytes=shard_bytes)

    size = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    assert size == inventory_of(source).predicted_file_bytes(plan, shard_bytes=shard_bytes)


def test_a_uniform_plan_gives_the_tensors_that_mlx_lm_itself_writes(tmp_path: Path) -> None:
    source = llama_checkpoint(tmp_path / "llama")
    plan = plan_for(source, lambda _number, _unit: (affine(4), Coding.NEAREST))

    out = _convert(source, tmp_path / "out", plan, shard_bytes=10**9)

    reference = mlx_checkpoint(tmp_path / "mlx", source)
    theirs, ours = (mx.load(str(folder / "model.safetensors")) for folder in (reference, out))
    assert isinstance(theirs, dict)
    assert isinstance(ours, dict)
    assert set(theirs) == set(ours)
    assert all(theirs[name].dtype == ours[name].dtype for name in theirs)
    assert all(mx.array_equal(theirs[name], ours[name]) for name in theirs)


def test_native_experts_are_the_sources_own_bits(tmp_path: Path) -> None:
    out = _convert(REFERENCE, tmp_path / "out", shard_bytes=10**9)

    found = mx.load(str(out / "model.safetensors"))
    assert isinstance(found, dict)
    blocks = _experts("gate_up_proj_blocks")
    for half, name in enumerate(("gate_proj", "up_proj")):
        written = np.array(found[f"model.layers.2.mlp.experts.{name}.weight"])
        assert written.tobytes() == np.ascontiguousarray(blocks[:, half::2]).tobytes()


def _experts(name: str) -> np.ndarray:
    stored = mx.load(str(REFERENCE / "model.safetensors"))
    assert isinstance(stored, dict)
    return np.array(stored[f"model.layers.2.mlp.experts.{name}"])


def test_an_mlx_folder_kept_as_it_is_holds_the_same_tensors(tmp_path: Path) -> None:
    source = _quantized_llama(tmp_path)
    plan = plan_for(source, lambda _number, unit: (unit.stored, Coding.KEPT))

    out = _convert(source, tmp_path / "out", plan, shard_bytes=10**9)

    before, after = (mx.load(str(folder / "model.safetensors")) for folder in (source, out))
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert set(before) == set(after)
    assert all(mx.array_equal(before[name], after[name]) for name in before)


def test_a_checkpoint_in_float32_becomes_one_of_16_bits(tmp_path: Path) -> None:
    source = llama_checkpoint(tmp_path / "llama", mx.float32)

    out = _convert(source, tmp_path / "out")

    model = load_lazily(out)
    dtypes = {array.dtype for _, array in dict(tree_flatten(model.parameters())).items()}
    assert dtypes <= {mx.bfloat16, mx.uint32, mx.uint8}
    assert json.loads((out / "config.json").read_text())["torch_dtype"] == "bfloat16"


def _searched(source: Path, coding: Coding = Coding.FITTED) -> Plan:
    def choose(number: int, unit: Unit) -> tuple[Format, Coding]:
        return (affine(4), coding) if number == 1 else (unit.stored, Coding.KEPT)

    return plan_for(source, choose)


def _codes(source: Path, dtype: mx.Dtype = mx.bfloat16) -> Callable[[str], Encoded | None]:
    modules = unit_modules(load_lazily(source))
    return lambda path: encode_nearest(weight_of(modules[path], dtype) * 0.99, affine(4))


@pytest.mark.parametrize("coding", [Coding.FITTED, Coding.COMPENSATED])
def test_codes_that_were_searched_for_are_written_as_they_were_found(tmp_path: Path, coding: Coding) -> None:
    source = llama_checkpoint(tmp_path / "llama")
    plan, codes = _searched(source, coding), _codes(source)

    convert(conversion(source, plan, tmp_path / "out"), load_lazily=load_lazily, codes=codes)

    path = plan.units[1].path
    written, found = unit_modules(load_lazily(tmp_path / "out"))[path], codes(path)
    assert found is not None
    assert mx.array_equal(written.weight, found.weight)
    assert found.scales is not None
    assert mx.array_equal(written.scales, found.scales)


def test_codes_that_are_absent_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    source = llama_checkpoint(tmp_path / "llama")
    plan = _searched(source)

    with pytest.raises(PlanRejected, match="the plan says fitted, and no such codes were found"):
        convert(conversion(source, plan, tmp_path / "a"), load_lazily=load_lazily)
    with pytest.raises(PlanRejected, match=r"scales: the codes found are float32\[.*affine4g64 has others"):
        convert(
            conversion(source, plan, tmp_path / "b"),
            load_lazily=load_lazily,
            codes=_codes(source, mx.float32),
        )


def test_a_plan_for_another_checkpoint_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = llama_checkpoint(tmp_path / "llama")

    with pytest.raises(PlanRejected, match="another checkpoint than"):
        _convert(source, tmp_path / "out", plan_for(REFERENCE))

    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")

    with pytest.raises(CheckpointUnusable, match="is not empty"):
        _convert(REFERENCE, out)

    assert contents(out) == {"notes.txt": b"mine"}


def test_the_beginning_of_another_plan_is_not_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(_Stop):
        convert(
            conversion(REFERENCE, plan_for(REFERENCE), tmp_path / "out"),
            load_lazily=load_lazily,
            progress=_stop_at(1),
        )

    other = plan_for(REFERENCE, lambda _number, unit: (unit.stored, Coding.KEPT))
    with pytest.raises(CheckpointUnusable, match="the beginning of another conversion"):
        _convert(REFERENCE, tmp_path / "out", other)


def test_a_finished_folder_is_not_written_again(tmp_path: Path) -> None:
    out = _convert(REFERENCE, tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}

    _convert(REFERENCE, out)

    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == times


def test_small_files_go_along_and_foreign_weights_stay(tmp_path: Path) -> None:
    source = llama_checkpoint(tmp_path / "llama")
    for name in ("tokenizer.json", "generation_config.json", "chat_template.jinja", "README.md", "old.bin"):
        (source / name).write_text("{}")
    (source / "original").mkdir()
    (source / "original" / "model.safetensors").write_text("")

    out = _convert(source, tmp_path / "out", shard_bytes=10**9)

    assert {path.name for path in out.iterdir()} == {
        *("tokenizer.json", "generation_config.json", "chat_template.jinja"),
        *("README.md", "config.json", "optiq.json", "optiq-bits.svg"),
        *("model.safetensors", "model.safetensors.index.json"),
    }
    assert "small" in (out / "README.md").read_text()


@pytest.mark.slow
def test_after_any_kill_the_resumed_files_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    plan = plan_for(REFERENCE)
    (tmp_path / "plan.json").write_text(plan.to_json())
    whole = contents(_convert(REFERENCE, tmp_path / "whole", plan))

    # In the middle of a shard, between writing a shard and naming it, and just before config.json.
    for kind, number in (("piece", 60), ("rename", 2), ("rename", 6)):
        arguments = [REFERENCE, tmp_path / "out", tmp_path / "plan.json", kind, number]
        command = [sys.executable, "-m", "tests.quant.killed_conversion", *map(str, arguments)]
        assert subprocess.run(command, check=False, cwd=_ROOT).returncode == -signal.SIGKILL
        assert not (tmp_path / "out" / "config.json").exists()

    assert contents(_convert(REFERENCE, tmp_path / "out", plan)) == whole


def test_wherever_it_breaks_off_the_resumed_files_are_the_same(tmp_path: Path) -> None:
    plan = plan_for(REFERENCE)
    whole = contents(_convert(REFERENCE, tmp_path / "whole", plan))
    total = inventory_of(REFERENCE).predicted_file_bytes(plan, shard_bytes=150_000)

    for share in (0.1, 0.3, 0.5, 0.9):
        with pytest.raises(_Stop):
            convert(
                conversion(REFERENCE, plan, tmp_path / "out"),
                load_lazily=load_lazily,
                progress=_stop_at(share * total),
            )

    assert contents(_convert(REFERENCE, tmp_path / "out", plan)) == whole


def test_bfloat16_is_written_exactly(tmp_path: Path) -> None:
    plan = plan_for(REFERENCE, lambda _number, unit: (unit.stored, Coding.KEPT))

    out = _convert(REFERENCE, tmp_path / "out", plan, shard_bytes=10**9)

    before, after = (mx.load(str(folder / "model.safetensors")) for folder in (REFERENCE, out))
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert mx.array_equal(before["lm_head.weight"].view(mx.uint16), after["lm_head.weight"].view(mx.uint16))
    assert plan.formats()["lm_head"] == dense("bfloat16")
