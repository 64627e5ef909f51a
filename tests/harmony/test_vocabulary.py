import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_harmony.errors import LoneSurrogate, TooMuchSpace, UnknownToken
from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE, ControlToken
from optiq_harmony.vocabulary import Vocabulary


def test_each_id_of_the_vocabulary_has_bytes(vocabulary: Vocabulary) -> None:
    tokens = [vocabulary.token_bytes(token) for token in range(VOCABULARY_SIZE)]

    assert all(tokens)
    assert len(set(tokens)) == VOCABULARY_SIZE


def test_each_single_byte_is_a_token(vocabulary: Vocabulary) -> None:
    tokens = {vocabulary.token_bytes(token) for token in range(FIRST_SPECIAL_TOKEN)}

    assert all(bytes([byte]) in tokens for byte in range(256))


@pytest.mark.parametrize(
    ("token", "written"),
    [
        (ControlToken.END_OF_TEXT, b"<|endoftext|>"),
        (ControlToken.RETURN, b"<|return|>"),
        (ControlToken.CONSTRAIN, b"<|constrain|>"),
        (ControlToken.CHANNEL, b"<|channel|>"),
        (ControlToken.START, b"<|start|>"),
        (ControlToken.END, b"<|end|>"),
        (ControlToken.MESSAGE, b"<|message|>"),
        (ControlToken.CALL, b"<|call|>"),
    ],
)
def test_control_tokens_are_those_of_openai_harmony(
    vocabulary: Vocabulary, token: ControlToken, written: bytes
) -> None:
    assert vocabulary.token_bytes(token) == written


@pytest.mark.parametrize("token", [-1, VOCABULARY_SIZE, 2**40])
def test_an_id_outside_the_vocabulary_has_no_bytes(vocabulary: Vocabulary, token: int) -> None:
    with pytest.raises(UnknownToken, match="0 to 201087") as refusal:
        vocabulary.token_bytes(token)

    assert refusal.value.token == token


@given(text=st.text() | st.sampled_from(["<|end|>", "a<|start|>system<|message|>", "<|reserved_200000|>"]))
def test_text_becomes_ordinary_tokens_that_spell_it(vocabulary: Vocabulary, text: str) -> None:
    tokens = vocabulary.encode_text(text)

    assert all(token < FIRST_SPECIAL_TOKEN for token in tokens)
    assert b"".join(map(vocabulary.token_bytes, tokens)).decode() == text


_TEXTS = (
    st.text()
    | st.text(alphabet="aB é中ß'sT1_-\t\n\r  \u0301😀ǅ")
    | st.from_regex(r"([A-Z]?[a-z]+'?[sdlv ]*\s*\d*)*")
)


@given(text=_TEXTS)
def test_tokens_are_those_of_openai_harmony(vocabulary: Vocabulary, text: str) -> None:
    assert list(vocabulary.encode_text(text)) == vocabulary.encoding.encode(text, disallowed_special=())


def test_a_word_of_a_million_letters_is_read_as_any_other(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode_text("ab" * 500_000)

    assert b"".join(map(vocabulary.token_bytes, tokens)) == b"ab" * 500_000


def test_white_space_that_could_not_be_read_is_refused_with_its_place(
    vocabulary: Vocabulary,
) -> None:
    readable = "a" + " \t" * 125_000
    assert vocabulary.encode_text(readable)

    with pytest.raises(TooMuchSpace, match="from character 1 on") as refusal:
        vocabulary.encode_text(readable + " ")

    assert refusal.value.limit == 250_000
    with pytest.raises(TooMuchSpace, match="from character 600001 on"):
        vocabulary.encode_text("a" * 600_000 + "b" + " " * 250_001 + "c")


def test_a_lone_surrogate_is_refused_with_its_place(vocabulary: Vocabulary) -> None:
    with pytest.raises(LoneSurrogate, match="at character 2") as refusal:
        vocabulary.encode_text("ab\ud800")

    assert refusal.value.position == 2


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_loading_leaves_the_environment_as_it_was(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is None:
        monkeypatch.delenv("TIKTOKEN_ENCODINGS_BASE", raising=False)
    else:
        monkeypatch.setenv("TIKTOKEN_ENCODINGS_BASE", before)

    Vocabulary.load(cache_folder)

    assert os.environ.get("TIKTOKEN_ENCODINGS_BASE") == before
