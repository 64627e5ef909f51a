"""Which message, role and channel each token of a written conversation belongs to."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from optiq_harmony.anatomy import places, reply_start
from optiq_harmony.tokens import VOCABULARY_SIZE, ControlToken
from optiq_harmony.vocabulary import Vocabulary

_TOOL_LOOP = (
    "<|start|>system<|message|>S<|end|>"
    "<|start|>user<|message|>U<|end|>"
    "<|start|>assistant<|channel|>analysis<|message|>A<|end|>"
    "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
    "<|start|>functions.f to=assistant<|channel|>commentary<|message|>R<|end|>"
    "<|start|>assistant<|channel|>final<|message|>F<|return|>"
)


def _told(vocabulary: Vocabulary, text: str) -> list[tuple[int | None, str | None, str | None]]:
    """The distinct places, in order."""
    found = places(vocabulary.encode_written(text), vocabulary.token_bytes)
    return list(dict.fromkeys((each.message, each.role, each.channel) for each in found))


def test_messages_have_the_roles_and_channels_of_their_headers(vocabulary: Vocabulary) -> None:
    assert _told(vocabulary, _TOOL_LOOP) == [
        (0, "system", None),
        (1, "user", None),
        (2, "assistant", "analysis"),
        (3, "assistant", "commentary"),
        (4, "tool", "commentary"),
        (5, "assistant", "final"),
    ]


def test_tokens_without_a_start_are_the_assistants(vocabulary: Vocabulary) -> None:
    assert _told(vocabulary, "<|channel|>final<|message|>hi<|return|>") == [(0, "assistant", "final")]


def test_a_channel_in_a_body_begins_a_message(vocabulary: Vocabulary) -> None:
    text = "<|channel|>analysis<|message|>hm<|channel|>final<|message|>hi"

    assert _told(vocabulary, text) == [(0, "assistant", "analysis"), (1, "assistant", "final")]


def test_the_last_reply_begins_behind_all_other_roles(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode_written(_TOOL_LOOP)

    start = reply_start(tokens, vocabulary.token_bytes)

    written = b"".join(map(vocabulary.token_bytes, tokens[start:])).decode()
    assert written == "<|channel|>final<|message|>F<|return|>"


def test_a_reply_of_several_messages_begins_with_the_first(vocabulary: Vocabulary) -> None:
    text = (
        "<|start|>user<|message|>U<|end|>"
        "<|start|>assistant<|channel|>analysis<|message|>A<|end|>"
        "<|start|>assistant<|channel|>final<|message|>F<|return|>"
    )
    tokens = vocabulary.encode_written(text)

    start = reply_start(tokens, vocabulary.token_bytes)

    assert vocabulary.token_bytes(tokens[start]) == b"<|channel|>"
    assert places(tokens, vocabulary.token_bytes)[start].message == 1


def test_a_prompt_has_an_empty_reply_at_its_end(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode_written("<|start|>user<|message|>U<|end|><|start|>assistant")

    assert reply_start(tokens, vocabulary.token_bytes) == len(tokens)


def test_a_reply_alone_is_a_reply_from_its_first_token(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode_written("<|channel|>final<|message|>F<|return|>")

    assert reply_start(tokens, vocabulary.token_bytes) == 0


_TOKENS = st.lists(
    st.one_of(st.sampled_from(list(ControlToken)), st.integers(0, VOCABULARY_SIZE - 1)), max_size=40
)


@given(tokens=_TOKENS)
def test_every_token_has_one_place_and_messages_count_up(
    vocabulary: Vocabulary, tokens: Sequence[int]
) -> None:
    found = places(tokens, vocabulary.token_bytes)
    start = reply_start(tokens, vocabulary.token_bytes)

    numbers = [place.message for place in found]
    assert len(found) == len(tokens)
    assert all(place.role is not None for place in found)
    assert sorted(number for number in numbers if number is not None) == numbers
    assert 0 <= start <= len(tokens)
