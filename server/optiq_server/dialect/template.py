"""The dialect of every model but gpt-oss: its own chat template, `<think>` and tool calls. Knows no HTTP.

`Reasoning:` efforts, dates and response formats are gpt-oss's; a template has no place for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optiq_harmony.anatomy import Place
from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.conversation import Conversation, FunctionTool, Tool
from optiq_harmony.errors import LoneSurrogate
from optiq_harmony.renderable import require_unicode
from optiq_harmony.structure import Structure
from optiq_harmony.structure_errors import GrammarError
from optiq_server.dialect.chat_tokenizer import ChatTokenizer, TemplateRefused, open_chat_tokenizer
from optiq_server.dialect.control_text import ControlTextEncoder
from optiq_server.dialect.protocol import UnrenderableConversation, UnsupportedStructure
from optiq_server.dialect.reply_constraint import ReplyConstraint, check_schemas
from optiq_server.dialect.template_grammar import reply_grammar
from optiq_server.dialect.template_messages import template_messages, template_tools
from optiq_server.dialect.template_parser import TemplateParser
from optiq_server.engine.constraint import Constraint


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePrompt:
    """Token ids, and the ascending offsets at which a message is known to end."""

    ids: tuple[int, ...]
    boundaries: tuple[int, ...]


class TemplateDialect:
    """Renders and parses by what the checkpoint's tokenizer says."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer
        self._format = tokenizer.reply_format
        self._control_tokens = frozenset(tokenizer.control_tokens)
        self._encoder = ControlTextEncoder(tokenizer.control_tokens, tokenizer.encode)
        self._compiler = GrammarCompiler(tokenizer.table)

    @property
    def stop_tokens(self) -> frozenset[int]:
        return self._format.stop_tokens

    @property
    def message_ends(self) -> frozenset[int]:
        return self._format.stop_tokens

    @property
    def control_tokens(self) -> frozenset[int]:
        return self._control_tokens

    def token_bytes(self, token: int) -> bytes:
        return self._tokenizer.token_bytes(token)

    def encode_text(self, text: str) -> tuple[int, ...]:
        try:
            require_unicode(text, field="text")
            breaker = self._encoder.breaker_for(text)
            return self._encoder.encode(str(self._encoder.guarded(text, breaker)), breaker)
        except (LoneSurrogate, ValueError) as error:
            raise UnrenderableConversation("text", str(error)) from error

    def encode_written(self, text: str) -> tuple[int, ...]:
        try:
            require_unicode(text, field="text")
            return tuple(self._tokenizer.encode(text))
        except (LoneSurrogate, ValueError) as error:
            raise UnrenderableConversation("text", str(error)) from error

    def places(self, tokens: Sequence[int]) -> list[Place]:
        """Messages end behind a stop token; how a template writes roles is its own affair."""
        places, message = [], 0
        for token in tokens:
            places.append(Place(message=message))
            message += token in self._format.stop_tokens
        return places

    def reply_start(self, tokens: Sequence[int]) -> int:
        """All is taken as a reply: where a template begins one cannot be told."""
        return 0

    def render(self, conversation: Conversation) -> TemplatePrompt:
        parts = [template_messages(conversation.messages), template_tools(_functions(conversation.tools))]
        try:
            breaker = self._encoder.breaker_for(parts)
            messages, tools = (self._encoder.guarded(part, breaker) for part in parts)
            rendered = self._tokenizer.render(messages, tools)
            require_unicode(rendered, field="messages")
            ids = self._encoder.encode(rendered, breaker)
        except (TemplateRefused, LoneSurrogate, ValueError) as error:
            raise UnrenderableConversation("messages", str(error)) from error
        return TemplatePrompt(ids=ids, boundaries=self._boundaries(ids))

    def constraint(self, structure: Structure) -> Constraint | None:
        check_schemas(structure)
        grammar = reply_grammar(structure, self._format)
        if grammar is None:
            return None
        try:
            return ReplyConstraint(self._compiler.constraint(grammar))
        except GrammarError as error:
            in_format = not structure.callable_tools
            raise UnsupportedStructure(error.reason, in_format=in_format) from error

    def parser(self, structure: Structure = Structure()) -> TemplateParser:  # noqa: B008  # it is frozen
        functions = (tool for tool in structure.callable_tools if isinstance(tool, FunctionTool))
        return TemplateParser(self._tokenizer, self._format, template_tools(functions))

    def _boundaries(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """Behind each stop token: templates end messages as the model ends its own. Others are not known."""
        return tuple(offset + 1 for offset, token in enumerate(ids) if token in self._format.stop_tokens)


def _functions(tools: Sequence[Tool]) -> list[FunctionTool]:
    """Raises UnrenderableConversation for a custom tool: templates know none."""
    functions = []
    for index, tool in enumerate(tools):
        if not isinstance(tool, FunctionTool):
            reason = f"{tool.name!r} is a custom tool; this model calls functions only"
            raise UnrenderableConversation(f"tools[{index}]", reason)
        functions.append(tool)
    return functions


def open_template_dialect(folder: Path, *, vocabulary_size: int) -> TemplateDialect:
    """The dialect of the checkpoint in `folder`. Raises LoadFailed."""
    return TemplateDialect(open_chat_tokenizer(folder, vocabulary_size=vocabulary_size))
