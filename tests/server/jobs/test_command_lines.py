"""The options of a job as arguments, none of which can be an option by its value."""

from pathlib import Path

from optiq_server.jobs.command_lines import command_line
from optiq_server.jobs.job import JobKind

_URL = "http://127.0.0.1:8080/v1"
_FOLDER = Path("/cache/jobs/job_1")


def test_quantizing() -> None:
    options = {"checkpoint": "openai/gpt-oss-20b", "out": "--resume", "size": "10.6GiB", "experts": "keep"}

    command = command_line(JobKind.QUANTIZE, options, _FOLDER, own_url=_URL)

    assert command[1:] == [
        *("-m", "optiq_server", "quantize", "--out=--resume", "--size=10.6GiB", "--experts=keep"),
        *("--resume", "--progress=json", "--json", "--", "openai/gpt-oss-20b"),
    ]


def test_evaluating_this_server() -> None:
    options = {"suites": ["mmlu", "gsm8k"], "limit": 10}

    command = command_line(JobKind.EVALUATE, options, _FOLDER, own_url=_URL)

    assert command[1:] == [
        *("-m", "optiq_server", "eval", "--suite=mmlu,gsm8k", f"--base-url={_URL}"),
        *("--out=/cache/jobs/job_1/answers", "--limit=10", "--progress=json", "--json"),
    ]


def test_evaluating_another_server() -> None:
    options = {"suites": ["mmlu"], "base_url": "http://mac:9000/v1", "reasoning_effort": "low"}

    command = command_line(JobKind.EVALUATE, options, _FOLDER, own_url=_URL)

    assert "--base-url=http://mac:9000/v1" in command
    assert "--reasoning-effort=low" in command
