"""Errors of structured replies: what a client demanded cannot be done, or a constraint was broken.

HarmonyError
├── StructureError    the demands contradict each other; names the field
├── SchemaError       a JSON schema is invalid, or uses what cannot be enforced; names keyword and path
├── GrammarError      a custom tool's grammar does not compile, or the reply's grammar is too large
└── ConstraintError   a token was accepted that the grammar forbids, or the matcher gave up
"""

from optiq_harmony.errors import HarmonyError


class StructureError(HarmonyError):
    """The demand in `field` cannot be honoured, for `reason`."""

    def __init__(self, *, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class SchemaError(HarmonyError):
    """`keyword` at `path` is invalid or cannot be enforced, for `reason`.

    `path` is dotted from the schema's root and ends in the keyword, like `properties.size.not`.
    """

    def __init__(self, *, keyword: str, path: str, reason: str) -> None:
        super().__init__(keyword, path, reason)
        self.keyword = keyword
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"JSON schema, at {self.path or 'its root'}: {self.reason}"


class GrammarError(HarmonyError):
    """The grammar of `tool` (None: of the whole reply) does not compile, for `reason`."""

    def __init__(self, *, tool: str | None, reason: str) -> None:
        super().__init__(tool, reason)
        self.tool = tool
        self.reason = reason

    def __str__(self) -> str:
        whose = "the reply" if self.tool is None else f"tool {self.tool!r}"
        return f"the grammar of {whose} does not compile: {self.reason}"


class ConstraintError(HarmonyError):
    """The constraint ended: `token` was not allowed, or (`token` None) llguidance hit a limit."""

    def __init__(self, *, token: int | None, reason: str) -> None:
        super().__init__(token, reason)
        self.token = token
        self.reason = reason

    def __str__(self) -> str:
        if self.token is None:
            return f"the reply's constraint failed: {self.reason}"
        return f"token {self.token} is not allowed here: {self.reason}"
