"""`optiq plan`: from a checkpoint's headers to what fits, and in the terminal."""

import json
import struct
from pathlib import Path

import pytest

from optiq_server.byte_size import parse_bytes, show_bytes
from optiq_server.cli import main
from optiq_server.engine.inventory import take_inventory
from optiq_server.plan import make_plan, metal_share, plan_lines, read_per_token

_CONFIG = {
    "model_type": "gpt_oss",
    "num_hidden_layers": 24,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "hidden_size": 2880,
    "sliding_window": 128,
    "max_position_embeddings": 131072,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
}


def _checkpoint(folder: Path, weight_bytes: int) -> Path:
    """A checkpoint with the 20b's shape whose weights are a hole in a file."""
    (folder / "config.json").write_text(json.dumps(_CONFIG))
    entry = {"dtype": "U8", "shape": [weight_bytes], "data_offsets": [0, weight_bytes]}
    header = json.dumps({"w": entry}).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + weight_bytes)
    return folder


def test_a_16_gb_mac_holds_the_20b_with_four_bit_rests_and_a_short_context(tmp_path: Path) -> None:
    # 11.18 GB: native experts, the rest affine 4 bits.
    plan = make_plan(take_inventory(_checkpoint(tmp_path, 11_180_000_000)), memory=16 << 30, on_a_mac=True)

    assert plan.for_the_device == pytest.approx(10_922.67 * (1 << 20), rel=1e-6)
    assert plan.kv_per_1000_tokens == (24 << 10) * 1000
    assert plan.kv_windows == 3 << 20
    assert 4_000 < plan.longest[1] < 16_000
    assert plan.longest[1] > plan.longest[8]


def test_more_memory_holds_a_longer_context_up_to_all_of_it(tmp_path: Path) -> None:
    inventory = take_inventory(_checkpoint(tmp_path, 11_180_000_000))

    contexts = [make_plan(inventory, memory=gib << 30, on_a_mac=True).longest[1] for gib in (16, 24, 36, 64)]

    assert contexts == sorted(contexts)
    assert contexts[-1] == 131072


def test_weights_that_do_not_fit_are_told(tmp_path: Path) -> None:
    plan = make_plan(take_inventory(_checkpoint(tmp_path, 13_760_000_000)), memory=16 << 30, on_a_mac=True)

    assert not plan.fits
    assert plan_lines(plan).endswith("it does not fit")


def test_the_command_prints_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ["--model", str(_checkpoint(tmp_path, 11_180_000_000))]

    assert main(["plan", *model, "--memory", "32GiB"]) == 0
    table = capsys.readouterr().out
    assert main(["plan", *model, "--memory", "32GiB", "--json"]) == 0
    as_json = json.loads(capsys.readouterr().out)

    assert "keys and values, 1,000 tokens           23.44 MiB" in table
    assert as_json["weights"] == 11_180_000_000
    assert as_json["fits"] is True


def test_a_token_reads_the_active_experts_one_row_and_the_rest(tmp_path: Path) -> None:
    config = {**_CONFIG, "num_local_experts": 8, "num_experts_per_tok": 2}
    tensors = {
        "model.layers.0.mlp.experts.down_proj_blocks": ("U8", [8, 100]),
        "model.embed_tokens.weight": ("BF16", [50, 10]),
        "lm_head.weight": ("BF16", [50, 10]),
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    entries, end = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = shape[0] * shape[1] * (2 if dtype == "BF16" else 1)
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    header = json.dumps(entries).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(end))
    inventory = take_inventory(tmp_path)

    assert read_per_token(inventory, in_float32=False) == 200 + 20 + 1000
    assert read_per_token(inventory, in_float32=True) == 200 + 40 + 2000


def test_a_folder_without_a_checkpoint_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--model", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [("4096", 4096), ("16GiB", 16 << 30), ("1.5 gb", 1_500_000_000), ("2KiB", 2048), ("7 B", 7)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1GB", "3 apples", "1e9"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no number of bytes"):
        parse_bytes(text)


def test_sizes_are_shown_in_binary_units() -> None:
    assert [show_bytes(size) for size in (10, 2048, 3 << 20, 5 << 30)] == [
        "10 B",
        "2.00 KiB",
        "3.00 MiB",
        "5.00 GiB",
    ]


def test_a_large_mac_lets_metal_have_a_larger_share() -> None:
    assert (metal_share(32 << 30), metal_share(64 << 30)) == ((64 << 30) // 3, 48 << 30)
