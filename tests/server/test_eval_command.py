"""`optiq eval` as a user meets it: in a process of its own, by exit code, stdout and stderr."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from starlette.responses import Response

from optiq_server.evaluation.pocket import Pocket, load_pocket
from optiq_server.evaluation.store import read_run
from tests.evaluation.chat_server import MODEL, Body, chat_server, completion
from tests.server.command_line import PATIENCE_SECONDS, ROOT


@pytest.fixture(name="suite", scope="module")
def _suite() -> Pocket:
    return load_pocket()


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "optiq_server", "eval", *map(str, arguments)]


def _eval(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments), capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=ROOT, check=False
    )


def _answer(_: Body) -> Response:
    return completion("no idea")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--suite is needed"),
        (("--suite", "pocket"), "either --base-url or --model"),
        (
            ("--suite", "pocket", "--base-url", "http://x/v1", "--model", "pocket"),
            "either --base-url or --model",
        ),
        (("--suite", "pockets", "--model", "pocket"), "there is no suite 'pockets'"),
        (("--suite", "pocket", "--base-url", "x"), "no http:// or https:// address"),
        (("--suite", "pocket", "--model", "pocket", "--limit", "0"), "--limit 0"),
        (("--suite", "pocket", "--model", "pocket", "--plot", "x.gif"), "must end in .svg or .png"),
        (("--suite", "pocket", "--model", "pocket", "--temperature", "9"), "temperature 9.0"),
        (("--rescore", "x", "--suite", "pocket"), "ask nobody"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_right(arguments: tuple[str, ...], message: str) -> None:
    result = _eval(*arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr


def test_results_go_to_stdout_and_are_the_same_from_the_stored_answers(tmp_path: Path) -> None:
    asked = ("--suite", "pocket", "--limit", "14", "--out", tmp_path / "out", "--json")
    with chat_server(_answer) as server:
        first = _eval(*asked, "--base-url", server.base_url)
    second = _eval("--rescore", tmp_path / "out", "--json", "--plot", tmp_path / "no" / "plot.svg")

    assert (first.returncode, second.returncode) == (0, 1), first.stderr + second.stderr
    assert first.stdout == second.stdout
    assert "plot.svg cannot be written: No such file or directory" in second.stderr
    assert json.loads(first.stdout)["suites"]["pocket"]["items"] == 14
    assert "pocket: 14 of 14" in first.stderr


def test_programs_are_told_the_progress_as_json(tmp_path: Path) -> None:
    asked = ("--suite", "pocket", "--limit", "14", "--out", tmp_path, "--progress", "json")
    with chat_server(_answer) as server:
        result = _eval(*asked, "--base-url", server.base_url)
        again = _eval(*asked, "--base-url", server.base_url)

    told = [json.loads(line) for line in result.stderr.splitlines() if line.startswith("{")]
    assert told[0] == {"phase": "pocket", "done": 0, "total": 14, "seconds_left": None}
    assert told[-1] == {"phase": "pocket", "done": 14, "total": 14, "seconds_left": 0.0}
    assert json.loads(again.stderr.splitlines()[0])["total"] == 0


def test_two_runs_are_compared(tmp_path: Path) -> None:
    asked = ("--suite", "pocket", "--limit", "14", "--served-model")
    with chat_server(_answer) as server:
        for name in ("a", "b"):
            _eval(*asked, name, "--out", tmp_path / name, "--base-url", server.base_url)
    result = _eval("--compare", tmp_path / "a", tmp_path / "b")

    assert result.returncode == 0, result.stderr
    assert "b minus a" in result.stdout


def test_a_missing_server_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    result = _eval("--suite", "pocket", "--base-url", "http://127.0.0.1:9/v1", "--out", tmp_path)

    assert result.returncode == 1
    assert result.stderr.startswith("optiq: http://127.0.0.1:9/v1/models does not tell")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_keeps_its_answers_and_goes_on(
    tmp_path: Path, suite: Pocket, number: signal.Signals
) -> None:
    stuck, go = threading.Event(), threading.Event()
    asked = ("--suite", "pocket", "--limit", "14", "--concurrency", "1", "--out", tmp_path, "--base-url")

    def reply(_: Body) -> Response:
        if len(server.bodies) == 6:
            stuck.set()
            go.wait(PATIENCE_SECONDS)
        return completion("no idea")

    with chat_server(reply) as server:
        with subprocess.Popen(_command(*asked, server.base_url), cwd=ROOT, stderr=subprocess.PIPE) as process:
            assert stuck.wait(PATIENCE_SECONDS)
            process.send_signal(number)
            process.wait(PATIENCE_SECONDS)
        go.set()
        kept = read_run(tmp_path / "pocket.jsonl").records
        finished = _eval(*asked, server.base_url)

    assert process.returncode == (-9 if number is signal.SIGKILL else 1)
    assert len(kept) == 5
    assert finished.returncode == 0, finished.stderr
    assert len(server.bodies) == 6 + 9
    assert read_run(tmp_path / "pocket.jsonl").header.model == MODEL
