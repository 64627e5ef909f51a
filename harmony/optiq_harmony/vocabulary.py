"""The o200k_harmony vocabulary: bytes of a token, tokens of a text. No socket is opened for it, ever.

Text is encoded by tiktoken: the same tokens as openai-harmony's, but a word's time grows with n log n of its
length instead of n^2, and other threads run meanwhile. It also holds openai-harmony's loaded encoding, which
the renderer borrows. It knows no messages.
"""

import base64
import os
from pathlib import Path

import tiktoken
from openai_harmony import (  # type: ignore[import-untyped]  # it ships no py.typed
    HarmonyEncoding,
    HarmonyEncodingName,
    load_harmony_encoding,
)

from optiq_harmony.errors import UnknownToken
from optiq_harmony.ranks import unpack_ranks
from optiq_harmony.renderable import require_text
from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE

_ENCODINGS_FOLDER_VARIABLE = "TIKTOKEN_ENCODINGS_BASE"

_CAPITALS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_SMALL = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_PIECES = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}*{_SMALL}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}+{_SMALL}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""How o200k splits text into pieces, no token being in two of them."""


class Vocabulary:
    """Immutable once made; `Vocabulary.load` makes it. Loading takes about half a second, so do it once."""

    def __init__(
        self, *, encoding: HarmonyEncoding, text_encoding: tiktoken.Encoding, token_bytes: tuple[bytes, ...]
    ) -> None:
        self._encoding = encoding
        self._text_encoding = text_encoding
        self._token_bytes = token_bytes

    @classmethod
    def load(cls, cache_folder: Path) -> "Vocabulary":
        """Load from the package's own data, unpacked in `cache_folder`. Raises VocabularyUnavailable.

        Call it before other threads read the environment; see `_load_encoding`.
        """
        ranks = unpack_ranks(cache_folder)
        encoding = _load_encoding(ranks.parent)
        ordinary = _read_tokens(ranks.read_bytes())
        special = {encoding.decode([token]): token for token in range(FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE)}
        text_encoding = tiktoken.Encoding(
            "o200k_harmony",
            pat_str=_PIECES,
            mergeable_ranks={each: rank for rank, each in enumerate(ordinary)},
            special_tokens=special,
        )
        token_bytes = (*ordinary, *(written.encode() for written in special))
        return cls(encoding=encoding, text_encoding=text_encoding, token_bytes=token_bytes)

    @property
    def encoding(self) -> HarmonyEncoding:
        """openai-harmony's encoding, for what stands around texts."""
        return self._encoding

    def token_bytes(self, token: int) -> bytes:
        """The bytes that `token` stands for; a special token gives its written form, for diagnostics.

        Raises UnknownToken for an id outside the vocabulary.
        """
        if not 0 <= token < VOCABULARY_SIZE:
            raise UnknownToken(token)
        return self._token_bytes[token]

    def encode_text(self, text: str) -> tuple[int, ...]:
        """The ordinary tokens of `text`: `<|end|>` in it becomes seven pieces of text, never a control token.

        Raises LoneSurrogate or TooMuchSpace.
        """
        require_text(text, field="text")
        return tuple(self._text_encoding.encode_ordinary(text))

    def encode_written(self, text: str) -> tuple[int, ...]:
        """The tokens of `text` in which control tokens are written out: `<|end|>` becomes one.

        For text that a person pastes in order to look at it, never for what is sent to a model. Raises
        LoneSurrogate or TooMuchSpace.
        """
        require_text(text, field="text")
        return tuple(self._text_encoding.encode(text, allowed_special="all"))


def _load_encoding(folder: Path) -> HarmonyEncoding:
    # The Rust library takes its folder from the environment alone, reads it during this call, and would
    # download without it. So the variable is set for the length of the call, and only here.
    before = os.environ.get(_ENCODINGS_FOLDER_VARIABLE)
    os.environ[_ENCODINGS_FOLDER_VARIABLE] = str(folder)
    try:
        return load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
    finally:
        if before is None:
            del os.environ[_ENCODINGS_FOLDER_VARIABLE]
        else:
            os.environ[_ENCODINGS_FOLDER_VARIABLE] = before


def _read_tokens(ranks: bytes) -> list[bytes]:
    # A line is "<base64 of the bytes> <rank>", in the order of ranks, which begin at 0 and have no gaps.
    return [base64.b64decode(line.split(b" ")[0]) for line in ranks.splitlines()]
