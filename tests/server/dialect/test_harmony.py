"""gpt-oss's dialect: the date in the prompt, the tokens that end a reply, refusals."""

from concurrent.futures import Future
from datetime import date

import pytest

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.conversation import (
    Conversation,
    CustomTool,
    FunctionTool,
    GrammarSyntax,
    ToolGrammar,
    UserMessage,
)
from optiq_harmony.structure import Structure
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.dialect.protocol import Dialect, UnrenderableConversation, UnsupportedStructure
from tests.server.doubles import Replies


@pytest.fixture(name="dialect")
def _dialect(vocabulary: Vocabulary, compiler: Future[GrammarCompiler]) -> Dialect:
    return HarmonyDialect(vocabulary, current_date=date(2026, 1, 31), compiler=compiler)


def test_the_model_is_told_the_servers_date(dialect: Dialect, replies: Replies) -> None:
    prompt = dialect.render(Conversation(messages=(UserMessage(text="hi"),)))

    assert "Current date: 2026-01-31" in replies.prompt_text(prompt.ids)


def test_boundaries_lie_inside_the_prompt(dialect: Dialect) -> None:
    prompt = dialect.render(Conversation(messages=(UserMessage(text="hi"),)))

    assert list(prompt.boundaries) == sorted(prompt.boundaries)
    assert prompt.boundaries[-1] < len(prompt.ids)


def test_a_reply_ends_at_return_call_and_end_of_text(dialect: Dialect) -> None:
    assert dialect.stop_tokens == {200002, 200012, 199999}


def test_parsers_are_independent(dialect: Dialect, replies: Replies) -> None:
    first, second = dialect.parser(), dialect.parser()

    for token in replies.final("hi"):
        first.feed(token)

    assert first is not second
    assert second.finish() == dialect.parser().finish()


def test_a_text_has_no_control_tokens(dialect: Dialect, replies: Replies) -> None:
    tokens = dialect.encode_text("<|end|> of the text")

    assert dialect.control_tokens.isdisjoint(tokens)
    assert replies.prompt_text(tokens) == "<|end|> of the text"


def test_a_text_without_utf8_is_refused(dialect: Dialect) -> None:
    with pytest.raises(UnrenderableConversation):
        dialect.encode_text("\ud800")


def test_what_cannot_be_rendered_is_refused_by_field(dialect: Dialect) -> None:
    deep: dict[str, object] = {}
    for _ in range(5000):
        deep = {"properties": {"x": deep}}
    tool = FunctionTool(name="f", parameters=deep)

    with pytest.raises(UnrenderableConversation) as caught:
        dialect.render(Conversation(messages=(UserMessage(text="hi"),), tools=(tool,)))

    assert caught.value.field.startswith("tools")


def test_a_grammar_that_does_not_compile_is_refused_by_its_tools_place(dialect: Dialect) -> None:
    bad = CustomTool(name="g", grammar=ToolGrammar(syntax=GrammarSyntax.REGEX, definition="(a"))

    with pytest.raises(UnsupportedStructure) as caught:
        dialect.constraint(Structure(tools=(FunctionTool(name="f"), bad)))

    assert (caught.value.tool, caught.value.in_format) == (1, False)
