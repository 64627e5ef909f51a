"""All clients that are known here, in the order in which they are shown."""

from collections.abc import Callable
from typing import TypeAlias

from optiq_server.connect.codex import codex
from optiq_server.connect.json_clients import opencode, zed
from optiq_server.connect.recipe import Recipe, Target
from optiq_server.connect.typed_clients import (
    claude_code,
    cline,
    curl,
    cursor,
    open_webui,
    openai_python,
    openai_typescript,
)
from optiq_server.connect.yaml_clients import aider, continue_dev

_Make: TypeAlias = Callable[[Target], Recipe]

_CLIENTS: tuple[_Make, ...] = (
    codex,
    claude_code,
    opencode,
    continue_dev,
    zed,
    cline,
    aider,
    open_webui,
    openai_python,
    openai_typescript,
    curl,
    cursor,
)


def recipes(target: Target) -> list[Recipe]:
    """What each client needs to know of `target`."""
    return [make(target) for make in _CLIENTS]
