"""A reply as plain text: characters over tokens, and control tokens that never show."""

from optiq_harmony.events import MessageEnd, TextDelta
from optiq_harmony.tokens import SPECIAL_TOKENS, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.protocol import ReplyParser
from optiq_server.dialect.raw import RawParser
from tests.server.doubles import Replies


def _parser(vocabulary: Vocabulary) -> ReplyParser:
    return RawParser(token_bytes=vocabulary.token_bytes, control_tokens=SPECIAL_TOKENS)


def _text(parser: ReplyParser, tokens: tuple[int, ...]) -> str:
    events = [event for token in tokens for event in parser.feed(token)] + list(parser.finish())
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_tokens_are_text(vocabulary: Vocabulary, replies: Replies) -> None:
    said = "def f(x):\n    return \N{SNOWMAN} \N{GRINNING FACE}"

    assert _text(_parser(vocabulary), replies.encode(said)) == said


def test_control_tokens_are_left_out(vocabulary: Vocabulary, replies: Replies) -> None:
    tokens = (ControlToken.CHANNEL, *replies.encode("final"), ControlToken.MESSAGE, ControlToken.RETURN)

    assert _text(_parser(vocabulary), tokens) == "final"


def test_an_unfinished_character_is_marked(vocabulary: Vocabulary, replies: Replies) -> None:
    unfinished = replies.encode("\N{SNOWMAN}")[:-1]

    assert unfinished
    assert _text(_parser(vocabulary), unfinished) == "\N{REPLACEMENT CHARACTER}"


def test_an_id_that_stands_for_nothing_says_nothing(vocabulary: Vocabulary) -> None:
    assert _parser(vocabulary).feed(10**6) == ()


def test_the_one_message_is_whole_when_the_reply_ends(vocabulary: Vocabulary) -> None:
    assert _parser(vocabulary).finish()[-1] == MessageEnd(complete=True)
