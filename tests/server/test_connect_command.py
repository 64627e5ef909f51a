"""`optiq connect` as it is used: what it prints, asks, writes and undoes."""

import argparse
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from optiq_server.connect.errors import CannotConnect, UnreadableConfig
from optiq_server.connect_command import Surroundings, add_connect, run_connect

_NOBODY = "http://127.0.0.1:9"
"""The discard port: nobody answers."""


@pytest.fixture(name="connect")
def _connect(tmp_path: Path) -> Callable[..., None]:
    def connect(
        *arguments: str, ask: Callable[[str], str] | None = None, environment: dict[str, str] | None = None
    ) -> None:
        parser = argparse.ArgumentParser()
        add_connect(parser)
        options = parser.parse_args(["--base-url", _NOBODY, *arguments])
        run_connect(options, Surroundings(environment=environment or {}, home=tmp_path, ask=ask))

    return connect


def test_without_a_client_all_are_listed(
    connect: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    connect()

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert lines[0].split() == ["codex", "Codex", "~/.codex/config.toml"]


def test_it_shows_the_difference_and_writes_what_is_agreed_to(
    connect: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[str] = []

    def agree(question: str) -> str:
        asked.append(question)
        return "y"

    connect("codex", ask=agree)

    out = capsys.readouterr().out
    value = tomllib.loads((tmp_path / ".codex" / "config.toml").read_text())
    assert len(asked) == 1
    assert '+base_url = "http://127.0.0.1:9/v1"' in out.splitlines()
    assert value["model_providers"]["optiq"]["base_url"] == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("answer", ["n", "", "no"])
def test_what_is_not_agreed_to_is_not_written(
    connect: Callable[..., None], tmp_path: Path, answer: str
) -> None:
    connect("codex", ask=lambda _: answer)
    connect("codex", ask=None)

    assert not (tmp_path / ".codex").exists()


def test_yes_is_agreed_and_undo_puts_it_back(connect: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_bytes(b"# mine\r\n")

    connect("codex", "--yes")
    written = path.read_bytes()
    connect("codex", "--undo")

    assert b"optiq" in written
    assert path.read_bytes() == b"# mine\r\n"


def test_a_second_time_there_is_nothing_to_do(
    connect: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    connect("opencode", "--apply")
    capsys.readouterr()

    connect("opencode", "--apply")

    assert "has it already" in capsys.readouterr().err


def test_a_file_with_comments_is_left_and_the_lines_are_printed(
    connect: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / ".config" / "zed" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text("// mine\n{}\n")

    with pytest.raises(UnreadableConfig, match="comments"):
        connect("zed", "--yes")

    assert path.read_text() == "// mine\n{}\n"
    assert "openai_compatible" in capsys.readouterr().out


def test_a_clients_own_variable_says_where_its_file_is(connect: Callable[..., None], tmp_path: Path) -> None:
    connect("codex", "--yes", environment={"CODEX_HOME": str(tmp_path / "elsewhere")})

    assert (tmp_path / "elsewhere" / "config.toml").exists()


def test_a_server_that_does_not_answer_is_told_and_the_model_can_be_named(
    connect: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    connect("codex", "--print", "--model", "mine")

    told = capsys.readouterr()
    assert 'model = "mine"' in told.out
    assert "nobody answers" in told.err


def test_a_client_that_has_no_file_is_shown_what_to_type(
    connect: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    connect("claude-code", environment={"OPTIQ_API_KEY": "secret"})

    told = capsys.readouterr()
    assert "export ANTHROPIC_BASE_URL=http://127.0.0.1:9\n" in told.out
    assert "secret" not in told.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cursor"], "servers"),
        (["vi"], "those are codex"),
        (["curl", "--undo"], "nothing to undo"),
        (["codex", "--base-url", "http://x;id"], "--base-url"),
    ],
)
def test_what_cannot_be_is_one_line(connect: Callable[..., None], arguments: list[str], told: str) -> None:
    with pytest.raises(CannotConnect, match=told):
        connect(*arguments)
