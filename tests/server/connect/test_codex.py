"""Codex's config.toml: what is put in, and that all else stays."""

import tomllib

import pytest

from optiq_server.connect.codex import codex
from optiq_server.connect.errors import UnreadableConfig
from optiq_server.connect.recipe import Target
from tests.server.connect.targets import KEYED, OTHER, TARGET
from tools.clients.codex import CODEX

_THEIRS = """\
# my settings
model = "gpt-5" # for work
approval_policy = 'on-request'

[profiles.quick]
model = "o3"

[model_providers.azure]
base_url = "https://example.com"
"""


def _merged(text: str, target: Target = TARGET) -> str:
    file = codex(target).file
    assert file is not None
    return file.merge(text)


def test_an_empty_file_gets_what_the_real_client_is_tried_with() -> None:
    ours = tomllib.loads(_merged(""))
    tried = tomllib.loads(CODEX.configuration(TARGET.api_url))

    assert ours["model_provider"] == tried["model_provider"]
    assert ours["model_providers"] == tried["model_providers"]
    assert ours["model_context_window"] == 131_072


def test_other_settings_comments_and_their_order_stay() -> None:
    merged = _merged(_THEIRS)

    value = tomllib.loads(merged)
    assert value["profiles"] == {"quick": {"model": "o3"}}
    assert value["model_providers"]["azure"] == {"base_url": "https://example.com"}
    assert value["model_providers"]["optiq"]["base_url"] == "http://127.0.0.1:8080/v1"
    assert (value["model"], value["approval_policy"]) == ("gpt-oss-20b", "on-request")
    for line in ("# my settings", "# for work", "approval_policy = 'on-request'"):
        assert line in merged


def test_it_is_the_same_a_second_time_and_another_server_takes_its_place() -> None:
    once = _merged(_THEIRS)

    assert _merged(once) == once
    other = tomllib.loads(_merged(once, OTHER))
    assert other["model_providers"]["optiq"]["base_url"] == "http://127.0.0.1:9000/v1"
    assert (other["model"], other["model_context_window"]) == ("other", 4096)


def test_a_key_is_named_and_not_written() -> None:
    value = tomllib.loads(_merged("", KEYED))

    assert value["model_providers"]["optiq"]["env_key"] == "OPTIQ_API_KEY"


@pytest.mark.parametrize("text", ["model = ", "model_providers = 5", "[[model_providers]]\na = 1"])
def test_what_cannot_be_changed_safely_is_refused(text: str) -> None:
    with pytest.raises(UnreadableConfig):
        _merged(text)


@pytest.mark.parametrize(
    "text", ["model_providers = {}\n", "[model_providers]\n", "model_providers.a.name = 'A'\n"]
)
def test_providers_in_any_spelling_of_toml_are_added_to(text: str) -> None:
    assert tomllib.loads(_merged(text))["model_providers"]["optiq"]["wire_api"] == "responses"
