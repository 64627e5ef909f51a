"""gpt-oss's dialect: binds optiq_harmony, and tells the model which day it is. Knows no HTTP."""

from concurrent.futures import Future
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from optiq_harmony.constraint import Constraint, GrammarCompiler
from optiq_harmony.conversation import Conversation, FunctionTool, JsonSchemaFormat
from optiq_harmony.errors import RenderError
from optiq_harmony.grammar import reply_grammar
from optiq_harmony.json_schema import check_schema
from optiq_harmony.parser import Parser
from optiq_harmony.render import Prompt, Renderer
from optiq_harmony.structure import Structure
from optiq_harmony.structure_errors import ConstraintError, GrammarError, SchemaError
from optiq_harmony.tokens import SPECIAL_TOKENS, STOP_TOKENS, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.protocol import UnrenderableConversation, UnsupportedStructure
from optiq_server.engine.constraint import Constraint as EngineConstraint
from optiq_server.engine.errors import ConstraintFailed

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

    def render(self, conversation: Conversation) -> Prompt:
        dated = replace(conversation.system, current_date=self._current_date)
        try:
            return self._renderer.render(replace(conversation, system=dated))
        except RenderError as error:
            raise UnrenderableConversation(error.field, str(error)) from error

    def constraint(self, structure: Structure) -> EngineConstraint | None:
        if structure.is_free:
            return None
        _check_schemas(structure)
        try:
            constraint = self._compiler.result().constraint(reply_grammar(structure))
        except GrammarError as error:
            raise _refusal(error, structure) from error
        return _ReplyConstraint(constraint)

    def parser(self) -> Parser:
        return Parser(self._vocabulary)


class _ReplyConstraint:
    """Harmony's constraint with the engine's error."""

    def __init__(self, constraint: Constraint) -> None:
        self._constraint = constraint

    @property
    def is_finished(self) -> bool:
        return self._constraint.is_finished

    def mask(self) -> NDArray[np.uint32]:
        try:
            return self._constraint.mask()
        except ConstraintError as error:
            raise ConstraintFailed(str(error)) from error

    def forced(self) -> tuple[int, ...]:
        try:
            return self._constraint.forced()
        except ConstraintError as error:
            raise ConstraintFailed(str(error)) from error

    def accept(self, token: int) -> None:
        try:
            self._constraint.accept(token)
        except ConstraintError as error:
            raise ConstraintFailed(str(error)) from error


def _refusal(error: GrammarError, structure: Structure) -> UnsupportedStructure:
    if error.tool is None:
        return UnsupportedStructure(error.reason, in_format=not structure.callable_tools)
    place = next(index for index, tool in enumerate(structure.tools) if tool.name == error.tool)
    return UnsupportedStructure(error.reason, tool=place)


def _check_schemas(structure: Structure) -> None:
    """Raises UnsupportedStructure for the first schema that cannot be enforced, and tells whose it is."""
    for index, tool in enumerate(structure.tools):
        if isinstance(tool, FunctionTool) and tool.strict and tool.parameters is not None:
            try:
                check_schema({"type": "object", **tool.parameters})
            except SchemaError as error:
                raise UnsupportedStructure(str(error), tool=index) from error
    if isinstance(structure.response_format, JsonSchemaFormat):
        try:
            check_schema(structure.response_format.schema)
        except SchemaError as error:
            raise UnsupportedStructure(str(error), in_format=True) from error
