"""The command line as a user meets it: in a process of its own, by exit code, stdout and stderr."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.server.command_line import PATIENCE_SECONDS, Start, first_line, url_in


@pytest.fixture(name="free_port")
def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port: int = occupant.getsockname()[1]
        return port


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "optiq_server", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def _wait_for_health(url: str, client: httpx.Client) -> httpx.Response:
    """The first answer: the process listens a moment after it starts."""
    while True:
        try:
            return client.get(f"{url}/health")
        except httpx.ConnectError:
            continue


def _wait_for_listener(port: int) -> None:
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except ConnectionRefusedError:
            continue


def test_help_goes_to_stdout() -> None:
    result = _run("--help")

    assert result.returncode == 0
    assert "serve" in result.stdout
    assert result.stderr == ""


def test_help_loads_nothing_heavy() -> None:
    heavy = ["fastapi", "pydantic", "uvicorn", "mlx", "mlx_lm", "openai_harmony", "huggingface_hub", "numpy"]
    program = (
        "import sys\n"
        "from optiq_server.cli import main\n"
        "try:\n    main(['serve', '--help'])\n"
        "except SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == "[]"


def test_version_is_the_distributions() -> None:
    result = _run("--version")

    assert result.returncode == 0
    assert result.stdout.startswith("optiq 0.")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["dance"], "dance"),
        (["serve", "--port", "x"], "--port"),
        (["serve", "--port", "99999"], "99999"),
        (["serve", "--time-limit", "0"], "time limit"),
        (["serve", "--queue-limit", "-1"], "queue limit"),
        (["serve", "--current-date", "tomorrow"], "tomorrow"),
        (["serve", "--log-level", "loud"], "loud"),
        (["serve", "--log-format", "xml"], "xml"),
        (["serve", "--drain-seconds", "-1"], "drain seconds"),
        (["serve", "--api-key", ""], "API key"),
        (["connect", "--port", "1"], "--port"),
    ],
)
def test_wrong_usage_is_2_and_named(arguments: list[str], named: str) -> None:
    result = _run(*arguments)

    assert result.returncode == 2
    assert named in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_port_in_use_is_one_line_before_anything_is_loaded(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]

        process = start("stuck", "--port", str(port))
        out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert err == (
        f"optiq: port {port} on 127.0.0.1 is in use: stop what uses it, or choose another with --port\n"
    )
    assert out == ""


def test_a_host_that_is_none_is_one_line(start: Start) -> None:
    process = start("stuck", "--host", "256.1.2.3.invalid")
    _, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert err == "optiq: '256.1.2.3.invalid' is not the name or address of a host\n"


def test_a_model_that_cannot_be_loaded_is_one_line(start: Start) -> None:
    process = start("broken", "--port", "0")
    out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert err == "optiq: the checkpoint in /nowhere is broken: model.safetensors is cut short\n"
    assert out == ""


def test_a_ready_server_says_where_and_what_to_try(start: Start) -> None:
    process = start("endless", "--port", "0", "--served-model-name", "demo")

    ready, hint = first_line(process), first_line(process)

    assert ready.startswith("optiq: demo is ready at http://127.0.0.1:")
    assert hint.startswith(f"try it: curl {url_in(ready)}/v1/chat/completions")


def test_names_are_strict_where_that_is_told(start: Start) -> None:
    process = start("brief", "--port", "0", "--served-model-name", "demo", "--strict-model")
    url = url_in(first_line(process))

    answers = [
        httpx.post(f"{url}/v1/completions", json={"prompt": "hi", "model": name}, timeout=PATIENCE_SECONDS)
        for name in ("demo", "gpt-4o")
    ]

    assert [answer.status_code for answer in answers] == [200, 404]


def test_a_key_is_demanded_where_it_is_given(start: Start) -> None:
    process = start("brief", "--port", "0", "--api-key", "sesame")
    url = url_in(first_line(process))
    hint, page = first_line(process), first_line(process)

    answers = [
        httpx.get(f"{url}/v1/models", headers=headers, timeout=PATIENCE_SECONDS)
        for headers in ({}, {"authorization": "Bearer sesame"})
    ]

    assert [answer.status_code for answer in answers] == [401, 200]
    assert "sesame" not in hint
    assert f"open {url}/ in a browser" in page


def test_connecting_loads_no_server_and_needs_none(tmp_path: Path) -> None:
    result = _run("connect")

    assert result.returncode == 0
    assert result.stdout.startswith("codex ")


def test_health_is_503_while_the_model_loads(start: Start, free_port: int) -> None:
    process = start("stuck", "--port", str(free_port))
    with httpx.Client(timeout=PATIENCE_SECONDS) as client:
        answer = _wait_for_health(f"http://127.0.0.1:{free_port}", client)

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert (answer.status_code, answer.json()) == (503, {"status": "loading"})
    assert (process.returncode, err) == (0, "")


def test_a_signal_while_the_program_itself_loads_is_a_success(start: Start, free_port: int) -> None:
    process = start("brief", "--port", str(free_port))
    _wait_for_listener(free_port)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0
    assert "Traceback" not in err


def test_a_model_that_mlx_lm_does_not_know_is_refused_by_name_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "abacus", "vocab_size": 512}))
    save_file({"w": np.zeros(1, np.float32)}, tmp_path / "model.safetensors")

    result = _run("serve", "--port", "0", "--model", str(tmp_path), "--cache-folder", str(tmp_path / "cache"))

    assert result.returncode == 1
    assert result.stderr == f"optiq: {tmp_path} cannot be loaded: Model type abacus not supported.\n"


@pytest.mark.parametrize(("options", "stored"), [((), True), (("--no-store",), False)])
def test_responses_are_kept_in_the_cache_folder_unless_told(
    start: Start, tmp_path: Path, *, options: tuple[str, ...], stored: bool
) -> None:
    url = url_in(first_line(start("brief", "--port", "0", *options)))

    made = httpx.post(f"{url}/v1/responses", json={"input": "hi"}).json()
    got = httpx.get(f"{url}/v1/responses/{made['id']}")

    assert made["status"] == "completed"
    assert got.status_code == (200 if stored else 404)
    assert (tmp_path / "responses.sqlite3").exists() is stored


def test_a_signal_ends_an_open_response_as_failed_and_stores_it(start: Start) -> None:
    process = start("endless", "--port", "0", "--drain-seconds", "0.2")
    url = url_in(first_line(process))
    body = {"input": "hi", "stream": True}

    with (
        httpx.Client(timeout=PATIENCE_SECONDS) as client,
        client.stream("POST", f"{url}/v1/responses", json=body) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        process.send_signal(signal.SIGTERM)
        events = [line for line in lines if line]

    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    last = json.loads(events[-1].removeprefix("data: "))
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert process.returncode == 0
    assert "Traceback" not in err
    again = url_in(first_line(start("brief", "--port", "0")))
    assert httpx.get(f"{again}/v1/responses/{last['response']['id']}").json() == last["response"]
