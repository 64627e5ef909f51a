"""Continue's and Aider's files: what is put in, and that all else stays."""

from typing import Any

import pytest
from ruamel.yaml import YAML

from optiq_server.connect.errors import UnreadableConfig
from optiq_server.connect.recipe import Recipe
from optiq_server.connect.yaml_clients import aider, continue_dev
from tests.server.connect.targets import KEYED, OTHER, TARGET
from tools.clients.cn import CN

_THEIRS = """\
name: Mine
version: 1.0.0
schema: v1
# the good ones
models:
    - name: "Claude"  # work
      provider: anthropic
      model: claude
rules:
    - be brief
"""


def _read(text: str) -> Any:  # noqa: ANN401  # whatever the file has
    return YAML(typ="safe", pure=True).load(text)


def _merged(recipe: Recipe, text: str) -> str:
    assert recipe.file is not None
    return recipe.file.merge(text)


def test_an_empty_file_gets_what_the_real_client_is_tried_with() -> None:
    ours = _read(_merged(continue_dev(TARGET), ""))
    tried = _read(CN.configuration(TARGET.api_url))

    tried["models"][0]["name"] = "OptiQ"
    assert ours == tried


def test_other_models_and_comments_stay() -> None:
    merged = _merged(continue_dev(TARGET), _THEIRS)

    value = _read(merged)
    assert [model["name"] for model in value["models"]] == ["Claude", "OptiQ"]
    assert value["rules"] == ["be brief"]
    assert "# the good ones" in merged
    assert merged.startswith(_THEIRS.partition("rules:")[0])


def test_it_is_the_same_a_second_time_and_another_server_takes_its_place() -> None:
    once = _merged(continue_dev(TARGET), _THEIRS)

    assert _merged(continue_dev(TARGET), once) == once
    other = _read(_merged(continue_dev(OTHER), once))["models"]
    assert [(model["name"], model.get("apiBase")) for model in other] == [
        ("Claude", None),
        ("OptiQ", "http://127.0.0.1:9000/v1"),
    ]


@pytest.mark.parametrize("text", ["models: 5", "- a", "a: [", "# nothing else", "models: {a: 1}"])
def test_what_cannot_be_changed_safely_is_refused(text: str) -> None:
    with pytest.raises(UnreadableConfig):
        _merged(continue_dev(TARGET), text)


def test_aider_gets_an_address_a_model_and_a_word_for_a_key() -> None:
    merged = _merged(aider(TARGET), "# mine\ndark-mode: true\nmodel: sonnet\n")

    assert merged.startswith("# mine\n")
    assert _read(merged) == {
        "dark-mode": True,
        "model": "openai/gpt-oss-20b",
        "openai-api-base": "http://127.0.0.1:8080/v1",
        "openai-api-key": "none",
    }


def test_a_real_key_is_written_nowhere() -> None:
    assert "openai-api-key" not in _read(_merged(aider(KEYED), ""))
    (model,) = _read(_merged(continue_dev(KEYED), ""))["models"]
    assert model["apiKey"] == "${{ secrets.OPTIQ_API_KEY }}"
