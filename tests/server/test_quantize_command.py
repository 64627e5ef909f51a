"""`optiq quantize`, as a user types it, on a small llama; then `optiq pareto` on what it left."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optiq_server.cli import EXIT_FAILURE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, main
from tests.engine.checkpoints import REFERENCE
from tests.quant.checkpoints import contents
from tests.quant.speaking_llama import letters, speaking_llama
from tests.server.command_line import PATIENCE_SECONDS, ROOT

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_FORMATS = ("--formats", "affine4,affine8", "--group-sizes", "32", "--rounds", "1", "--swaps", "2")
_QUICK = (*_FORMATS, "--window", "16", "--codes", "nearest", "--progress", "none")


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With `source`, letters.txt and, once something was measured, `cache`."""
    folder = tmp_path_factory.mktemp("quantize")
    speaking_llama(folder / "source")
    letters(folder / "letters.txt", 128)
    return folder


@pytest.fixture(name="written", scope="module")
def _written(folder: Path) -> Path:
    """Written for 6 bits per weight."""
    assert main(_command(folder, "--bpw", "6", "--out", str(folder / "written"))) == EXIT_OK
    return folder / "written"


def _command(folder: Path, *arguments: str, source: Path | None = None) -> list[str]:
    calibration = ("--calibration", str(folder / "letters.txt"), "--cache-folder", str(folder / "cache"))
    return ["quantize", str(source or folder / "source"), *calibration, *_QUICK, *arguments]


def _told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_tables_tell_what_was_measured_and_what_came_of_it(
    folder: Path, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(_command(folder, "--bpw", "6", "--out", str(tmp_path / "out")))

    printed = capsys.readouterr().out
    assert code == EXIT_OK
    for caption in ("Sensitivities", "Computed in this run", "KL divergence from the source"):
        assert caption in printed
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == (
        written / "model.safetensors"
    ).read_bytes()


def test_a_dry_run_writes_no_checkpoint_and_tells_the_plan(
    folder: Path, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in folder.iterdir())

    code = main(_command(folder, "--bpw", "6", "--dry-run", "--json"))

    told = _told(capsys)
    assert code == EXIT_OK
    assert sorted(path.name for path in folder.iterdir()) == before
    assert told["plan"] == json.loads((written / "optiq.json").read_text())["plan"]
    assert told["out"] is told["evidence"] is None
    assert told["cost"]["forwards"] == 0
    assert Path(told["measurements"]).is_file()


def test_json_tells_the_evidence_of_what_was_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    code = main(_command(folder, "--size", "90KB", "--out", str(out), "--json"))

    told = _told(capsys)
    assert code == EXIT_OK
    assert told["bytes"] <= 90_000
    assert told["evidence"]["bytes"] == told["bytes"]
    assert told["evidence"]["divergence"]["mean"] > 0
    assert {each["name"] for each in told["evidence"]["baselines"]} >= {"source", "rest affine 4"}


def test_a_plan_is_carried_out_again_with_the_same_files(
    folder: Path, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = written / "optiq.json", tmp_path / "written"

    weighed = main(["quantize", str(folder / "source"), "--plan", str(plan), "--dry-run", "--json"])
    size = _told(capsys)["file_bytes"]
    code = main(["quantize", str(folder / "source"), "--plan", str(plan), "--out", str(out)])

    expected = contents(written)
    # Both tell of what was measured, which a plan alone does not know.
    del expected["measurements.json"], expected["README.md"]
    found = contents(out)
    del found["README.md"]
    assert weighed == code == EXIT_OK
    assert found == expected
    assert size == len(found["model.safetensors"])


def test_an_unfinished_folder_is_gone_on_with_only_where_that_is_asked_for(
    folder: Path, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "written"
    shutil.copytree(written, out)
    job = json.loads((out / "optiq.json").read_text())["job"]
    for name in ("optiq.json", "config.json", "README.md"):
        (out / name).unlink()
    (out / "optiq-unfinished.json").write_text(json.dumps({"job": job}))
    command = _command(folder, "--bpw", "6", "--out", str(out))

    refused = main(command)
    problem = capsys.readouterr().err
    code = main([*command, "--resume"])

    assert (refused, code) == (EXIT_FAILURE, EXIT_OK)
    assert problem == f"optiq: --out: {out} is unfinished: add --resume to go on with it, or delete it\n"
    assert contents(out) == contents(written)


def test_the_frontier_is_found_by_the_checkpoint_and_by_the_folder(
    folder: Path, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = ["--cache-folder", str(folder / "cache"), "--json"]

    codes = [main(["pareto", str(folder / "source"), *cache]), main(["pareto", str(written), *cache])]

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert codes == [EXIT_OK, EXIT_OK]
    assert first == second
    assert {"source", "rest affine 4"} <= {mark["name"] for mark in first["marks"]}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            ["--bpw", "2"],
            "the budget is 2.0000 bits per weight, and the smallest choice of formats needs 5.0373 bits",
        ),
        (["--size", "10KB"], "the smallest choice of formats needs "),
        (["--bpw", "8", "--decode-bytes", "1KB"], " bytes a token"),
        (["--bpw", "-1"], "--bpw: must be a number above 0; it is -1.0"),
        (["--bpw", "6", "--group-sizes", "many"], "--group-sizes: 'many' is no list such as 32,64"),
        (["--bpw", "6", "--formats", "int4"], "'int4' is no format; legal are affine<"),
        (["--bpw", "6", "--rounds", "0"], "rounds are 1 to 0"),
        (["--bpw", "6", "--window", "1"], "window is 1; it must be at least 2 tokens"),
        (["--bpw", "6", "--calibration", "none.txt"], "none.txt cannot be read as text"),
        (["--bpw", "6", "--report-tokens", "3"], "no prompt is left for the part 'report'"),
        (["--plan", "none.json"], "none.json"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    folder: Path, options: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_command(folder, "--dry-run", *options)) == EXIT_FAILURE

    error = capsys.readouterr().err
    assert problem in error
    assert error.startswith("optiq: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--dry-run"], "one of the arguments --size --bpw --allocated-bpw --plan is required"),
        (["--bpw", "6"], "one of the arguments --out --dry-run is required"),
        (["--dry-run", "--bpw", "6", "--size", "1GB"], "not allowed with"),
        (["--dry-run", "--size", "much"], "much"),
        (["--dry-run", "--bpw", "6", "--codes", "best"], "invalid choice: 'best'"),
    ],
)
def test_wrong_usage_is_told(options: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["quantize", "checkpoint", *options])

    assert caught.value.code == EXIT_USAGE
    assert problem in capsys.readouterr().err


def test_a_folder_of_something_else_and_a_foreign_plan_are_refused_before_anything_is_measured(
    folder: Path, written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    no_plan = tmp_path / "letter.txt"
    commands = {
        "is not an empty folder": _command(folder, "--bpw", "6", "--out", str(tmp_path)),
        "is not JSON": _command(folder, "--plan", str(no_plan), "--dry-run"),
        "another checkpoint": _command(
            folder, "--plan", str(written / "optiq.json"), "--dry-run", source=REFERENCE
        ),
    }

    for problem, command in commands.items():
        assert main(command) == EXIT_FAILURE
        assert problem in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_measured_and_says_so(folder: Path, tmp_path: Path) -> None:
    command = _command(folder, "--bpw", "6", "--out", str(tmp_path / "out"), "--work", str(tmp_path / "work"))
    process = subprocess.Popen(
        [sys.executable, "-m", "optiq_server", *command, "--progress", "json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if json.loads(line)["phase"] == "checking predictions":
                process.send_signal(signal.SIGINT)
                break
        printed, error = process.communicate(timeout=PATIENCE_SECONDS)

    talk = [line for line in error.splitlines() if not line.startswith("{")]
    assert process.returncode == EXIT_INTERRUPTED
    assert printed == ""
    assert talk == [
        "optiq: interrupted; what was measured is kept; the same command with --resume goes on from there"
    ]
    assert len((tmp_path / "work" / "journal.jsonl").read_text().splitlines()) > 60
    assert not (tmp_path / "out").exists()
