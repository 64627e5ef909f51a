"""A checkpoint's own tokenizer and chat template, as mlx-lm finds them in its folder. The border to mlx-lm.

Importing it takes seconds. What it gives is immutable, and may be used by any thread.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_lm.utils import load_config, load_tokenizer

from optiq_harmony.constraint import TokenTable
from optiq_server.dialect.markers import marker_of
from optiq_server.dialect.template_parser import ReplyFormat
from optiq_server.dialect.tool_text import ToolFormat
from optiq_server.engine.errors import LoadFailed

_JSON_CALLS = "json_tools"
"""mlx-lm's name of the parser for `{"name": ..., "arguments": {...}}`."""

_BRACKETS = ("<", "[")
"""What the written forms of control tokens begin with; a word in a template may have a token of its own."""

_PROBE = [{"role": "user", "content": "Hi"}]

_FIRST_WORDS = 2_000
"""Ids among which every vocabulary has a word with a space before it."""


class TemplateRefused(Exception):
    """The template does not take this conversation; the message is one line for who sent it."""


class ChatTokenizer:
    """Made by `open_chat_tokenizer`."""

    def __init__(self, tokenizer: TokenizerWrapper, *, vocabulary_size: int) -> None:
        self._tokenizer = tokenizer
        # Hugging Face's own encode() sets truncation and padding first, which two threads cannot do at once.
        self._backend = tokenizer.backend_tokenizer
        stop_tokens = frozenset(map(int, tokenizer.eos_token_ids))
        self._table = TokenTable.of_tokenizer(
            self._backend.to_str(), vocabulary_size=vocabulary_size, end_token=min(stop_tokens)
        )
        self._size = vocabulary_size
        self._control_tokens = self._find_control_tokens()
        self._reply_format = self._find_reply_format(stop_tokens)

    @property
    def table(self) -> TokenTable:
        """The vocabulary, for constraints."""
        return self._table

    @property
    def control_tokens(self) -> Mapping[int, str]:
        """The tokens that structure a conversation, by id, with their written forms."""
        return self._control_tokens

    @property
    def reply_format(self) -> ReplyFormat:
        return self._reply_format

    def token_bytes(self, token: int) -> bytes:
        """The bytes of `token`; of a control token its written form. Raises IndexError."""
        # Models' vocabularies are padded: behind its last token the tokenizer knows none.
        if not 0 <= token < self._size or self._backend.id_to_token(token) is None:
            raise IndexError(token)
        return bytes(self._table.tokenizer.decode_bytes([token]))

    def encode(self, text: str) -> Sequence[int]:
        """The tokens of `text`, in which written forms of control tokens become these. Raises ValueError."""
        ids: list[int] = self._backend.encode(text, add_special_tokens=False).ids
        return ids

    def render(self, messages: object, tools: object, *, opens_reply: bool = True) -> str:
        """The conversation as text, up to where the next reply begins. Raises TemplateRefused."""
        try:
            rendered = self._tokenizer.apply_chat_template(
                messages, tools=tools or None, add_generation_prompt=opens_reply, tokenize=False
            )
        except (TemplateError, ValueError, TypeError, LookupError, AttributeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise TemplateRefused(f"this model's chat template does not take it: {reason}") from error
        return str(rendered)

    def _find_control_tokens(self) -> Mapping[int, str]:
        """Special tokens, and those in brackets that the template or the marks of replies are written with.

        Other added tokens are text that got a token of its own: runs of spaces, words, HTML.
        """
        template = self._tokenizer.chat_template
        marks = (self._tokenizer.think_start, self._tokenizer.think_end)
        calls = (self._tokenizer.tool_call_start, self._tokenizer.tool_call_end)
        written = " ".join(each for each in (template, *marks, *calls) if isinstance(each, str))
        added: Mapping[int, Any] = self._backend.get_added_tokens_decoder()
        return {
            token: each.content
            for token, each in sorted(added.items())
            if each.content.strip()
            and (each.special or (each.content.startswith(_BRACKETS) and each.content in written))
        }

    def _find_reply_format(self, stop_tokens: frozenset[int]) -> ReplyFormat:
        tokenizer, control = self._tokenizer, self._control_tokens
        opens_in_reasoning, think = False, None
        if tokenizer.has_thinking:
            think = (marker_of(tokenizer.think_start, control), marker_of(tokenizer.think_end, control))
            prompt = self.render(_PROBE, None)
            opens_in_reasoning = prompt.rfind(tokenizer.think_start) > prompt.rfind(tokenizer.think_end)
        return ReplyFormat(
            stop_tokens=stop_tokens,
            think=think,
            tools=self._find_tool_format(),
            opens_in_reasoning=opens_in_reasoning,
            noise=tuple(marker_of(text, control) for text in tokenizer.structural_markers),
            drops_first_space=self._drops_first_space(),
        )

    def _find_tool_format(self) -> ToolFormat | None:
        tokenizer, control = self._tokenizer, self._control_tokens
        if not tokenizer.has_tool_calling:
            return None
        end = tokenizer.tool_call_end
        return ToolFormat(
            start=marker_of(tokenizer.tool_call_start, control),
            end=marker_of(end, control) if end else None,
            parse=tokenizer.tool_parser,
            is_json=tokenizer.init_kwargs.get("tool_parser_type") == _JSON_CALLS,
        )

    def _drops_first_space(self) -> bool:
        """Whether decoding drops the space before a text's first word, as SentencePiece does."""
        for token in range(min(_FIRST_WORDS, self._size)):
            spelled = self._table.tokenizer.decode_bytes([token])
            if spelled.startswith(b" ") and spelled.strip().isalpha():
                return not self._backend.decode([token]).startswith(" ")
        return False


def open_chat_tokenizer(folder: Path, *, vocabulary_size: int) -> ChatTokenizer:
    """The tokenizer in `folder`, for a model of so many logits. Raises LoadFailed."""
    try:
        tokenizer = load_tokenizer(folder, eos_token_ids=load_config(folder).get("eos_token_id"))
        _require(folder, tokenizer)
        return ChatTokenizer(tokenizer, vocabulary_size=vocabulary_size)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, ImportError, TemplateRefused) as error:
        reason = " ".join(str(error).split())[:300]
        raise LoadFailed(f"the tokenizer in {folder} cannot be used: {reason}") from error


def _require(folder: Path, tokenizer: TokenizerWrapper) -> None:
    """Raises LoadFailed for what would have to be guessed."""
    if not tokenizer.has_chat_template:
        raise LoadFailed(f"{folder} has no chat template: only chat models can be served")
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise LoadFailed(
            f"{folder} has a tokenizer in Python code, which cannot be used; it needs tokenizer.json"
        )
    if not tokenizer.eos_token_ids:
        raise LoadFailed(f"{folder} names no end token (eos_token_id)")
    if tokenizer.response_transitions:
        raise LoadFailed(
            f"{folder} is of a family whose replies have a form of their own, which is not known here"
        )
