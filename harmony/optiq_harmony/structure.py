"""What a client demands of the reply as a whole: tools, tool choice, format, reasoning. Values only.

An inconsistent demand cannot be constructed. What the schemas inside say is judged by `json_schema`.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from optiq_harmony.conversation import ResponseFormat, TextFormat, Tool
from optiq_harmony.structure_errors import StructureError

# A name stands in a message header, where white space and `<` would end it. 64 characters is OpenAI's limit;
# MCP servers joined with their tools' names go beyond it, and dots are theirs too.
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class ToolChoiceMode(StrEnum):
    """Whether the model may call tools, or must."""

    NONE = "none"
    AUTO = "auto"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """Which of the declared tools may be called; `names` None means all of them.

    OpenAI's named function is `REQUIRED` with one name; its `allowed_tools` is either mode with some names.
    """

    mode: ToolChoiceMode = ToolChoiceMode.AUTO
    names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The demands on one reply.

    `reasoning` False leaves the analysis channel out (effort "none"). `reasoning_budget` is the number of
    analysis tokens after which the analysis is closed; None sets no bound. `well_formed` holds a reply to the
    protocol that is free otherwise: for tokens drawn from other logits than the model's own.

    Raises StructureError, which names the field.
    """

    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    parallel_calls: bool = True
    response_format: ResponseFormat = field(default_factory=TextFormat)
    reasoning: bool = True
    reasoning_budget: int | None = None
    well_formed: bool = False

    def __post_init__(self) -> None:
        _check_names([tool.name for tool in self.tools])
        self._check_choice()
        if self.reasoning_budget is not None and self.reasoning_budget < 0:
            raise StructureError(field="reasoning_budget", reason=f"{self.reasoning_budget} is negative")

    @property
    def callable_tools(self) -> tuple[Tool, ...]:
        """The tools that this reply may call, in the order of declaration."""
        if self.tool_choice.mode == ToolChoiceMode.NONE:
            return ()
        names = self.tool_choice.names
        return tuple(tool for tool in self.tools if names is None or tool.name in names)

    @property
    def must_call(self) -> bool:
        """Whether the reply has to end in a call."""
        return self.tool_choice.mode == ToolChoiceMode.REQUIRED

    @property
    def is_free(self) -> bool:
        """Whether nothing is demanded, so that the reply needs no grammar."""
        return (
            not self.tools
            and isinstance(self.response_format, TextFormat)
            and self.reasoning
            and self.reasoning_budget is None
            and not self.well_formed
        )

    def _check_choice(self) -> None:
        declared = {tool.name for tool in self.tools}
        unknown = sorted((self.tool_choice.names or frozenset()) - declared)
        if unknown:
            raise StructureError(field="tool_choice", reason=f"{unknown[0]!r} is not among the tools")
        if self.must_call and not self.callable_tools:
            raise StructureError(
                field="tool_choice", reason="a call is required, but there is no tool to call"
            )


def _check_names(names: list[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not _TOOL_NAME.fullmatch(name):
            reason = f"{name!r} is not 1 to 128 characters of a-z, A-Z, 0-9, '_', '-' and '.'"
            raise StructureError(field=f"tools[{index}].name", reason=reason)
        if name in seen:
            raise StructureError(field=f"tools[{index}].name", reason=f"{name!r} is declared twice")
        seen.add(name)
