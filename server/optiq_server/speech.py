"""How a checkpoint's text becomes tokens, for measuring on it: whole conversations, replies included.

It is to the quantizer what a dialect is to the server.
"""

from collections.abc import Sequence
from pathlib import Path

from optiq_harmony.conversation import Conversation, FunctionTool
from optiq_harmony.errors import VocabularyUnavailable
from optiq_harmony.vocabulary import Vocabulary
from optiq_quant.calibration_text import Speech
from optiq_quant.harmony_speech import HarmonySpeech
from optiq_server.dialect.chat_tokenizer import ChatTokenizer, TemplateRefused, open_chat_tokenizer
from optiq_server.dialect.template_messages import template_messages, template_tools
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.inventory import take_inventory

_HARMONY_ARCHITECTURE = "gpt_oss"


class TemplateSpeech:
    """By the checkpoint's own tokenizer and chat template. The text is trusted: one measures on it."""

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer

    def encode_text(self, text: str) -> Sequence[int]:
        return self._tokenizer.encode(text)

    def encode_chat(self, conversation: Conversation) -> Sequence[int]:
        tools = template_tools(tool for tool in conversation.tools if isinstance(tool, FunctionTool))
        messages = template_messages(conversation.messages)
        try:
            return self._tokenizer.encode(self._tokenizer.render(messages, tools, opens_reply=False))
        except TemplateRefused as error:
            raise ValueError(str(error)) from error


def open_speech(folder: Path, cache_folder: Path) -> Speech:
    """Of the checkpoint in `folder`; harmony's vocabulary lies in `cache_folder`. Raises LoadFailed."""
    inventory = take_inventory(folder)
    if inventory.model_type != _HARMONY_ARCHITECTURE:
        size = inventory.config.get("vocab_size")
        if not isinstance(size, int):
            raise LoadFailed(f"config.json: vocab_size is {size!r}; it must be a positive integer")
        return TemplateSpeech(open_chat_tokenizer(folder, vocabulary_size=size))
    try:
        return HarmonySpeech(Vocabulary.load(cache_folder))
    except VocabularyUnavailable as error:
        raise LoadFailed(str(error)) from error
