from typing import Any

import pytest

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    CustomTool,
    DeveloperMessage,
    FunctionTool,
    GrammarSyntax,
    JsonSchema,
    Message,
    Tool,
    ToolCall,
    ToolGrammar,
    ToolMessage,
    UserMessage,
)
from optiq_harmony.errors import InvalidName, LoneSurrogate, RenderError, SchemaTooDeep
from optiq_harmony.renderable import require_renderable

_HALF = "ab\udc00"


def _nested(levels: int) -> JsonSchema:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (UserMessage(text=_HALF), "messages[1].text"),
        (DeveloperMessage(text=_HALF), "messages[1].text"),
        (ToolMessage(name="f", text=_HALF), "messages[1].text"),
        (ToolMessage(name=_HALF, text=""), "messages[1].name"),
        (AssistantMessage(text=_HALF), "messages[1].text"),
        (AssistantMessage(reasoning=_HALF), "messages[1].reasoning"),
        (
            AssistantMessage(
                tool_calls=(ToolCall(name="f", arguments=""), ToolCall(name="f", arguments=_HALF))
            ),
            "messages[1].tool_calls[1].arguments",
        ),
        (
            AssistantMessage(tool_calls=(ToolCall(name=_HALF, arguments="{}"),)),
            "messages[1].tool_calls[0].name",
        ),
    ],
)
def test_a_lone_surrogate_is_refused_with_its_field(message: Message, field: str) -> None:
    conversation = Conversation(messages=(UserMessage(text="hi"), message))

    with pytest.raises(LoneSurrogate) as refusal:
        require_renderable(conversation)

    assert (refusal.value.field, refusal.value.position) == (field, 2)
    assert str(refusal.value) == f"{field} has a lone surrogate at character 2; it must be valid Unicode"


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        (FunctionTool(name="f", description=_HALF), "tools[0].description"),
        (FunctionTool(name="f", parameters={"default": [1, (_HALF,)]}), "tools[0].parameters"),
        (FunctionTool(name="f", parameters={_HALF: True}), "tools[0].parameters"),
        (CustomTool(name="f", description=_HALF), "tools[0].description"),
        (
            CustomTool(name="f", grammar=ToolGrammar(syntax=GrammarSyntax.REGEX, definition=_HALF)),
            "tools[0].grammar",
        ),
    ],
)
def test_a_lone_surrogate_in_a_tool_is_refused_with_its_field(tool: Tool, field: str) -> None:
    with pytest.raises(LoneSurrogate) as refusal:
        require_renderable(Conversation(messages=(), tools=(tool,)))

    assert refusal.value.field == field


@pytest.mark.parametrize("name", ["", "get weather", "get\nweather", " f"])
def test_a_name_that_no_header_can_hold_is_refused(name: str) -> None:
    with pytest.raises(InvalidName, match="white space") as refusal:
        require_renderable(Conversation(messages=(), tools=(FunctionTool(name=name),)))

    assert (refusal.value.field, refusal.value.name) == ("tools[0].name", name)


def test_a_schema_is_followed_to_its_last_level() -> None:
    require_renderable(Conversation(messages=(), tools=(FunctionTool(name="f", parameters=_nested(64)),)))


@pytest.mark.parametrize("levels", [65, 50_000])
def test_a_deeper_schema_is_refused_with_its_field(levels: int) -> None:
    tools = (FunctionTool(name="f"), FunctionTool(name="g", parameters=_nested(levels)))

    with pytest.raises(SchemaTooDeep, match="at most 64 levels") as refusal:
        require_renderable(Conversation(messages=(), tools=tools))

    error: RenderError = refusal.value
    assert error.field == "tools[1].parameters"
