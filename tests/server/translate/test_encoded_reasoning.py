"""Reasoning as opaque text, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.translate.encoded_reasoning import decode_reasoning, encode_reasoning


@given(text=st.text())
def test_what_was_encoded_is_read_again(text: str) -> None:
    assert decode_reasoning(encode_reasoning(text)) == text


@given(content=st.text())
def test_whatever_comes_never_raises(content: str) -> None:
    assert decode_reasoning(content) is None


@pytest.mark.parametrize("body", ["a", "_w==", "\N{SNOWMAN}"])
def test_a_spoilt_encoding_is_not_ours(body: str) -> None:
    prefix = encode_reasoning("")

    assert decode_reasoning(prefix + body) is None
