"""Anthropic's messages in harmony's terms."""

import pytest

from optiq_harmony.conversation import (
    AssistantMessage,
    DeveloperMessage,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_server.errors import InvalidRequest
from optiq_server.schema.anthropic import CountTokensRequest
from optiq_server.translate.anthropic_messages import conversation_messages, system_messages

_CALL = {
    "type": "tool_use",
    "id": "a",
    "name": "get",
    "input": {"city": "Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich"},
}
_ARGUMENTS = '{"city":"Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich"}'


def _translated(*messages: object) -> tuple[Message, ...]:
    return conversation_messages(CountTokensRequest.model_validate({"messages": list(messages)}).messages)


def _system(system: object) -> tuple[DeveloperMessage, ...]:
    body = {"messages": [{"role": "user", "content": "hi"}], "system": system}
    return system_messages(CountTokensRequest.model_validate(body).system)


def _refusal(*messages: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        _translated(*messages)
    return caught.value


def _user(*content: object) -> dict[str, object]:
    return {"role": "user", "content": list(content)}


def _assistant(*content: object) -> dict[str, object]:
    return {"role": "assistant", "content": list(content)}


def _text(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def test_a_tool_loop_goes_back_with_its_thinking() -> None:
    thinking = {"type": "thinking", "thinking": "Ask.", "signature": "s"}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "7 C"}

    messages = _translated(
        _user(_text("Weather?")), _assistant(thinking, _text("Looking."), _CALL), _user(result)
    )

    assert messages == (
        UserMessage(text="Weather?"),
        AssistantMessage(
            reasoning="Ask.", text="Looking.", tool_calls=(ToolCall(name="get", arguments=_ARGUMENTS),)
        ),
        ToolMessage(name="get", text="7 C"),
    )


def test_results_come_in_order_before_the_users_text() -> None:
    other = {**_CALL, "id": "b", "name": "put"}
    first = {"type": "tool_result", "tool_use_id": "b", "content": [_text("one"), _text("two")]}
    second = {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": "no such city"}

    messages = _translated(
        _user(_text("hi")), _assistant(_CALL, other), _user(_text("So?"), first, second, _text("Go on."))
    )

    assert messages[2:] == (
        ToolMessage(name="put", text="one\ntwo"),
        ToolMessage(name="get", text="Error: no such city"),
        UserMessage(text="So?\nGo on."),
    )


def test_a_result_may_say_nothing() -> None:
    messages = _translated(
        _user(_text("hi")), _assistant(_CALL), _user({"type": "tool_result", "tool_use_id": "a"})
    )

    assert messages[-1] == ToolMessage(name="get", text="")


def test_redacted_thinking_and_empty_messages_are_left_out() -> None:
    redacted = {"type": "redacted_thinking", "data": "x"}

    assert _translated(_assistant(redacted), _user(_text("hi"))) == (UserMessage(text="hi"),)


def test_a_system_message_may_come_later() -> None:
    messages = _translated({"role": "system", "content": "Be brief."}, _user(_text("hi")))

    assert messages == (DeveloperMessage(text="Be brief."), UserMessage(text="hi"))


def test_the_system_prompt_is_one_message_without_the_billing_header() -> None:
    billing = _text("x-anthropic-billing-header: cc_version=2.1; cch=01234;")

    assert _system([billing, _text("Be brief."), _text("Be kind.")]) == (
        DeveloperMessage(text="Be brief.\n\nBe kind."),
    )
    assert _system("x-anthropic-billing-header: cch=1;\nBe brief.") == (DeveloperMessage(text="Be brief."),)


@pytest.mark.parametrize(
    "system", [None, "", [], [{"type": "text", "text": "x-anthropic-billing-header: 1"}]]
)
def test_a_system_prompt_may_say_nothing(system: object) -> None:
    assert _system(system) == ()


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (_user(), "content"),
        (_user(_CALL), "content[0].type"),
        (_user({"type": "thinking", "thinking": "x"}), "content[0].type"),
        (_user({"type": "text"}), "content[0].text"),
        (_user({"type": "tool_result"}), "content[0].tool_use_id"),
        (_user({"type": "tool_result", "tool_use_id": "z"}), "content[0].tool_use_id"),
        ({"role": "system", "content": [_CALL]}, "content[0].type"),
        (_assistant({"type": "tool_result", "tool_use_id": "a"}), "content[0].type"),
        (_assistant({"type": "tool_use", "name": "x"}), "content[0].id"),
        (_assistant({"type": "tool_use", "id": "x"}), "content[0].name"),
        (_assistant({"type": "thinking"}), "content[0].thinking"),
    ],
)
def test_a_block_that_is_out_of_place_or_not_whole_is_refused_by_its_path(
    message: dict[str, object], param: str
) -> None:
    assert _refusal(message, _user(_text("hi"))).param == f"messages[0].{param}"


def test_the_beginning_of_a_reply_is_refused() -> None:
    assert _refusal(_user(_text("hi")), _assistant(_text("{"))).param == "messages[1].role"
