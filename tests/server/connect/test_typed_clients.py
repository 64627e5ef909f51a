"""What is typed: code that compiles, commands that a shell takes apart as meant."""

import json
import shlex

import pytest

from optiq_server.connect.catalogue import recipes
from optiq_server.connect.recipe import Language, RecipeKind, Target
from optiq_server.connect.typed_clients import claude_code, curl, cursor, openai_python
from tests.server.connect.targets import KEYED, TARGET

_ODD = Target(base_url="http://127.0.0.1:8080", model='a "b" $c\'d', context_length=4096)


@pytest.mark.parametrize("target", [TARGET, KEYED, _ODD])
def test_python_code_compiles(target: Target) -> None:
    compile(openai_python(target).snippet, "snippet", "exec")


@pytest.mark.parametrize("target", [TARGET, KEYED, _ODD])
def test_the_command_for_curl_is_a_chat(target: Target) -> None:
    words = shlex.split(curl(target).snippet)

    assert words[:2] == ["curl", f"{target.api_url}/chat/completions"]
    assert json.loads(words[-1])["model"] == target.model


def test_claude_code_gets_the_address_without_the_version() -> None:
    assert "ANTHROPIC_BASE_URL=http://127.0.0.1:8080\n" in claude_code(TARGET).snippet
    assert 'ANTHROPIC_AUTH_TOKEN="$OPTIQ_API_KEY"\n' in claude_code(KEYED).snippet


def test_cursor_is_told_why() -> None:
    recipe = cursor(TARGET)

    assert recipe.kind is RecipeKind.IMPOSSIBLE
    assert "servers" in recipe.note


def test_all_clients_have_names_of_their_own_and_say_something() -> None:
    known = recipes(TARGET)

    assert len({recipe.id for recipe in known}) == len(known) == 12
    for recipe in known:
        assert recipe.note or recipe.steps
        assert (recipe.file is not None) is (recipe.kind is RecipeKind.FILE)
        assert bool(recipe.snippet) is (recipe.kind is not RecipeKind.IMPOSSIBLE)
        if recipe.language is Language.SHELL:
            assert TARGET.base_url in recipe.snippet


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8080", "ftp://x", 'http://x"', "http://x y", "http://$(id)", "http://x\n", "", "http://"],
)
def test_an_address_that_could_be_more_than_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Target(base_url=url, model="m", context_length=4096)
