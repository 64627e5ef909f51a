"""What a response's request means, beyond its fields."""

from collections.abc import Sequence
from typing import Any

import pytest

from optiq_harmony.conversation import (
    CustomTool,
    DeveloperMessage,
    FunctionTool,
    GrammarSyntax,
    JsonObjectFormat,
    JsonSchemaFormat,
    ReasoningEffort,
    TextFormat,
    ToolGrammar,
    UserMessage,
)
from optiq_harmony.structure import ToolChoice, ToolChoiceMode
from optiq_server.engine.types import SamplingParameters
from optiq_server.errors import InvalidRequest
from optiq_server.schema.response_items import InputItem
from optiq_server.schema.responses import ResponsesRequest
from optiq_server.translate.responses_request import ResponseJob, response_job
from optiq_server.translate.tools import CalledTool

_FUNCTION = {"type": "function", "name": "f", "description": "Does.", "parameters": {"type": "object"}}
_CUSTOM = {"type": "custom", "name": "g"}


def _asked(earlier: Sequence[InputItem] = (), **fields: object) -> ResponseJob:
    body = ResponsesRequest.model_validate({"input": "hi", **fields})
    return response_job(body, earlier=earlier, items=body.input or [])


def _refused(**fields: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        _asked((), **fields)
    return caught.value


def test_instructions_come_first_and_then_what_was_said_before() -> None:
    earlier = [InputItem.model_validate({"role": "user", "content": "before"})]

    asked = _asked(instructions="Be brief.", earlier=earlier)

    assert asked.job.conversation.messages == (
        DeveloperMessage(text="Be brief."),
        UserMessage(text="before"),
        UserMessage(text="hi"),
    )


def test_functions_and_custom_tools_are_offered_and_others_only_repeated() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'}
    tools = [{"type": "web_search", "name": 5}, _FUNCTION, {**_CUSTOM, "format": grammar}]

    asked = _asked(tools=tools)

    assert asked.job.conversation.tools == (
        FunctionTool(name="f", description="Does.", parameters={"type": "object"}),
        CustomTool(name="g", grammar=ToolGrammar(syntax=GrammarSyntax.LARK, definition='start: "a"')),
    )
    assert asked.job.names.tools == ("tools[1].parameters", "tools[2].format")
    assert asked.repeated["tools"] == tools


def test_tools_of_a_namespace_are_offered_under_both_names() -> None:
    clock = {"type": "namespace", "name": "clock", "description": "Time.", "tools": [_FUNCTION, _CUSTOM]}
    own = {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}

    asked = _asked(tools=[{"type": "web_search"}, clock, own])

    assert [tool.name for tool in asked.job.conversation.tools] == ["clock.f", "clock.g", "exec"]
    assert asked.job.names.tools == (
        "tools[1].tools[0].parameters",
        "tools[1].tools[1].format",
        "tools[2].tools[0].format",
    )
    assert asked.tools == {
        "clock.f": CalledTool(name="f", namespace="clock"),
        "clock.g": CalledTool(name="g", namespace="clock", is_custom=True),
        "exec": CalledTool(name="exec", namespace="functions", is_custom=True),
    }
    assert asked.repeated["tools"] == [{"type": "web_search"}, clock, own]


def test_tools_among_the_items_are_offered_once() -> None:
    item = {"type": "additional_tools", "role": "developer", "tools": [_FUNCTION, _CUSTOM]}
    earlier = [InputItem.model_validate(item)]

    asked = _asked(earlier, tools=[_FUNCTION], input=[item, {"role": "user", "content": "hi"}])

    assert [tool.name for tool in asked.job.conversation.tools] == ["f", "g"]
    assert asked.job.conversation.messages == (UserMessage(text="hi"),)
    assert asked.repeated["tools"] == [_FUNCTION]


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        (None, ToolChoice()),
        ("required", ToolChoice(mode=ToolChoiceMode.REQUIRED)),
        (
            {"type": "function", "name": "f"},
            ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({"f"})),
        ),
        ({"type": "custom", "name": "g"}, ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({"g"}))),
        (
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}, {"type": "mcp", "server_label": "x"}],
            },
            ToolChoice(mode=ToolChoiceMode.AUTO, names=frozenset({"f"})),
        ),
    ],
)
def test_the_tool_choice_is_meant_and_repeated(choice: object, meant: ToolChoice) -> None:
    asked = _asked(tools=[_FUNCTION, _CUSTOM], tool_choice=choice)

    assert asked.job.structure.tool_choice == meant
    assert asked.repeated["tool_choice"] == (choice or "auto")


def test_tool_choice_none_offers_no_tools() -> None:
    asked = _asked(tools=[_FUNCTION], tool_choice="none")

    assert asked.job.conversation.tools == ()
    assert len(asked.job.structure.tools) == 1


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ({"type": "text"}, TextFormat()),
        ({"type": "json_object"}, JsonObjectFormat()),
        (
            {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "description": "An x."},
            JsonSchemaFormat(name="x", schema={"type": "object"}, description="An x."),
        ),
        ({"type": "json_schema", "name": "x"}, JsonSchemaFormat(name="x", schema={})),
    ],
)
def test_the_text_format_is_meant_and_repeated(wanted: dict[str, Any], meant: object) -> None:
    asked = _asked(text={"format": wanted, "verbosity": "low"})

    assert asked.job.conversation.response_format == asked.job.structure.response_format == meant
    assert asked.repeated["text"] == {"format": wanted, "verbosity": "low"}


def test_verbosity_is_asked_for_in_the_instructions() -> None:
    [instructions, _] = _asked(instructions="Be kind.", text={"verbosity": "low"}).job.conversation.messages

    assert isinstance(instructions, DeveloperMessage)
    assert instructions.text.startswith("Be kind.\n\nAnswer briefly")


def test_effort_is_the_nearest_and_none_leaves_reasoning_out() -> None:
    high, none = _asked(reasoning={"effort": "xhigh"}).job, _asked(reasoning={"effort": "none"}).job

    assert high.conversation.system.effort is ReasoningEffort.HIGH
    assert high.structure.reasoning
    assert not none.structure.reasoning


def test_sampling_and_bounds_are_the_jobs() -> None:
    job = _asked(
        temperature=0,
        top_p=0.5,
        top_k=7,
        min_p=0.1,
        seed=3,
        max_output_tokens=9,
        reasoning_budget=5,
        parallel_tool_calls=False,
    ).job

    assert job.sampling == SamplingParameters(temperature=0.0, top_p=0.5, top_k=7, min_p=0.1, seed=3)
    assert job.max_tokens == 9
    assert job.structure.reasoning_budget == 5
    assert not job.structure.parallel_calls


def test_log_probabilities_need_to_be_included() -> None:
    include = ["message.output_text.logprobs"]

    assert _asked(top_logprobs=3).job.top_logprobs is None
    assert _asked(top_logprobs=3, include=include).job.top_logprobs == 3
    assert _asked(include=include).job.top_logprobs == 0


def test_what_is_not_asked_for_has_openais_defaults() -> None:
    asked = _asked()

    assert (asked.stream, asked.store, asked.background, asked.truncates) == (False, True, False, False)
    assert not asked.encrypted_content
    assert asked.repeated["tool_choice"] == "auto"
    assert asked.repeated["truncation"] == "disabled"
    assert asked.repeated["text"] == {"format": {"type": "text"}, "verbosity": "medium"}


def test_input_may_be_missing_only_where_a_response_is_continued() -> None:
    continued = _asked(input=None, previous_response_id="resp_1")

    assert continued.job.conversation.messages == ()
    assert _refused(input=None).param == "input"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "tools": []}]}, "tools[0].name"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "custom"}]}]},
            "tools[0].tools[0].name",
        ),
        ({"input": [{"type": "additional_tools", "tools": [{"type": "custom"}]}]}, "input[0].tools[0].name"),
        ({"tools": [{**_CUSTOM, "format": {"type": "grammar"}}]}, "tools[0].format.syntax"),
        (
            {"tools": [{**_CUSTOM, "format": {"type": "grammar", "syntax": "lark"}}]},
            "tools[0].format.definition",
        ),
        ({"tools": [_FUNCTION, {"type": "web_search"}, _FUNCTION]}, "tools[2].name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "function", "name": "h"}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.mode"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice.tools"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function"}]}},
            "tool_choice.tools[0].name",
        ),
        ({"background": True, "stream": True}, "stream"),
        ({"background": True, "store": False}, "store"),
    ],
)
def test_what_does_not_fit_together_is_named(fields: dict[str, Any], param: str) -> None:
    assert _refused(**fields).param == param
