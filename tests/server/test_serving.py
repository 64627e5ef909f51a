"""How a server stops: by a signal, by a second one, and when its engine dies. In a process of its own."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.server.command_line import PATIENCE_SECONDS, Start, first_line, url_in, wait_until_refused

_BODY = {"messages": [{"role": "user", "content": "say heliotrope"}], "stream": True}


@contextmanager
def _streaming(url: str) -> Iterator[Iterator[str]]:
    """The lines of a stream that is open."""
    with (
        httpx.Client(timeout=PATIENCE_SECONDS) as client,
        client.stream("POST", f"{url}/v1/chat/completions", json=_BODY) as answer,
    ):
        yield answer.iter_lines()


def _events(lines: Iterator[str]) -> list[str]:
    return [line for line in lines if line.startswith("data: ")]


def _error_code(event: str) -> str:
    code: str = json.loads(event.removeprefix("data: "))["error"]["code"]
    return code


def _end(process: subprocess.Popen[str]) -> str:
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    return err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_open_streams_with_their_last_event_and_the_process_with_0(
    start: Start, number: signal.Signals
) -> None:
    process = start("endless", "--port", "0", "--drain-seconds", "0.2")
    url = url_in(first_line(process))

    with _streaming(url) as lines:
        next(lines)
        process.send_signal(number)
        events = _events(lines)

    err = _end(process)
    assert events[-1] == "data: [DONE]"
    assert _error_code(events[-2]) == "shutting_down"
    assert process.returncode == 0
    assert "Traceback" not in err


def test_a_reply_that_finishes_in_time_is_whole(start: Start) -> None:
    process = start("steady", "--port", "0", "--drain-seconds", "60")
    url = url_in(first_line(process))

    with _streaming(url) as lines:
        next(lines)
        process.send_signal(signal.SIGTERM)
        events = _events(lines)

    err = _end(process)
    assert events[-1] == "data: [DONE]"
    assert json.loads(events[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == "stop"
    assert process.returncode == 0
    assert "Traceback" not in err


def test_a_second_signal_ends_the_process_at_once_while_the_first_one_waits(start: Start) -> None:
    process = start("hung", "--port", "0", "--drain-seconds", "3600")
    url = url_in(first_line(process))

    with _streaming(url):
        process.send_signal(signal.SIGTERM)
        # Nobody is accepted any more, long before the replies have ended.
        wait_until_refused(url)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1


def test_when_the_worker_dies_streams_end_and_so_does_the_process_with_1(start: Start) -> None:
    process = start("mortal", "--port", "0")
    url = url_in(first_line(process))

    with _streaming(url) as lines:
        events = _events(lines)

    err = _end(process)
    assert events[-1] == "data: [DONE]"
    assert _error_code(events[-2]) == "internal_error"
    assert process.returncode == 1
    assert err.splitlines()[-1] == (
        "optiq: the engine died, so the server has stopped: RuntimeError: the device is gone"
    )


def test_json_lines_are_all_of_stderr_and_tell_nothing_of_what_was_said(start: Start) -> None:
    process = start("brief", "--port", "0", "--log-level", "debug", "--log-format", "json")
    assert process.stderr is not None
    told: list[dict[str, Any]] = []
    while not told or "is ready at" not in told[-1]["message"]:
        told.append(json.loads(process.stderr.readline()))
    with _streaming(url_in(told[-1]["message"])) as lines:
        events = _events(lines)

    process.send_signal(signal.SIGTERM)
    told += [json.loads(line) for line in _end(process).splitlines()]

    (access,) = [each for each in told if each["logger"] == "optiq_server.access"]
    assert (access["path"], access["status"], access["finish"]) == ("/v1/chat/completions", 200, "stop")
    assert '"content":"hi"' in "".join(events)
    assert "heliotrope" not in json.dumps(told)
    assert '\\"content\\":\\"hi\\"' not in json.dumps(told)
    assert process.returncode == 0


def test_what_was_said_is_logged_where_the_user_asks(start: Start) -> None:
    process = start("brief", "--port", "0", "--log-prompts")
    url = url_in(first_line(process))
    with _streaming(url) as lines:
        _events(lines)

    process.send_signal(signal.SIGTERM)
    err = _end(process)

    assert "say heliotrope<|end|>" in err
    assert "reply: <|channel|>final<|message|>hi<|return|>" in err
