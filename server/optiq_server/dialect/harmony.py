"""gpt-oss's dialect: binds optiq_harmony, and tells the model which day it is. Knows no HTTP."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import date

from optiq_harmony.anatomy import Place, places, reply_start
from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.conversation import Conversation
from optiq_harmony.errors import RenderError
from optiq_harmony.grammar import reply_grammar
from optiq_harmony.parser import Parser
from optiq_harmony.render import Prompt, Renderer
from optiq_harmony.structure import Structure
from optiq_harmony.structure_errors import GrammarError
from optiq_harmony.tokens import SPECIAL_TOKENS, STOP_TOKENS, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.protocol import UnrenderableConversation, UnsupportedStructure
from optiq_server.dialect.reply_constraint import ReplyConstraint, check_schemas
from optiq_server.engine.constraint import Constraint

_MESSAGE_ENDS = STOP_TOKENS | {ControlToken.END}


class HarmonyDialect:
    """Renders and parses harmony. `current_date` is the same for the server's whole life.

    A date that changed at midnight would change the beginning of every prompt, and with it every cached one.
    `compiler` is waited for by the first structured reply: its table takes seconds to build.
    """

    def __init__(
        self, vocabulary: Vocabulary, *, current_date: date, compiler: Future[GrammarCompiler]
    ) -> None:
        self._vocabulary = vocabulary
        self._renderer = Renderer(vocabulary)
        self._current_date = current_date
        self._compiler = compiler

    @property
    def stop_tokens(self) -> frozenset[int]:
        return STOP_TOKENS

    @property
    def message_ends(self) -> frozenset[int]:
        return _MESSAGE_ENDS

    @property
    def control_tokens(self) -> frozenset[int]:
        return SPECIAL_TOKENS

    def token_bytes(self, token: int) -> bytes:
        return self._vocabulary.token_bytes(token)

    def encode_text(self, text: str) -> tuple[int, ...]:
        try:
            return self._vocabulary.encode_text(text)
        except RenderError as error:
            raise UnrenderableConversation(error.field, str(error)) from error

    def encode_written(self, text: str) -> tuple[int, ...]:
        try:
            return self._vocabulary.encode_written(text)
        except RenderError as error:
            raise UnrenderableConversation(error.field, str(error)) from error

    def places(self, tokens: Sequence[int]) -> list[Place]:
        return places(tokens, self._vocabulary.token_bytes)

    def reply_start(self, tokens: Sequence[int]) -> int:
        return reply_start(tokens, self._vocabulary.token_bytes)

    def render(self, conversation: Conversation) -> Prompt:
        dated = replace(conversation.system, current_date=self._current_date)
        try:
            return self._renderer.render(replace(conversation, system=dated))
        except RenderError as error:
            raise UnrenderableConversation(error.field, str(error)) from error

    def constraint(self, structure: Structure) -> Constraint | None:
        if structure.is_free:
            return None
        check_schemas(structure)
        try:
            constraint = self._compiler.result().constraint(reply_grammar(structure))
        except GrammarError as error:
            raise _refusal(error, structure) from error
        return ReplyConstraint(constraint)

    def parser(self, structure: Structure = Structure()) -> Parser:  # noqa: B008  # it is frozen
        return Parser(self._vocabulary)


def _refusal(error: GrammarError, structure: Structure) -> UnsupportedStructure:
    if error.tool is None:
        return UnsupportedStructure(error.reason, in_format=not structure.callable_tools)
    place = next(index for index, tool in enumerate(structure.tools) if tool.name == error.tool)
    return UnsupportedStructure(error.reason, tool=place)
