"""The built wheel, alone in an empty environment: what a user of PyPI gets."""

import os
import socket
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openai import OpenAI

ROOT = Path(__file__).parents[1]
_START_SECONDS = 120  # unpacking the pocket model and loading it, on a busy machine

pytestmark = [pytest.mark.slow, pytest.mark.mlx]


@pytest.fixture(name="wheel", scope="module")
def _wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(name="optiq", scope="module")
def _optiq(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `optiq` command of an environment that holds the wheel and its locked dependencies only."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.txt")], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    return folder / "bin" / "optiq"


@pytest.fixture(name="base_url", scope="module")
def _base_url(optiq: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    environment = {**os.environ, "OPTIQ_CACHE": str(elsewhere / "cache"), "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen([optiq, "serve", "--port", str(port)], cwd=elsewhere, env=environment) as server:
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/health", server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
        assert server.wait(timeout=30) == 0


def _wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server stopped before it was ready"
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass  # the socket is not bound yet
        time.sleep(0.2)
    pytest.fail(f"not ready after {_START_SECONDS} s")


def test_the_wheel_holds_the_three_packages_and_their_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "optiq_harmony",
        "optiq_quant",
        "optiq_server",
    }
    assert {
        "optiq_harmony/o200k_base.tiktoken.gz",
        "optiq_harmony/py.typed",
        "optiq_server/lab/site/index.html",
        "optiq_server/py.typed",
        "optiq_quant/calibration/conversations.jsonl",
        "optiq_quant/py.typed",
    } <= names
    assert any(name.startswith("optiq_server/pocket/") and name.endswith(".safetensors") for name in names)


def test_the_wheel_holds_the_page_as_it_was_built(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "server"
    built = {
        path.relative_to(package).as_posix()
        for path in (package / "optiq_server" / "lab" / "site").rglob("*")
        if path.is_file()
    }

    assert built <= names


def test_the_pocket_model_takes_at_most_12_megabytes_of_the_wheel(wheel: Path) -> None:
    entries = zipfile.ZipFile(wheel).infolist()

    pocket = sum(
        entry.compress_size for entry in entries if entry.filename.startswith("optiq_server/pocket/")
    )

    assert 0 < pocket <= 12_000_000


def test_the_installed_wheel_serves_the_pocket_model(base_url: str) -> None:
    with OpenAI(base_url=base_url, api_key="none") as client:
        reply = client.chat.completions.create(
            model="pocket", messages=[{"role": "user", "content": "Who are you?"}], temperature=0
        )

    assert "OptiQ" in (reply.choices[0].message.content or "")
    assert reply.choices[0].finish_reason == "stop"
