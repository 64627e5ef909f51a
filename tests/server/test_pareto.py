"""`optiq pareto`, in the terminal."""

import json
from pathlib import Path

import pytest

from optiq_quant.baselines import uniform_rest
from optiq_quant.formats import affine
from optiq_quant.measurements import MeasuredAllocation
from optiq_server.cli import main
from tests.quant.small_checkpoint import small_measurements, small_units


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    measured = MeasuredAllocation(
        name="rest affine 4",
        part="report",
        formats=uniform_rest(small_units(), affine(4)),
        divergence=0.05,
        low=0.04,
        high=0.06,
    )
    (tmp_path / "measurements.json").write_text(small_measurements((measured,)).to_json(), encoding="utf-8")
    return tmp_path


def test_the_frontier_and_the_baselines_are_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pareto", str(folder)]) == 0

    printed = capsys.readouterr().out
    assert "rest affine 4: predicted" in printed
    assert "measured 0.05 (0.04 to 0.06) on report" in printed
    assert "all affine 4: not priced" in printed


def test_json_is_for_machines_and_the_file_itself_is_accepted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pareto", str(folder / "measurements.json"), "--json", "--points", "7"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert 2 <= len(told["points"]) <= 7
    assert told["source"] == "sha256:of-a-small-model"


def test_a_picture_is_drawn(folder: Path) -> None:
    assert main(["pareto", str(folder), "--plot", str(folder / "frontier.png")]) == 0

    assert (folder / "frontier.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_measurements_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pareto", str(tmp_path)]) == 1

    assert "holds no weights" in capsys.readouterr().err


def test_a_checkpoint_that_was_never_measured_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    source.mkdir()
    (source / "config.json").write_text("{}")
    (source / "model.safetensors").write_bytes(b"weights")

    assert main(["pareto", str(source), "--cache-folder", str(cache)]) == 1

    assert "nothing of this checkpoint was measured yet" in capsys.readouterr().err


def test_a_folder_that_cannot_take_the_picture_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pareto", str(folder), "--plot", str(folder / "missing" / "frontier.svg")]) == 1

    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"), [("--plot", "frontier.gif"), ("--points", "1"), ("--points", "many")]
)
def test_wrong_options_are_usage_errors(folder: Path, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["pareto", str(folder), option, value])

    assert raised.value.code == 2
