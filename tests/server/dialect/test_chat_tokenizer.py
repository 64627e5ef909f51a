from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from optiq_server.dialect.chat_tokenizer import TemplateRefused, open_chat_tokenizer
from optiq_server.dialect.markers import Marker
from optiq_server.engine.errors import LoadFailed
from tests.server.dialect.chat_checkpoints import (
    CHAT,
    CHAT_THAT_OPENS_REASONING,
    CHAT_WITH_MISTRAL_TOOLS,
    CHAT_WITH_TOOLS,
    CHAT_WITH_XML_TOOLS,
    SPECIAL,
    THINK,
    TOOLS,
    VOCABULARY_SIZE,
    byte_tokenizer,
    chat_tokenizer,
    write_checkpoint,
)


def test_tokens_stand_for_their_bytes_and_control_tokens_for_their_written_form() -> None:
    tokenizer = chat_tokenizer(CHAT)
    ids = tokenizer.encode("Grüße, 世界 🙂<|im_end|>")

    assert b"".join(map(tokenizer.token_bytes, ids)).decode() == "Grüße, 世界 🙂<|im_end|>"
    assert ids[-1] == 258


@pytest.mark.parametrize("token", [-1, 300, VOCABULARY_SIZE])
def test_an_id_outside_the_vocabulary_has_no_bytes(token: int) -> None:
    with pytest.raises(IndexError):
        chat_tokenizer(CHAT).token_bytes(token)


def test_special_tokens_and_those_that_the_template_writes_are_control_tokens_and_words_are_not() -> None:
    tokenizer = chat_tokenizer(CHAT_WITH_TOOLS, (*TOOLS, *THINK, "<h1>", "   ", "assistant"))

    assert set(tokenizer.control_tokens.values()) == {*SPECIAL, *TOOLS, *THINK}


def test_the_marks_of_reasoning_are_found_in_the_vocabulary() -> None:
    think = chat_tokenizer(CHAT, THINK).reply_format.think

    assert think == (Marker(text="<think>", parts=(259,)), Marker(text="</think>", parts=(260,)))
    assert chat_tokenizer(CHAT).reply_format.think is None


def test_marks_of_several_tokens_have_their_parts() -> None:
    think = chat_tokenizer(CHAT, ("<|channel>", "<channel|>")).reply_format.think

    assert think is not None
    assert think[0] == Marker(text="<|channel>thought", parts=(259, "thought"))
    assert think[0].token is None


def test_a_prompt_that_opens_reasoning_is_noticed() -> None:
    assert chat_tokenizer(CHAT_THAT_OPENS_REASONING, THINK).reply_format.opens_in_reasoning
    assert not chat_tokenizer(CHAT, THINK).reply_format.opens_in_reasoning


def test_the_format_of_calls_is_found_in_the_template() -> None:
    json_tools = chat_tokenizer(CHAT_WITH_TOOLS, TOOLS).reply_format.tools
    xml_tools = chat_tokenizer(CHAT_WITH_XML_TOOLS, TOOLS).reply_format.tools
    mistral_tools = chat_tokenizer(CHAT_WITH_MISTRAL_TOOLS).reply_format.tools

    assert json_tools
    assert json_tools.is_json
    assert json_tools.start == Marker(text="<tool_call>", parts=(259,))
    assert xml_tools
    assert not xml_tools.is_json
    assert mistral_tools
    assert mistral_tools.end is None
    assert chat_tokenizer(CHAT).reply_format.tools is None


def test_a_mark_that_is_no_token_is_text() -> None:
    tools = chat_tokenizer(CHAT_WITH_TOOLS).reply_format.tools

    assert tools
    assert tools.start == Marker(text="<tool_call>", parts=("<tool_call>",))


def test_stop_tokens_are_those_that_the_checkpoint_names(tmp_path: Path) -> None:
    config = {"model_type": "llama", "eos_token_id": 258}
    folder = write_checkpoint(tmp_path, byte_tokenizer(), template=CHAT, config=config)
    (folder / "generation_config.json").write_text('{"eos_token_id": [256, 258]}')

    tokenizer = open_chat_tokenizer(folder, vocabulary_size=VOCABULARY_SIZE)

    assert tokenizer.reply_format.stop_tokens == {256, 258}


def test_sentence_pieces_begin_a_reply_without_their_first_space(tmp_path: Path) -> None:
    pieces = {"<s>": 0, "▁": 1, "h": 2, "i": 3, "▁h": 4, "▁hi": 5, "<0xE2>": 6, "<unk>": 7}
    merges = [("▁", "h"), ("▁h", "i")]
    tokenizer = Tokenizer(models.BPE(vocab=pieces, merges=merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    strip = decoders.Strip(content=" ", left=1)
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), strip]
    tokenizer.decoder = decoders.Sequence(parts)
    tokenizer.add_special_tokens([AddedToken("<s>", special=True)])
    config = {"model_type": "llama", "eos_token_id": 0}
    write_checkpoint(tmp_path, tokenizer, template=CHAT, config=config)

    opened = open_chat_tokenizer(tmp_path, vocabulary_size=8)

    assert opened.reply_format.drops_first_space
    assert opened.token_bytes(5) == b" hi"
    assert opened.token_bytes(6) == b"\xe2"
    assert not chat_tokenizer(CHAT).reply_format.drops_first_space


def test_a_template_that_refuses_tells_why() -> None:
    tokenizer = chat_tokenizer("{{ raise_exception('roles must alternate') }}")

    with pytest.raises(TemplateRefused, match="roles must alternate"):
        tokenizer.render([{"role": "user", "content": "hi"}], None)


@pytest.mark.parametrize(
    ("template", "config", "reason"),
    [
        (None, {"model_type": "llama", "eos_token_id": 258}, "has no chat template"),
        (CHAT, {"model_type": "llama"}, "names no end token"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(
    tmp_path: Path, template: str | None, config: dict[str, object], reason: str
) -> None:
    write_checkpoint(tmp_path, byte_tokenizer(), template=template, config=config)

    with pytest.raises(LoadFailed, match=reason) as refused:
        open_chat_tokenizer(tmp_path, vocabulary_size=VOCABULARY_SIZE)

    assert "\n" not in str(refused.value)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama", "eos_token_id": 2}')

    with pytest.raises(LoadFailed, match="the tokenizer in"):
        open_chat_tokenizer(tmp_path, vocabulary_size=VOCABULARY_SIZE)
