"""What verification finds: nothing where all is well, and each kind of damage."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import pytest

from optiq_quant.convert import convert
from optiq_quant.encoded import encode_nearest
from optiq_quant.errors import CheckpointUnusable
from optiq_quant.formats import affine
from optiq_quant.modules import unit_modules, weight_of
from optiq_quant.plan import Coding
from optiq_quant.verify import Check, Outcome, verify_files
from optiq_server.engine.loader import load_lazily
from tests.quant.checkpoints import REFERENCE, conversion, llama_checkpoint, plan_for

_RECORD = "optiq.json"


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    convert(conversion(REFERENCE, plan_for(REFERENCE), out), load_lazily=load_lazily)
    return out


@pytest.fixture(name="out")
def _out(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "out")


def _verify(folder: Path, source: Path | None = REFERENCE) -> list[Check]:
    return verify_files(folder, source=source, load_lazily=load_lazily)


def _failures(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.detail for check in checks if check.outcome is Outcome.FAILED}


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def _place_of(folder: Path, tensor: str) -> tuple[Path, int]:
    shard = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"][tensor]
    return _place_in(folder / shard, tensor)


def _place_in(path: Path, tensor: str) -> tuple[Path, int]:
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    begin: int = json.loads(content[8 : 8 + length])[tensor]["data_offsets"][0]
    return path, 8 + length + begin


def test_a_written_checkpoint_passes_all_checks(whole: Path) -> None:
    checks = _verify(whole)

    assert {check.outcome for check in checks} == {Outcome.PASSED}
    details = {check.name: check.detail for check in checks}
    assert details["kept"] == "12 units equal the source's, by sha256"
    assert details["nearest"] == "22 units equal their codes computed again"


def test_without_the_source_the_rest_is_checked(whole: Path) -> None:
    outcomes = {check.name: check.outcome for check in _verify(whole, None)}

    assert outcomes.pop("source") is Outcome.SKIPPED
    assert set(outcomes.values()) == {Outcome.PASSED}


@pytest.mark.parametrize(
    ("tensor", "check"),
    [
        ("model.layers.1.mlp.experts.up_proj.weight", "kept"),
        ("model.layers.1.self_attn.q_proj.weight", "nearest"),
        ("model.layers.1.self_attn.sinks", "others"),
    ],
)
def test_one_flipped_bit_is_found(out: Path, tensor: str, check: str) -> None:
    _flip(*_place_of(out, tensor))

    failures = _failures(_verify(out))

    assert tensor in failures["contents"]
    assert tensor in failures[check]
    assert set(failures) == {"contents", check}
    assert set(_failures(_verify(out, None))) == {"contents"}


def test_codes_of_another_kind_of_device_may_differ_in_roundings_only(out: Path) -> None:
    record = out / _RECORD
    record.write_text(record.read_text().replace('"device": "cpu"', '"device": "other"'))
    path, place = _place_of(out, "model.layers.1.self_attn.v_proj.weight")
    _flip(path, place)

    assert set(_failures(_verify(out))) == {"contents"}

    content = path.read_bytes()
    path.write_bytes(content[:place] + bytes(2000) + content[place + 2000 :])
    assert "times that of the nearest codes" in _failures(_verify(out))["nearest"]


def _other_formats(folder: Path) -> None:
    path = folder / _RECORD
    path.write_text(path.read_text().replace("affine4g64", "affine4g32"))


def _other_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-6}))


def _foreign_shard(folder: Path) -> None:
    shutil.copy(REFERENCE / "model.safetensors", folder / "other.safetensors")


def _other_index(folder: Path) -> None:
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["metadata"]["total_size"] += 1
    path.write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "check", "problem"),
    [
        (_other_formats, "formats", "affine4g64; planned is affine4g32"),
        (_other_config, "config", "rms_norm_eps is not what the plan and the source make of it"),
        (_foreign_shard, "files", "other.safetensors does not belong to the plan"),
        (_other_index, "files", "index.json does not tell what the files hold"),
    ],
)
def test_each_kind_of_damage_is_named(
    out: Path, damage: Callable[[Path], None], check: str, problem: str
) -> None:
    damage(out)

    assert problem in _failures(_verify(out))[check]


def test_another_source_is_found_out(out: Path, tmp_path: Path) -> None:
    other = shutil.copytree(REFERENCE, tmp_path / "other")
    _flip(*_place_in(other / "model.safetensors", "model.layers.1.mlp.experts.down_proj_blocks"))

    assert set(_failures(_verify(out, other))) == {"source", "kept"}


@pytest.mark.parametrize(("scale", "outcome"), [(0.99, Outcome.PASSED), (-1.0, Outcome.FAILED)])
def test_codes_that_were_searched_for_must_mean_the_sources_weights(
    tmp_path: Path, scale: float, outcome: Outcome
) -> None:
    source = llama_checkpoint(tmp_path / "llama")
    plan = plan_for(source, lambda _number, _unit: (affine(4), Coding.FITTED))
    modules = unit_modules(load_lazily(source))
    convert(
        conversion(source, plan, tmp_path / "out"),
        load_lazily=load_lazily,
        codes=lambda path: encode_nearest(weight_of(modules[path], mx.bfloat16) * scale, affine(4)),
    )

    found = {check.name: check.outcome for check in _verify(tmp_path / "out", source)}

    assert found.pop("searched") is outcome
    assert set(found.values()) == {Outcome.PASSED}


def test_a_folder_that_is_unfinished_or_not_ours_is_refused(out: Path) -> None:
    (out / "optiq-unfinished.json").write_text("{}")
    with pytest.raises(CheckpointUnusable, match="is unfinished"):
        _verify(out)

    with pytest.raises(CheckpointUnusable, match=r"optiq\.json cannot be read"):
        _verify(REFERENCE)
