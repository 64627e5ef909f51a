import pytest

from optiq_harmony.conversation import (
    CustomTool,
    FunctionTool,
    GrammarSyntax,
    JsonObjectFormat,
    JsonSchema,
    JsonSchemaFormat,
    ToolGrammar,
)
from optiq_harmony.grammar import reply_grammar
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.structure_errors import GrammarError, SchemaError
from optiq_harmony.vocabulary import Vocabulary
from tests.harmony.constrained import NEXT, PREAMBLE, THOUGHT, Replies, replies_of

CITY: JsonSchema = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = FunctionTool(name="weather", parameters=CITY, strict=True)
WEATHER_MAP = FunctionTool(name="weather_map", parameters={"type": "object"})
SHELL = CustomTool(name="shell")

REQUIRED = ToolChoice(mode=ToolChoiceMode.REQUIRED)
NONE = ToolChoice(mode=ToolChoiceMode.NONE)

FINAL = "<|channel|>final<|message|>It rains.<|return|>"
CALL = '<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{"city":"Rome"}'
ROME = '{"city": "Rome"}'


@pytest.fixture(name="replies", scope="module")
def _replies(vocabulary: Vocabulary) -> Replies:
    return replies_of(vocabulary)


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>commentary to=functions.weather <|constrain|>json",
        "<|channel|>commentary to=functions.weather<|constrain|>json",
        "<|channel|>commentary to=functions.weather",
        " to=functions.weather<|channel|>commentary <|constrain|>json",
        " to=functions.weather<|channel|>commentary",
    ],
)
def test_a_call_is_admitted_in_every_form_that_the_model_was_trained_on(
    replies: Replies, header: str
) -> None:
    structure = Structure(tools=(WEATHER, WEATHER_MAP))

    assert replies.admits(structure, f"{THOUGHT}{header}<|message|>{ROME}<|call|>")


def test_auto_admits_an_answer_and_a_call_with_reasoning_and_preamble_or_without(replies: Replies) -> None:
    structure = Structure(tools=(WEATHER,))

    for before in ("", THOUGHT, THOUGHT + THOUGHT, PREAMBLE, THOUGHT + PREAMBLE + THOUGHT):
        assert replies.admits(structure, before + FINAL)
        assert replies.admits(structure, f"{before}{CALL}<|call|>")


def test_required_refuses_an_answer(replies: Replies) -> None:
    structure = Structure(tools=(WEATHER,), tool_choice=REQUIRED)

    assert replies.admits(structure, f"{THOUGHT}{PREAMBLE}{CALL}<|call|>")
    assert not replies.admits(structure, THOUGHT + FINAL)


def test_none_refuses_calls_and_preambles(replies: Replies) -> None:
    structure = Structure(tools=(WEATHER,), tool_choice=NONE)

    assert replies.admits(structure, THOUGHT + FINAL)
    assert not replies.admits(structure, f"{THOUGHT}{CALL}<|call|>")
    assert not replies.admits(structure, PREAMBLE + FINAL)


def test_only_the_chosen_functions_can_be_called(replies: Replies) -> None:
    choice = ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({"weather_map"}))
    structure = Structure(tools=(WEATHER, WEATHER_MAP, SHELL), tool_choice=choice)

    assert replies.admits(structure, " to=functions.weather_map<|channel|>commentary<|message|>{}<|call|>")
    assert not replies.admits(structure, f"{CALL}<|call|>")


def test_an_undeclared_function_cannot_be_called(replies: Replies) -> None:
    structure = Structure(tools=(WEATHER,))

    for recipient in ("functions.snow", "functions.weathe", "functions.weather2", "weather", "python"):
        reply = f"<|channel|>commentary to={recipient}<|message|>{ROME}<|call|>"
        assert not replies.admits(structure, reply), recipient


def test_parallel_calls_follow_each_other_and_the_last_ends_the_reply(replies: Replies) -> None:
    two = f"{CALL}{NEXT}{CALL}<|call|>"

    assert replies.admits(Structure(tools=(WEATHER,)), two)
    assert not replies.admits(Structure(tools=(WEATHER,), parallel_calls=False), two)
    assert not replies.admits(Structure(tools=(WEATHER,)), f"{CALL}{NEXT}{FINAL}")


def test_an_answer_ends_in_return_and_a_call_in_call(replies: Replies) -> None:
    structure = Structure(tools=(WEATHER,))

    assert not replies.admits(structure, "<|channel|>final<|message|>It rains.<|call|>")
    assert not replies.admits(structure, f"{CALL}<|return|>")
    assert not replies.admits(structure, "<|channel|>final<|message|>It rains.<|end|>")


def test_strict_arguments_match_their_schema(replies: Replies) -> None:
    structure = Structure(tools=(WEATHER,), tool_choice=REQUIRED)
    header = " to=functions.weather<|channel|>commentary<|message|>"

    assert replies.admits(structure, header + '{"city": "Rome", "days": 3}<|call|>')
    for wrong in ('{"days": 3}', '{"city": 3}', '{"city": "Rome", "hours": 3}', "[]", '{"city": "Rome"'):
        assert not replies.admits(structure, f"{header}{wrong}<|call|>"), wrong


def test_other_arguments_match_what_can_be_enforced_of_their_schema(replies: Replies) -> None:
    parameters = {"properties": {"size": {"type": "integer"}, "tag": {"not": {"type": "null"}}}}
    structure = Structure(tools=(FunctionTool(name="f", parameters=parameters),))
    header = " to=functions.f<|channel|>commentary<|message|>"

    assert replies.admits(structure, header + '{"size": 3, "tag": null, "more": [1, {}]}<|call|>')
    assert not replies.admits(structure, header + '{"size": "large"}<|call|>')
    assert not replies.admits(structure, header + "[]<|call|>")


def test_arguments_whose_schema_is_useless_are_any_object(replies: Replies) -> None:
    structure = Structure(tools=(FunctionTool(name="f", parameters={"properties": 3}),))

    assert replies.admits(structure, ' to=functions.f<|channel|>commentary<|message|>{"a": [1]}<|call|>')
    assert not replies.admits(structure, " to=functions.f<|channel|>commentary<|message|>3<|call|>")


def test_a_function_without_parameters_takes_the_empty_object(replies: Replies) -> None:
    structure = Structure(tools=(FunctionTool(name="now"),))

    assert replies.admits(structure, " to=functions.now<|channel|>commentary<|message|>{}<|call|>")
    assert not replies.admits(structure, ' to=functions.now<|channel|>commentary<|message|>{"a":1}<|call|>')


@pytest.mark.parametrize("header", ["<|channel|>final", "<|channel|>final <|constrain|>json"])
def test_a_json_answer_matches_its_schema_with_and_without_constrain(replies: Replies, header: str) -> None:
    structure = Structure(response_format=JsonSchemaFormat(name="place", schema=CITY))

    assert replies.admits(structure, f"{THOUGHT}{header}<|message|>{ROME}<|return|>")
    assert not replies.admits(structure, f"{THOUGHT}{header}<|message|>Rome<|return|>")
    assert not replies.admits(structure, f"{THOUGHT}{header}<|message|>{{}}<|return|>")


def test_a_json_object_answer_is_any_object(replies: Replies) -> None:
    structure = Structure(response_format=JsonObjectFormat())

    assert replies.admits(structure, '<|channel|>final<|message|>{"a": [null, 1.5e3, "x"]}<|return|>')
    assert not replies.admits(structure, "<|channel|>final<|message|>[1]<|return|>")


def test_a_json_answer_has_no_preamble_that_would_mix_with_it(replies: Replies) -> None:
    json_or_call = Structure(tools=(WEATHER,), response_format=JsonObjectFormat())
    call_only = Structure(tools=(WEATHER,), response_format=JsonObjectFormat(), tool_choice=REQUIRED)

    assert not replies.admits(json_or_call, PREAMBLE + "<|channel|>final<|message|>{}<|return|>")
    assert replies.admits(json_or_call, f"{THOUGHT}{CALL}<|call|>")
    assert replies.admits(call_only, f"{PREAMBLE}{CALL}<|call|>")


@pytest.mark.parametrize(
    ("json_text", "admitted"),
    [
        ('{"city":"Rome"}', True),
        ('{"city": "Rome", "days": 3}', True),
        ('{\n  "city": "Rome",\n  "days": 3\n}', True),
        ('{"city":  "Rome"}', False),
        ('{\n\n"city": "Rome"}', False),
        ('{"city":\t"Rome"}', False),
    ],
)
def test_white_space_between_json_tokens_is_bounded(replies: Replies, json_text: str, admitted: bool) -> None:
    structure = Structure(response_format=JsonSchemaFormat(name="place", schema=CITY))

    assert replies.admits(structure, f"<|channel|>final<|message|>{json_text}<|return|>") is admitted


def test_without_reasoning_the_answer_comes_first_and_its_header_is_forced(replies: Replies) -> None:
    structure = Structure(reasoning=False)

    forced = replies.constraint(structure).forced()

    assert replies.decode(list(forced)) == "<|channel|>final<|message|>"
    assert not replies.admits(structure, THOUGHT + FINAL)


def test_a_budget_closes_the_analysis_after_so_many_tokens(replies: Replies) -> None:
    structure = Structure(reasoning_budget=4)
    constraint = replies.constraint(structure)
    for token in replies.encode("<|channel|>analysis<|message|> one two three four"):
        constraint.accept(token)

    forced = constraint.forced()

    assert replies.decode(list(forced)) == f"{NEXT}<|channel|>final<|message|>"


def test_within_the_budget_the_model_closes_its_analysis_itself(replies: Replies) -> None:
    structure = Structure(tools=(WEATHER,), reasoning_budget=100)

    assert replies.admits(structure, PREAMBLE + THOUGHT + PREAMBLE + FINAL)
    assert not replies.admits(structure, THOUGHT + THOUGHT + FINAL)


def test_a_budget_of_nothing_leaves_no_analysis(replies: Replies) -> None:
    assert not replies.admits(Structure(reasoning_budget=0), THOUGHT + FINAL)


def test_written_markup_is_text_and_control_tokens_are_not(replies: Replies) -> None:
    structure = Structure(tools=(SHELL,))
    quoted = replies.vocabulary.encode_text("a <|end|> b")
    opening = replies.encode(" to=functions.shell<|channel|>commentary<|message|>")
    constraint = replies.constraint(structure)

    for token in (*opening, *quoted, *replies.encode("<|call|>")):
        constraint.accept(token)

    assert constraint.is_finished
    assert not replies.admits(
        structure, " to=functions.shell<|channel|>commentary<|message|>a<|start|>b<|call|>"
    )


def test_a_custom_tool_takes_any_text(replies: Replies) -> None:
    structure = Structure(tools=(SHELL,))

    assert replies.admits(structure, "<|channel|>commentary to=functions.shell<|message|>ls -l\n\n<|call|>")


@pytest.mark.parametrize(
    ("syntax", "definition"),
    [
        (GrammarSyntax.LARK, 'start: NUMBER ("+" NUMBER)*\nNUMBER: /[0-9]+/'),
        (GrammarSyntax.REGEX, r"\d+(\+\d+)*"),
    ],
)
def test_a_custom_tools_grammar_holds(replies: Replies, syntax: GrammarSyntax, definition: str) -> None:
    tool = CustomTool(name="add", grammar=ToolGrammar(syntax=syntax, definition=definition))
    structure = Structure(tools=(WEATHER, tool))
    header = " to=functions.add<|channel|>commentary<|message|>"

    assert replies.admits(structure, header + "1+22+333<|call|>")
    assert not replies.admits(structure, header + "1-2<|call|>")


@pytest.mark.parametrize(
    ("syntax", "definition"),
    [
        (GrammarSyntax.LARK, "start: nowhere"),
        (GrammarSyntax.LARK, 'start: "a" <|call|>'),
        (GrammarSyntax.LARK, 'start: "a" <[200012]>'),
        (GrammarSyntax.LARK, "start: @body_1"),
        (GrammarSyntax.LARK, 'start: %json {"type": "string"}'),
        (GrammarSyntax.LARK, '%llguidance {"no_forcing": true}\nstart: "a"'),
        (GrammarSyntax.LARK, "start: r0\n" + "".join(f"r{n}: r{n + 1}\n" for n in range(900)) + 'r900: "a"'),
        (GrammarSyntax.REGEX, "(a"),
        (GrammarSyntax.REGEX, "(?=a)b"),
    ],
)
def test_a_bad_grammar_of_a_custom_tool_is_refused_by_the_tools_name(
    syntax: GrammarSyntax, definition: str
) -> None:
    tool = CustomTool(name="add", grammar=ToolGrammar(syntax=syntax, definition=definition))

    with pytest.raises(GrammarError) as caught:
        reply_grammar(Structure(tools=(tool,)))

    assert caught.value.tool == "add"


def test_less_than_signs_inside_literals_of_a_grammar_are_text(replies: Replies) -> None:
    definition = 'start: "<" TAG ">" // not <|call|>\nTAG: /[<a-z]+/'
    tool = CustomTool(name="tag", grammar=ToolGrammar(syntax=GrammarSyntax.LARK, definition=definition))

    assert replies.admits(
        Structure(tools=(tool,)), " to=functions.tag<|channel|>commentary<|message|><br><|call|>"
    )


def test_a_strict_schema_that_cannot_be_enforced_is_refused() -> None:
    tool = FunctionTool(name="f", parameters={"properties": {"size": {"not": {}}}}, strict=True)

    with pytest.raises(SchemaError) as caught:
        reply_grammar(Structure(tools=(tool,)))

    assert caught.value.path == "properties.size.not"


def test_a_custom_tools_grammar_may_ignore_and_import(replies: Replies) -> None:
    definition = "%import common.INT\n%ignore / +/\nstart: INT INT"
    tool = CustomTool(name="two", grammar=ToolGrammar(syntax=GrammarSyntax.LARK, definition=definition))
    structure = Structure(tools=(tool,))

    assert replies.admits(structure, " to=functions.two<|channel|>commentary<|message|>1 2<|call|>")


def test_equal_structures_have_equal_grammars() -> None:
    assert reply_grammar(Structure(tools=(WEATHER,))) == reply_grammar(Structure(tools=(WEATHER,)))
