"""Errors of the harmony package. What a model writes never raises one; see parser.py.

HarmonyError
├── VocabularyUnavailable    the packaged ranks are damaged, or the cache folder cannot hold them
├── UnknownToken             an id outside the vocabulary where a token is asked for
└── RenderError              the conversation cannot become a prompt; `field` tells which part of it
    ├── LoneSurrogate        text that has no UTF-8
    ├── TooMuchSpace         more white space in one place than a tokenizer can read
    ├── InvalidName          a function name that no message header can hold
    ├── SchemaTooDeep        a JSON schema nested deeper than the renderer follows
    └── InvalidSchema        a JSON schema that is not JSON, or that the renderer refuses
"""

from pathlib import Path

from optiq_harmony.tokens import VOCABULARY_SIZE


class HarmonyError(Exception):
    """Base of all; never raised itself."""


class VocabularyUnavailable(HarmonyError):
    """The vocabulary's file at `path` cannot be had; `reason` is one line."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the vocabulary {self.path} is unavailable: {self.reason}"


class UnknownToken(HarmonyError, LookupError):
    """`token` is not an id of the vocabulary."""

    def __init__(self, token: int) -> None:
        super().__init__(token)
        self.token = token

    def __str__(self) -> str:
        return f"token {self.token} is not in the vocabulary, which has ids from 0 to {VOCABULARY_SIZE - 1}"


class RenderError(HarmonyError):
    """Base of what is wrong with a conversation. `field` is a path into it, such as `messages[2].text`."""

    def __init__(self, field: str, *details: object) -> None:
        super().__init__(field, *details)
        self.field = field


class LoneSurrogate(RenderError):
    """The text of `field` has half of a UTF-16 pair at `position`, which is no character."""

    def __init__(self, field: str, *, position: int) -> None:
        super().__init__(field, position)
        self.position = position

    def __str__(self) -> str:
        return f"{self.field} has a lone surrogate at character {self.position}; it must be valid Unicode"


class TooMuchSpace(RenderError):
    """The text of `field` has more than `limit` characters of white space in a row, from `position` on."""

    def __init__(self, field: str, *, position: int, limit: int) -> None:
        super().__init__(field, position, limit)
        self.position = position
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"{self.field} has more than {self.limit} characters of white space in a row, from character "
            f"{self.position} on; so many cannot be read"
        )


class InvalidName(RenderError):
    """`name` cannot stand in a message header."""

    def __init__(self, field: str, *, name: str) -> None:
        super().__init__(field, name)
        self.name = name

    def __str__(self) -> str:
        return f"{self.field} is {self.name!r}; a function name must not be empty nor contain white space"


class SchemaTooDeep(RenderError):
    """The schema in `field` is nested deeper than `limit` levels."""

    def __init__(self, field: str, *, limit: int) -> None:
        super().__init__(field, limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.field} is nested too deeply; at most {self.limit} levels are rendered"


class InvalidSchema(RenderError):
    """The schema in `field` cannot be rendered; `reason` is one line."""

    def __init__(self, field: str, *, reason: str) -> None:
        super().__init__(field, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field} is not a schema that can be rendered: {self.reason}"
