"""`optiq verify`, as a user calls it."""

import json
from pathlib import Path

import pytest

from optiq_quant.convert import convert
from optiq_server.cli import EXIT_FAILURE, EXIT_OK, main
from optiq_server.engine.loader import load_lazily
from tests.quant.checkpoints import REFERENCE, conversion, plan_for


@pytest.fixture(name="out")
def _out(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    convert(conversion(REFERENCE, plan_for(REFERENCE), out), load_lazily=load_lazily)
    return out


def test_it_tells_each_check(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["verify", str(out), "--source", str(REFERENCE), "--no-logits"])

    printed = capsys.readouterr().out
    assert code == EXIT_OK
    assert printed.count("passed") == 9
    assert "12 units equal the source's, by sha256" in printed


def test_a_failed_check_is_an_exit_code_and_a_line(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard = next(out.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x01")

    code = main(["verify", str(out), "--no-logits", "--json"])

    told = capsys.readouterr()
    assert code == EXIT_FAILURE
    assert [check["name"] for check in json.loads(told.out) if check["outcome"] == "failed"] == ["contents"]
    assert told.err == f"optiq: {out} failed: contents\n"


@pytest.mark.slow
def test_by_default_it_runs_in_stock_mlx_lm(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(out)]) == EXIT_OK

    assert "it loads in a process without our packages" in capsys.readouterr().out


def test_a_folder_that_was_not_written_here_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(REFERENCE)]) == EXIT_FAILURE

    assert "optiq.json cannot be read" in capsys.readouterr().err
