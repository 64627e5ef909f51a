"""A request of Anthropic's API as a job."""

import pytest

from optiq_harmony.conversation import FunctionTool, JsonSchemaFormat, ReasoningEffort, TextFormat
from optiq_harmony.structure import ToolChoice, ToolChoiceMode
from optiq_server.errors import InvalidRequest
from optiq_server.schema.anthropic import MessagesRequest
from optiq_server.translate.anthropic_request import AnthropicJob, messages_request
from optiq_server.translate.job import Job

_TOOL = {"name": "get", "description": "Gets.", "input_schema": {"type": "object"}}
_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
_FORMAT = {"type": "json_schema", "schema": {"type": "object"}}


def _asked(**body: object) -> AnthropicJob:
    plain = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    return messages_request(MessagesRequest.model_validate({**plain, **body}))


def _job(**body: object) -> Job:
    return _asked(**body).job


def _refusal(**body: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        _job(**body)
    return caught.value


def test_the_numbers_are_taken_over() -> None:
    job = _job(temperature=0.5, top_p=0.9, top_k=40, stop_sequences=["END"])

    assert (job.max_tokens, job.stop_strings, job.samples) == (5, ("END",), 1)
    assert (job.sampling.temperature, job.sampling.top_p, job.sampling.top_k) == (0.5, 0.9, 40)


def test_nothing_is_demanded_unless_asked() -> None:
    job = _job(top_k=0)

    assert job.structure.is_free
    assert job.sampling.top_k is None
    assert job.conversation.system.effort is ReasoningEffort.MEDIUM
    assert not _asked().stream


def test_tools_that_anthropic_runs_are_left_out() -> None:
    job = _job(tools=[_SEARCH, {**_TOOL, "type": "custom", "strict": True}])

    tool = FunctionTool(name="get", description="Gets.", parameters={"type": "object"}, strict=True)
    assert job.conversation.tools == job.structure.tools == (tool,)
    assert job.names.tools == ("tools[1].input_schema",)


@pytest.mark.parametrize(
    ("choice", "wanted", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(), True),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(), False),
        ({"type": "any"}, ToolChoice(mode=ToolChoiceMode.REQUIRED), True),
        (
            {"type": "tool", "name": "get", "disable_parallel_tool_use": True},
            ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({"get"})),
            False,
        ),
        ({"type": "none"}, ToolChoice(mode=ToolChoiceMode.NONE), True),
    ],
)
def test_a_choice_of_tools_is_a_demand(choice: object, wanted: ToolChoice, *, parallel: bool) -> None:
    structure = _job(tools=[_TOOL], tool_choice=choice).structure

    assert (structure.tool_choice, structure.parallel_calls) == (wanted, parallel)


def test_tools_that_may_not_be_called_are_not_told() -> None:
    assert _job(tools=[_TOOL], tool_choice={"type": "none"}).conversation.tools == ()


@pytest.mark.parametrize(
    ("thinking", "effort", "reasoning", "budget", "told"),
    [
        (None, None, True, None, "medium"),
        ({"type": "adaptive"}, None, True, None, "medium"),
        ({"type": "adaptive"}, "max", True, None, "high"),
        ({"type": "between_tools"}, "low", True, None, "low"),
        ({"type": "disabled"}, None, False, None, "low"),
        ({"type": "enabled", "budget_tokens": 4_000}, None, True, 4_000, "low"),
        ({"type": "enabled", "budget_tokens": 10_000}, None, True, 10_000, "medium"),
        ({"type": "enabled", "budget_tokens": 31_999}, None, True, 31_999, "high"),
        ({"type": "enabled", "budget_tokens": 31_999}, "low", True, 31_999, "low"),
    ],
)
def test_thinking_is_bounds_and_effort(
    thinking: object, effort: str | None, *, reasoning: bool, budget: int | None, told: str
) -> None:
    job = _job(thinking=thinking, output_config={"effort": effort})

    assert (job.structure.reasoning, job.structure.reasoning_budget) == (reasoning, budget)
    assert job.conversation.system.effort.value == told


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("output_config", {"format": _FORMAT}, "output_config.format.schema"),
        ("output_format", _FORMAT, "output_format.schema"),
    ],
)
def test_a_format_is_a_demand_in_either_spelling(field: str, value: object, param: str) -> None:
    job = _job(**{field: value})

    assert job.structure.response_format == JsonSchemaFormat(name="answer", schema={"type": "object"})
    assert job.names.response_schema == param
    assert _job().structure.response_format == TextFormat()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [_SEARCH, {"input_schema": {}}]}, "tools[1].name"),
        ({"tools": [{"name": "get"}]}, "tools[0].input_schema"),
        ({"tools": [_SEARCH, {**_TOOL, "name": "a b"}]}, "tools[1].name"),
        ({"tools": [_TOOL, _TOOL]}, "tools[1].name"),
        ({"tools": [_TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tools": [_TOOL], "tool_choice": {"type": "tool", "name": "put"}}, "tool_choice"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(body: dict[str, object], param: str) -> None:
    assert _refusal(**body).param == param
