"""Random replies under the real vocabulary: whatever the masks allow is a reply that was asked for."""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openai_harmony import (  # type: ignore[import-untyped]  # it ships no py.typed
    Message,
    Role,
    StreamableParser,
)

from optiq_harmony.conversation import (
    CustomTool,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    TextFormat,
)
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.tokens import ControlToken
from optiq_harmony.vocabulary import Vocabulary
from tests.harmony.constrained import Replies, allowed_special, replies_of
from tests.harmony.json_schemas import Schema, argument_schemas

WALKS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
seeds = st.integers(0, 2**32)
shapes = st.fixed_dictionaries(
    {
        "parallel_calls": st.booleans(),
        "reasoning": st.booleans(),
        "reasoning_budget": st.none() | st.integers(0, 20),
    }
)


@pytest.fixture(name="replies", scope="module")
def _replies(vocabulary: Vocabulary) -> Replies:
    return replies_of(vocabulary)


def parsed(replies: Replies, tokens: list[int]) -> list[Message]:
    parser = StreamableParser(replies.vocabulary.encoding, Role.ASSISTANT)
    for token in tokens:
        parser.process(token)
    parser.process_eos()
    return list(parser.messages)


def text_of(message: Message) -> str:
    return str(message.content[0].text)


@given(schemas=st.lists(argument_schemas, min_size=1, max_size=3), seed=seeds, shape=shapes)
@WALKS
def test_every_call_names_a_declared_function_and_has_valid_arguments(
    replies: Replies, schemas: list[Schema], seed: int, shape: dict[str, object]
) -> None:
    tools = tuple(
        FunctionTool(name=f"tool_{index}", parameters=schema, strict=True)
        for index, schema in enumerate(schemas)
    )
    required = ToolChoice(mode=ToolChoiceMode.REQUIRED)

    tokens = replies.walk(Structure(tools=tools, tool_choice=required, **shape), Random(seed))  # type: ignore[arg-type]  # drawn by field

    calls = [message for message in parsed(replies, tokens) if message.recipient is not None]
    by_recipient = {f"functions.{tool.name}": tool.parameters for tool in tools}
    assert tokens[-1] == ControlToken.CALL
    assert len(calls) == 1 or (len(calls) > 1 and shape["parallel_calls"])
    for call in calls:
        assert call.channel == "commentary"
        schema = by_recipient[call.recipient]
        assert schema is not None
        Draft202012Validator(schema).validate(json.loads(text_of(call)))


@given(schema=argument_schemas, seed=seeds, shape=shapes)
@WALKS
def test_every_json_answer_is_valid(
    replies: Replies, schema: Schema, seed: int, shape: dict[str, object]
) -> None:
    structure = Structure(response_format=JsonSchemaFormat(name="answer", schema=schema), **shape)  # type: ignore[arg-type]  # drawn by field

    tokens = replies.walk(structure, Random(seed))

    *before, answer = parsed(replies, tokens)
    assert tokens[-1] == ControlToken.RETURN
    assert answer.channel == "final"
    assert {message.channel for message in before} <= {"analysis"}
    Draft202012Validator(schema).validate(json.loads(text_of(answer)))


@given(seed=seeds, shape=shapes, response_format=st.sampled_from([TextFormat(), JsonObjectFormat()]))
@WALKS
def test_every_free_choice_ends_in_an_answer_or_a_call(
    replies: Replies, seed: int, shape: dict[str, object], response_format: TextFormat | JsonObjectFormat
) -> None:
    tools = (FunctionTool(name="look_up", parameters={"type": "object"}), CustomTool(name="shell"))
    structure = Structure(tools=tools, response_format=response_format, **shape)  # type: ignore[arg-type]  # drawn by field

    tokens = replies.walk(structure, Random(seed))

    *before, last = parsed(replies, tokens)
    assert all(message.channel in ("analysis", "commentary") for message in before)
    if tokens[-1] == ControlToken.CALL:
        assert last.recipient in ("functions.look_up", "functions.shell")
    else:
        assert (tokens[-1], last.channel) == (ControlToken.RETURN, "final")


@given(schema=argument_schemas, seed=seeds)
@WALKS
def test_control_tokens_are_allowed_in_json_only_where_it_is_complete(
    replies: Replies, schema: Schema, seed: int
) -> None:
    structure = Structure(response_format=JsonSchemaFormat(name="answer", schema=schema), reasoning=False)
    tokens = replies.walk(structure, Random(seed))
    start = tokens.index(ControlToken.MESSAGE) + 1
    constraint = replies.constraint(structure)
    for token in tokens[:start]:
        constraint.accept(token)

    for position in range(start, len(tokens)):
        special = allowed_special(constraint.mask())
        if special:
            json.loads(replies.decode(tokens[start:position]))
            assert special == [ControlToken.RETURN]
        constraint.accept(tokens[position])

    assert constraint.is_finished


@given(budget=st.integers(1, 30), seed=seeds)
@WALKS
def test_a_budget_is_never_overdrawn(replies: Replies, budget: int, seed: int) -> None:
    tokens = replies.walk(Structure(reasoning_budget=budget), Random(seed), wander=60)

    analysis = 0
    if tokens[1:3] == replies.encode("analysis<|message|>"):
        analysis = tokens.index(ControlToken.END) - tokens.index(ControlToken.MESSAGE) - 1
    assert analysis <= budget
