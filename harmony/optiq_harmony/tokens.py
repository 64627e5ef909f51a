"""The ids of the o200k_harmony vocabulary that mean something to the protocol. Knows no text and no grammar.

Source: the special tokens of openai-harmony 0.0.8's HARMONY_GPT_OSS encoding, which a test compares with this
table.
"""

from enum import IntEnum

VOCABULARY_SIZE = 201_088
"""Ids run from 0 to VOCABULARY_SIZE - 1; gpt-oss has as many rows in its embedding."""

FIRST_SPECIAL_TOKEN = 199_998
"""Ids below it are pieces of text; from it on they are control tokens, most of them reserved."""


SPECIAL_TOKENS = frozenset(range(FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE))


class ControlToken(IntEnum):
    """The special tokens that structure a reply."""

    END_OF_TEXT = 199_999
    RETURN = 200_002
    CONSTRAIN = 200_003
    CHANNEL = 200_005
    START = 200_006
    END = 200_007
    MESSAGE = 200_008
    CALL = 200_012


STOP_TOKENS = frozenset({ControlToken.RETURN, ControlToken.CALL, ControlToken.END_OF_TEXT})
"""After one of these the model has nothing more to say. Not END: a reply may have several messages."""
