"""How long answers should be, told to the model."""

import pytest

from optiq_harmony.conversation import DeveloperMessage, UserMessage
from optiq_server.translate.verbosity import with_verbosity

_USER = UserMessage(text="hi")


@pytest.mark.parametrize("verbosity", [None, "medium"])
def test_the_usual_is_not_asked_for(verbosity: str | None) -> None:
    assert with_verbosity([_USER], verbosity) == (_USER,)


def test_the_sentence_follows_the_first_instructions() -> None:
    first, *rest = with_verbosity([DeveloperMessage(text="Be kind."), _USER], "low")

    assert first == DeveloperMessage(
        text="Be kind.\n\nAnswer briefly, in as few words as the question allows."
    )
    assert rest == [_USER]


def test_it_is_the_instructions_where_there_are_none() -> None:
    assert with_verbosity([_USER], "high") == (
        DeveloperMessage(text="Answer at length, with all details that may matter."),
        _USER,
    )
    assert len(with_verbosity([], "low")) == 1
