"""Tokenizers and chat templates in small: a vocabulary of bytes, and the control tokens that a test wants."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from optiq_server.dialect.chat_tokenizer import ChatTokenizer, open_chat_tokenizer

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
THINK = ("<think>", "</think>")
TOOLS = ("<tool_call>", "</tool_call>")

VOCABULARY_SIZE = 320
"""More than any of the tokenizers has: models' vocabularies are padded."""

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHAT_THAT_OPENS_REASONING = CHAT.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
CHAT_WITH_TOOLS = (
    "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n"
    "{% endif %}{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for tool_call in message.tool_calls %}<tool_call>\n"
    '{"name": "{{ tool_call.function.name }}", "arguments": {{ tool_call.function.arguments | tojson }}}'
    "\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}{# tool_call.name #}"
)
CHAT_WITH_MISTRAL_TOOLS = CHAT + "{# [TOOL_CALLS] #}"
CHAT_WITH_XML_TOOLS = CHAT + "{# <tool_call>\n<function= #}"


def byte_tokenizer(added: Sequence[str] = ()) -> Tokenizer:
    """A token for each byte, the special ones, and `added` ones that are not special, as Qwen's are."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={each: index for index, each in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.add_tokens([AddedToken(each, special=False, normalized=False) for each in added])
    return tokenizer


def write_checkpoint(
    folder: Path, tokenizer: Tokenizer, *, template: str | None, config: Mapping[str, object] | None = None
) -> Path:
    """What of a checkpoint a dialect reads."""
    tokenizer.save(str(folder / "tokenizer.json"))
    options = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(options))
    stated = {"model_type": "llama", "eos_token_id": 258} if config is None else config
    (folder / "config.json").write_text(json.dumps(stated))
    return folder


@cache
def chat_tokenizer(template: str, added: tuple[str, ...] = ()) -> ChatTokenizer:
    """The tokenizer of a checkpoint with this template."""
    with TemporaryDirectory() as folder:
        checkpoint = write_checkpoint(Path(folder), byte_tokenizer(added), template=template)
        return open_chat_tokenizer(checkpoint, vocabulary_size=VOCABULARY_SIZE)
