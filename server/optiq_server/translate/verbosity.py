"""How long answers should be, told to the model: gpt-oss has no setting for it, so it is asked. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from optiq_harmony.conversation import DeveloperMessage, Message

_SENTENCES: Mapping[str | None, str] = MappingProxyType(
    {
        "low": "Answer briefly, in as few words as the question allows.",
        "high": "Answer at length, with all details that may matter.",
    }
)


def with_verbosity(messages: Sequence[Message], verbosity: str | None) -> tuple[Message, ...]:
    """The conversation with the sentence at the end of its first instructions; none for medium."""
    sentence = _SENTENCES.get(verbosity)
    if sentence is None:
        return tuple(messages)
    match messages:
        case [DeveloperMessage(text=text), *rest]:
            return (DeveloperMessage(text=f"{text}\n\n{sentence}"), *rest)
        case _:
            return (DeveloperMessage(text=sentence), *messages)
