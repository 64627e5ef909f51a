"""A client and what it needs to know of this server. Values only."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from optiq_server.api_key import API_KEY_VARIABLE

_URL = re.compile(r"https?://[A-Za-z0-9._\-\[\]:]+(/[A-Za-z0-9._~/\-]*)?")
"""What can stand in any configuration as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server that clients are to use. `base_url` is without `/v1`; `context_length` is in tokens.

    With `needs_key`, clients find the key in the environment: no file that is written here holds it.
    """

    base_url: str
    model: str
    context_length: int
    needs_key: bool = False

    def __post_init__(self) -> None:
        if not _URL.fullmatch(self.base_url):
            raise ValueError(f"{self.base_url!r} is no address of a server: write http://127.0.0.1:8080")

    @property
    def api_url(self) -> str:
        return f"{self.base_url}/v1"

    @property
    def shell_key(self) -> str:
        """The key as a shell word; clients that insist on one get any."""
        return f'"${API_KEY_VARIABLE}"' if self.needs_key else "none"

    @property
    def output_tokens(self) -> int:
        """The longest reply that clients plan with: a quarter of the context, as they do for others."""
        return self.context_length // 4


class RecipeKind(StrEnum):
    """How a client is told: by a file of its own, by what is typed, or not at all."""

    FILE = "file"
    ENVIRONMENT = "environment"
    IMPOSSIBLE = "impossible"


class Language(StrEnum):
    """What a snippet is written in."""

    TOML = "toml"
    JSON = "json"
    YAML = "yaml"
    PYTHON = "python"
    SHELL = "shell"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigPlace:
    """Where a client has its file: below the home folder, or below the folder that `variable` names."""

    below_home: str
    variable: str | None = None
    below_variable: str = ""

    def path(self, environment: Mapping[str, str], home: Path) -> Path:
        named = environment.get(self.variable) if self.variable is not None else None
        return Path(named).expanduser() / self.below_variable if named else home / self.below_home


Merge: TypeAlias = Callable[[str], str]
"""A configuration's text, empty where there is none, with this server in it. Raises UnreadableConfig."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A client's own file, and how this server gets into it; all else in it stays."""

    place: ConfigPlace
    merge: Merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What one client needs. A `file` is there where `kind` says so; `steps` are sentences, in order."""

    id: str
    name: str
    kind: RecipeKind
    language: Language
    snippet: str
    steps: tuple[str, ...] = ()
    note: str = ""
    file: ConfigFile | None = None

    @property
    def shown_path(self) -> str | None:
        return None if self.file is None else f"~/{self.file.place.below_home}"
