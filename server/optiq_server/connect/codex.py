"""OpenAI's Codex: `config.toml`, with its comments and its order."""

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from optiq_server.api_key import API_KEY_VARIABLE
from optiq_server.connect.errors import UnreadableConfig
from optiq_server.connect.recipe import ConfigFile, ConfigPlace, Language, Recipe, RecipeKind, Target

_PROVIDER = "optiq"
_PROVIDERS = "model_providers"

_PLACE = ConfigPlace(variable="CODEX_HOME", below_variable="config.toml", below_home=".codex/config.toml")


def codex(target: Target) -> Recipe:
    def merge(text: str) -> str:
        return _merged(text, target)

    key = (f"Set {API_KEY_VARIABLE} where Codex runs.",) if target.needs_key else ()
    return Recipe(
        id="codex",
        name="Codex",
        kind=RecipeKind.FILE,
        language=Language.TOML,
        snippet=merge(""),
        steps=("Put this into the file, or run: optiq connect codex", *key, "Start codex."),
        note="Codex looks for github.com and chatgpt.com on its own; [analytics] enabled = false and "
        "[features] plugins = false keep it from that.",
        file=ConfigFile(place=_PLACE, merge=merge),
    )


def _merged(text: str, target: Target) -> str:
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise UnreadableConfig(f"it is not TOML: {error}") from error
    document["model"] = target.model
    document["model_provider"] = _PROVIDER
    document["model_context_window"] = target.context_length
    providers = document.get(_PROVIDERS)
    if providers is None:
        providers = tomlkit.table(is_super_table=True)
        document[_PROVIDERS] = providers
    if not hasattr(providers, "get"):
        raise UnreadableConfig(f"{_PROVIDERS} in it is not a table")
    provider = providers.get(_PROVIDER)
    if not isinstance(provider, Table | InlineTable):
        # What stands in braces cannot hold a table with a head of its own.
        inner = tomlkit.inline_table() if isinstance(providers, InlineTable) else tomlkit.table()
        providers[_PROVIDER] = inner
        provider = providers[_PROVIDER]
    provider["name"] = "OptiQ"
    provider["base_url"] = target.api_url
    provider["wire_api"] = "responses"
    if target.needs_key:
        provider["env_key"] = API_KEY_VARIABLE
    return tomlkit.dumps(document)
