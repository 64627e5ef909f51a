"""opencode's and Zed's files: what is put in, and that all else stays."""

import json

import pytest

from optiq_server.connect.errors import UnreadableConfig
from optiq_server.connect.json_clients import merged_json, opencode, zed
from optiq_server.connect.recipe import Recipe
from tests.server.connect.targets import KEYED, OTHER, TARGET
from tools.clients.opencode import OPENCODE


def _merged(recipe: Recipe, text: str) -> str:
    assert recipe.file is not None
    return recipe.file.merge(text)


def test_an_empty_file_gets_what_the_real_client_is_tried_with() -> None:
    assert json.loads(_merged(opencode(TARGET), "")) == json.loads(OPENCODE.configuration(TARGET.api_url))


def test_other_providers_and_the_indentation_stay() -> None:
    theirs = {"theme": "caf\N{LATIN SMALL LETTER E WITH ACUTE}", "provider": {"mine": {"npm": "x"}}}

    merged = _merged(opencode(TARGET), json.dumps(theirs, indent="\t", ensure_ascii=False))

    value = json.loads(merged)
    assert list(value) == ["theme", "provider", "model", "small_model"]
    assert value["provider"]["mine"] == {"npm": "x"}
    assert '\n\t"theme": "caf\N{LATIN SMALL LETTER E WITH ACUTE}"' in merged
    assert not merged.endswith("\n")


def test_it_is_the_same_a_second_time_and_another_server_takes_its_place() -> None:
    once = _merged(zed(TARGET), '{\n    "vim_mode": true\n}\n')

    assert _merged(zed(TARGET), once) == once
    value = json.loads(_merged(zed(OTHER), once))
    provider = value["language_models"]["openai_compatible"]["OptiQ"]
    assert value["vim_mode"] is True
    assert provider["api_url"] == "http://127.0.0.1:9000/v1"
    assert [model["name"] for model in provider["available_models"]] == ["other"]


@pytest.mark.parametrize(
    "text", ['// mine\n{"a": 1}', '{"a": 1,}', "[]", '{"language_models": 5}', "{", '\ufeff{"a": 1}']
)
def test_what_cannot_be_changed_safely_is_refused(text: str) -> None:
    with pytest.raises(UnreadableConfig):
        _merged(zed(TARGET), text)


def test_a_key_is_named_and_not_written() -> None:
    options = json.loads(_merged(opencode(KEYED), ""))["provider"]["optiq"]["options"]

    assert options["apiKey"] == "{env:OPTIQ_API_KEY}"


def test_an_object_is_merged_and_a_list_is_replaced() -> None:
    merged = json.loads(merged_json('{"a": {"b": 1, "c": [1]}}', {"a": {"c": [2], "d": 3}}))

    assert merged == {"a": {"b": 1, "c": [2], "d": 3}}
