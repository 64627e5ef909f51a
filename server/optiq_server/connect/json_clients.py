"""Clients with a file in JSON: opencode and Zed.

Both also take comments in it. A file that has some is not rewritten, because they would be lost.
"""

import json
import re
from typing import Any

from optiq_server.api_key import API_KEY_VARIABLE
from optiq_server.connect.errors import UnreadableConfig
from optiq_server.connect.recipe import ConfigFile, ConfigPlace, Language, Recipe, RecipeKind, Target

_OPENCODE = ConfigPlace(
    variable="XDG_CONFIG_HOME",
    below_variable="opencode/opencode.json",
    below_home=".config/opencode/opencode.json",
)
_ZED = ConfigPlace(
    variable="XDG_CONFIG_HOME",
    below_variable="zed/settings.json",
    below_home=".config/zed/settings.json",
)

_FIRST_INDENT = re.compile(r"^\s*\{\r?\n([ \t]+)\"")


def opencode(target: Target) -> Recipe:
    def merge(text: str) -> str:
        return merged_json(text, _opencode(target))

    key = (f"Set {API_KEY_VARIABLE} where opencode runs.",) if target.needs_key else ()
    return Recipe(
        id="opencode",
        name="opencode",
        kind=RecipeKind.FILE,
        language=Language.JSON,
        snippet=merge(""),
        steps=("Put this into the file, or run: optiq connect opencode", *key, "Start opencode."),
        note="opencode fetches a list of models, updates and plugins unless OPENCODE_DISABLE_MODELS_FETCH=1, "
        "OPENCODE_DISABLE_AUTOUPDATE=1 and npm_config_offline=true are set.",
        file=ConfigFile(place=_OPENCODE, merge=merge),
    )


def zed(target: Target) -> Recipe:
    def merge(text: str) -> str:
        return merged_json(text, _zed(target))

    key = f"Set {API_KEY_VARIABLE}" if target.needs_key else f"Set {API_KEY_VARIABLE} to any word"
    return Recipe(
        id="zed",
        name="Zed",
        kind=RecipeKind.FILE,
        language=Language.JSON,
        snippet=merge(""),
        steps=(
            "Put this into the file (zed: open settings), or run: optiq connect zed",
            f"{key} where Zed runs, or enter it in the agent's settings: Zed wants a key for each provider.",
            f"Choose {target.model} of OptiQ in the agent panel.",
        ),
        note="A file with comments in it is not rewritten; put the lines in by hand.",
        file=ConfigFile(place=_ZED, merge=merge),
    )


def merged_json(text: str, ours: dict[str, Any]) -> str:
    """`text` with `ours` in it, object by object, indented as it was. Raises UnreadableConfig."""
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise UnreadableConfig(f"it is not JSON without comments and trailing commas ({error})") from error
    if not isinstance(document, dict):
        raise UnreadableConfig("it is not a JSON object")
    merged = _merged(document, ours, path="")
    found = _FIRST_INDENT.match(text)
    end = "\n" if not text or text.endswith("\n") else ""
    return json.dumps(merged, indent=found[1] if found else 2, ensure_ascii=False) + end


def _merged(theirs: dict[str, Any], ours: dict[str, Any], *, path: str) -> dict[str, Any]:
    result = dict(theirs)
    for name, value in ours.items():
        there = result.get(name)
        if isinstance(value, dict) and there is not None:
            if not isinstance(there, dict):
                raise UnreadableConfig(f"{path}{name} in it is not an object")
            result[name] = _merged(there, value, path=f"{path}{name}.")
        else:
            result[name] = value
    return result


def _opencode(target: Target) -> dict[str, Any]:
    """`small_model` writes titles; without it, opencode would look for one elsewhere."""
    model = {
        "name": target.model,
        "reasoning": True,
        "tool_call": True,
        "limit": {"context": target.context_length, "output": target.output_tokens},
    }
    options = {"baseURL": target.api_url}
    if target.needs_key:
        options["apiKey"] = "{env:" + API_KEY_VARIABLE + "}"
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "OptiQ",
        "options": options,
        "models": {target.model: model},
    }
    name = f"optiq/{target.model}"
    return {"model": name, "small_model": name, "provider": {"optiq": provider}}


def _zed(target: Target) -> dict[str, Any]:
    """Zed makes the name of the key's variable from the provider's: OPTIQ_API_KEY."""
    model = {
        "name": target.model,
        "display_name": target.model,
        "max_tokens": target.context_length,
        "max_output_tokens": target.output_tokens,
        "capabilities": {
            "tools": True,
            "images": False,
            "parallel_tool_calls": True,
            "prompt_cache_key": False,
        },
    }
    provider = {"api_url": target.api_url, "available_models": [model]}
    return {"language_models": {"openai_compatible": {"OptiQ": provider}}}
