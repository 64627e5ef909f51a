from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.conversation import (
    CustomTool,
    FunctionTool,
    GrammarSyntax,
    JsonObjectFormat,
    JsonSchemaFormat,
    ToolGrammar,
)
from optiq_harmony.grammar import reply_grammar
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.structure_errors import ConstraintError, GrammarError
from optiq_harmony.tokens import VOCABULARY_SIZE, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from tests.harmony.constrained import Replies, allowed, is_allowed, replies_of

WEATHER = FunctionTool(
    name="get_current_weather",
    parameters={
        "type": "object",
        "properties": {"location": {"type": "string"}, "format": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["location", "format"],
        "additionalProperties": False,
    },
    strict=True,
)
REPLY = (
    "<|channel|>analysis<|message|>Need the weather in Rome.<|end|><|start|>assistant"
    "<|channel|>commentary to=functions.get_current_weather <|constrain|>json<|message|>"
    '{"location":"Rome, Italy","format":"celsius"}<|call|>'
)
ONE_CALL = Structure(
    tools=(WEATHER,), tool_choice=ToolChoice(mode=ToolChoiceMode.REQUIRED), parallel_calls=False
)


@pytest.fixture(name="replies", scope="module")
def _replies(vocabulary: Vocabulary) -> Replies:
    return replies_of(vocabulary)


def test_a_mask_has_a_bit_for_each_token_and_none_for_others(replies: Replies) -> None:
    mask = replies.constraint(Structure(response_format=JsonObjectFormat(), reasoning=False)).mask()

    assert mask.dtype == np.dtype(np.uint32)
    assert mask.shape == (replies.table.mask_words,)
    assert np.flatnonzero(allowed(mask)).tolist() == [ControlToken.CHANNEL]
    assert replies.table.mask_words == -(-VOCABULARY_SIZE // 32)


def test_forced_tokens_are_what_the_canonical_encoding_of_the_reply_has_there(replies: Replies) -> None:
    tokens = replies.encode(REPLY)
    constraint = replies.constraint(ONE_CALL)
    forced_total = 0

    for position, token in enumerate(tokens):
        forced = constraint.forced()
        forced_total += bool(forced)
        assert tuple(tokens[position : position + len(forced)]) == forced
        constraint.accept(token)

    assert constraint.is_finished
    assert forced_total >= 15


def test_every_forced_token_is_the_only_one_that_keeps_to_the_canonical_text(replies: Replies) -> None:
    constraint = replies.constraint(ONE_CALL)
    for token in replies.encode("<|channel|>commentary to=functions.get"):
        constraint.accept(token)

    forced = constraint.forced()
    for token in forced:
        assert is_allowed(constraint.mask(), token)
        constraint.accept(token)

    assert replies.decode(list(forced)).startswith("_current")


def test_looking_at_masks_and_forced_tokens_changes_nothing(replies: Replies) -> None:
    constraint = replies.constraint(ONE_CALL)

    first = constraint.mask()
    constraint.forced()

    assert np.array_equal(first, constraint.mask())


def test_after_the_end_only_end_of_text_is_allowed(replies: Replies) -> None:
    constraint = replies.constraint(Structure(reasoning=False))
    for token in replies.encode("<|channel|>final<|message|>Yes.<|return|>"):
        assert not constraint.is_finished
        constraint.accept(token)

    assert constraint.is_finished
    assert constraint.forced() == ()
    assert np.flatnonzero(allowed(constraint.mask())).tolist() == [ControlToken.END_OF_TEXT]
    with pytest.raises(ConstraintError, match="complete"):
        constraint.accept(ControlToken.END_OF_TEXT)


def test_a_token_that_is_not_allowed_is_an_error_then_and_from_then_on(replies: Replies) -> None:
    constraint = replies.constraint(ONE_CALL)

    with pytest.raises(ConstraintError) as caught:
        constraint.accept(ControlToken.RETURN)

    assert caught.value.token == ControlToken.RETURN
    assert not constraint.is_finished
    with pytest.raises(ConstraintError):
        constraint.mask()
    with pytest.raises(ConstraintError):
        constraint.forced()


def test_a_copy_goes_its_own_way(replies: Replies) -> None:
    constraint = replies.constraint(Structure(reasoning=False))
    for token in replies.encode("<|channel|>final<|message|>"):
        constraint.accept(token)

    copy = constraint.copy()
    copy.accept(ControlToken.RETURN)

    assert copy.is_finished
    assert not constraint.is_finished
    assert is_allowed(constraint.mask(), ControlToken.RETURN)


def test_a_grammar_that_needs_too_much_work_is_an_error_and_never_a_wrong_mask(replies: Replies) -> None:
    definition = ".*(a.{500}|b.{400}|c.{300}).*(d.{500}).*"
    tool = CustomTool(name="f", grammar=ToolGrammar(syntax=GrammarSyntax.REGEX, definition=definition))
    constraint = replies.constraint(Structure(tools=(tool,), reasoning=False))
    for token in replies.encode(" to=functions.f<|channel|>commentary<|message|>"):
        constraint.accept(token)

    def follow() -> None:
        for token in replies.encode("abcd") * 20:
            constraint.mask()
            constraint.accept(token)

    with pytest.raises(ConstraintError, match="too many expressions") as caught:
        follow()

    assert caught.value.token is None


def test_a_grammar_that_does_not_compile_is_refused(replies: Replies) -> None:
    with pytest.raises(GrammarError) as caught:
        replies.compiler.constraint("start: nowhere")

    assert caught.value.tool is None


def test_a_grammar_beyond_llguidances_bounds_is_refused_in_words_for_a_client(replies: Replies) -> None:
    body = "a? " * 70_000

    with pytest.raises(GrammarError, match="it is too large"):
        replies.compiler.constraint(f'start: {body}\na: "a" | a "b"')


def test_an_object_of_many_optional_properties_works(replies: Replies) -> None:
    properties = {f"p{index}": {"type": "null"} for index in range(800)}
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    structure = Structure(response_format=JsonSchemaFormat(name="x", schema=schema))

    assert replies.admits(structure, '<|channel|>final<|message|>{"p3":null,"p790":null}<|return|>')


def test_compiled_grammars_are_kept_up_to_the_capacity(replies: Replies) -> None:
    compiler = GrammarCompiler(replies.table, capacity=2)
    grammars = [reply_grammar(Structure(reasoning_budget=budget)) for budget in (1, 2, 3)]

    for grammar in grammars:
        compiler.constraint(grammar)

    assert compiler.kept == tuple(grammars[1:])


def test_constraints_of_one_grammar_work_on_several_threads(replies: Replies) -> None:
    def follow(_: int) -> bool:
        return replies.admits(ONE_CALL, REPLY)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(follow, range(16)))
