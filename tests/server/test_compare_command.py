"""`optiq compare`, as a user types it: the null control on real weights, and what it refuses."""

import json
from pathlib import Path

import mlx.core as mx
import pytest
from mlx.nn.layers.quantized import quantize
from mlx.utils import tree_flatten

from optiq_harmony.ranks import unpack_ranks
from optiq_server.cli import EXIT_FAILURE, EXIT_OK, EXIT_USAGE, main
from optiq_server.engine.loader import load_lazily
from optiq_server.pocket.checkpoint import unpack_pocket_checkpoint

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_CHATS = (
    {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]},
)


@pytest.fixture(name="cache", scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare-cache")


@pytest.fixture(name="pocket", scope="module")
def _pocket(cache: Path) -> Path:
    return unpack_pocket_checkpoint(cache, unpack_ranks(cache))


@pytest.fixture(name="chats", scope="module")
def _chats(cache: Path) -> Path:
    path = cache / "chats.jsonl"
    path.write_text("".join(f"{json.dumps(chat)}\n" for chat in _CHATS))
    return path


def _coarser(pocket: Path, folder: Path) -> Path:
    """The pocket model with its query projections in 4 bits."""
    folder.mkdir()
    config = json.loads((pocket / "config.json").read_text())
    model = load_lazily(pocket)
    quantize(model, 32, 4, class_predicate=lambda path, _: path.endswith("q_proj"))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())))
    experts = {"group_size": 32, "bits": 4, "mode": "mxfp4"}
    queries = {f"model.layers.{n}.self_attn.q_proj": {"group_size": 32, "bits": 4} for n in range(4)}
    config.pop("quantization_config")
    (folder / "config.json").write_text(json.dumps({**config, "quantization": {**experts, **queries}}))
    return folder


def test_a_checkpoint_does_not_diverge_from_itself(
    pocket: Path, cache: Path, chats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--prompts", str(chats), "--cache-folder", str(cache), "--json", "--progress", "json"]

    code = main(["compare", str(pocket), str(pocket), *options])

    output = capsys.readouterr()
    told = json.loads(output.out)
    assert code == EXIT_OK
    assert told["mean"] == told["p99.9"] == told["greatest"] == told["flips"] == told["high"] == 0
    assert told["reference_perplexity"] == told["candidate_perplexity"] > 1
    phases = [json.loads(line) for line in output.err.splitlines() if line.startswith("{")]
    assert [each["phase"] for each in phases if each["done"] == each["total"]] == [
        "reading the reference",
        "reading the candidate",
    ]


def test_a_coarser_one_does_and_the_table_tells_it(
    pocket: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 8)
    options = ["--text", str(text), "--window", "24", "--limit", "2", "--cache-folder", str(cache)]

    code = main(["compare", str(pocket), str(_coarser(pocket, tmp_path / "coarse")), *options])

    printed = capsys.readouterr().out
    rows = {line[:38].strip(): line[38:].strip() for line in printed.splitlines()}
    assert code == EXIT_OK
    assert rows["tokens"] == "48"
    assert float(rows["mean"]) > 0


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        (["--prompts", "none.jsonl"], EXIT_FAILURE, "none.jsonl cannot be read"),
        (["--text", "a", "--prompts", "b"], EXIT_USAGE, "not allowed with"),
        (["--window", "1"], EXIT_USAGE, "'1' is not a whole number of at least 2"),
        (["--limit", "none"], EXIT_USAGE, "at least 1"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    pocket: Path,
    cache: Path,
    options: list[str],
    code: int,
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["compare", str(pocket), str(pocket), "--cache-folder", str(cache), *options]

    if code == EXIT_USAGE:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == EXIT_USAGE
    else:
        assert main(arguments) == code

    assert problem in capsys.readouterr().err
