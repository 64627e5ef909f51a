"""Clients with a file in YAML: Continue and Aider."""

from typing import Any

from ruamel.yaml.comments import CommentedMap

from optiq_server.api_key import API_KEY_VARIABLE
from optiq_server.connect.errors import UnreadableConfig
from optiq_server.connect.recipe import ConfigFile, ConfigPlace, Language, Recipe, RecipeKind, Target
from optiq_server.connect.yaml_text import edited_yaml

_CONTINUE = ConfigPlace(
    variable="CONTINUE_GLOBAL_DIR", below_variable="config.yaml", below_home=".continue/config.yaml"
)
_AIDER = ConfigPlace(below_home=".aider.conf.yml")

_NAME = "OptiQ"


def continue_dev(target: Target) -> Recipe:
    def merge(text: str) -> str:
        return edited_yaml(text, lambda document: _add_model(document, target))

    key = (f"Put {API_KEY_VARIABLE} into ~/.continue/.env.",) if target.needs_key else ()
    return Recipe(
        id="continue",
        name="Continue",
        kind=RecipeKind.FILE,
        language=Language.YAML,
        snippet=merge(""),
        steps=(
            "Put this into the file, or run: optiq connect continue",
            *key,
            f"Choose {_NAME} in the editor, or start cn.",
        ),
        note="The editor's extensions and the command line cn read the same file.",
        file=ConfigFile(place=_CONTINUE, merge=merge),
    )


def aider(target: Target) -> Recipe:
    def merge(text: str) -> str:
        return edited_yaml(text, lambda document: document.update(_aider_options(target)))

    key = (f"Start it with OPENAI_API_KEY={target.shell_key}.",) if target.needs_key else ()
    return Recipe(
        id="aider",
        name="Aider",
        kind=RecipeKind.FILE,
        language=Language.YAML,
        snippet=merge(""),
        steps=("Put this into the file, or run: optiq connect aider", *key, "Start aider in your project."),
        note="Aider knows nothing of this model's price and context, and warns of it; that does no harm.",
        file=ConfigFile(place=_AIDER, merge=merge),
    )


def _add_model(document: CommentedMap, target: Target) -> None:
    if not document:
        document.update({"name": _NAME, "version": "1.0.0", "schema": "v1"})
    models = document.setdefault("models", [])
    if not isinstance(models, list):
        raise UnreadableConfig("models in it is not a list")
    entry = _continue_model(target)
    place = next((index for index, each in enumerate(models) if _is_ours(each)), None)
    if place is None:
        models.append(entry)
    else:
        models[place].update(entry)


def _is_ours(model: object) -> bool:
    return isinstance(model, dict) and model.get("name") == _NAME


def _continue_model(target: Target) -> dict[str, Any]:
    key = "${{ secrets." + API_KEY_VARIABLE + " }}" if target.needs_key else "none"
    return {
        "name": _NAME,
        "provider": "openai",
        "model": target.model,
        "apiBase": target.api_url,
        "apiKey": key,
        "roles": ["chat", "edit", "apply"],
        "capabilities": ["tool_use"],
        "defaultCompletionOptions": {
            "contextLength": target.context_length,
            "maxTokens": target.output_tokens,
        },
    }


def _aider_options(target: Target) -> dict[str, str]:
    options = {"openai-api-base": target.api_url, "model": f"openai/{target.model}"}
    return options if target.needs_key else {**options, "openai-api-key": "none"}
