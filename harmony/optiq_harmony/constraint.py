"""A grammar at work on one reply: which tokens may come next, and which must. Knows no harmony and no model.

TokenTable       the vocabulary as llguidance walks it; one a process, built at start, off the request path
GrammarCompiler  grammar text -> Constraint, with the compiled grammars kept
Constraint       the state of one reply

Threads: table and compiler may be used by any thread. A constraint belongs to one thread at a time; it may be
made on one and used on another. Masks and compilation release the interpreter's lock.
"""

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock
from typing import Protocol

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from optiq_harmony.structure_errors import ConstraintError, GrammarError
from optiq_harmony.tokens import FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE, ControlToken

_WORD_BITS = 32
"""A mask has one bit for each token, in words of 32: token t is bit t % 32 of word t // 32."""

_COMPILED_GRAMMARS = 64
"""A compiled grammar takes about a megabyte, more when its JSON schemas are large."""


# An object takes four items for each of its optional properties; the default of 2,000 fails at 500 of them.
_MAX_ITEMS_IN_ROW = 10_000


class TokenSource(Protocol):
    """What the table is built from; `optiq_harmony.vocabulary.Vocabulary` is one."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes of `token`; of a special token its written form, like `<|end|>`."""
        ...

    def encode_text(self, text: str) -> Sequence[int]:
        """The tokens that the model would see for `text`, none of them special."""
        ...


class TokenTable:
    """All tokens as a prefix tree, for masks. Building takes about two seconds, so do it once.

    Made from harmony's vocabulary, or by `of_tokenizer` from that of another model.
    """

    def __init__(self, vocabulary: TokenSource) -> None:
        # END_OF_TEXT is what llguidance allows behind the end of a grammar; our grammars name their own stop
        # tokens, so that `<|call|>` and `<|return|>` are told apart.
        self._tokenizer = LLTokenizer(
            TokenizerWrapper(_Tokens(vocabulary)),
            n_vocab=VOCABULARY_SIZE,
            eos_token=int(ControlToken.END_OF_TEXT),
        )

    @classmethod
    def of_tokenizer(cls, tokenizer_json: str, *, vocabulary_size: int, end_token: int) -> "TokenTable":
        """From the text of a tokenizer.json, for a model of `vocabulary_size` logits.

        `end_token` is allowed behind the end of a grammar, as END_OF_TEXT is in harmony. Raises ValueError.
        """
        table = cls.__new__(cls)
        table._tokenizer = LLTokenizer(tokenizer_json, n_vocab=vocabulary_size, eos_token=end_token)
        return table

    @property
    def mask_words(self) -> int:
        """How many words a mask has."""
        return (int(self._tokenizer.vocab_size) + _WORD_BITS - 1) // _WORD_BITS

    @property
    def tokenizer(self) -> LLTokenizer:
        """llguidance's own object, immutable."""
        return self._tokenizer


class _Tokens:
    """The vocabulary in the shape that llguidance's TokenizerWrapper reads."""

    eos_token_id = int(ControlToken.END_OF_TEXT)
    bos_token_id = None
    special_token_ids = tuple(range(FIRST_SPECIAL_TOKEN, VOCABULARY_SIZE))

    def __init__(self, vocabulary: TokenSource) -> None:
        self.tokens = [vocabulary.token_bytes(token) for token in range(VOCABULARY_SIZE)]
        self._vocabulary = vocabulary

    def __call__(self, text: bytes | str) -> list[int]:
        # With the canonical encoding, forced text becomes the tokens that the model was trained to see.
        return list(self._vocabulary.encode_text(text if isinstance(text, str) else text.decode()))


class Constraint:
    """What one reply may still become. Made by GrammarCompiler."""

    def __init__(self, matcher: LLMatcher, *, mask_words: int) -> None:
        self._matcher = matcher
        self._mask_words = mask_words

    @property
    def is_finished(self) -> bool:
        """Whether the reply is complete, its stop token included."""
        return bool(self._matcher.is_stopped()) and not self._matcher.is_error()

    def mask(self) -> NDArray[np.uint32]:
        """The tokens that may come next, as `mask_words` words. After the end only the table's end token may.

        Raises ConstraintError where the grammar asks for more work than a step may take.
        """
        mask = np.empty(self._mask_words, dtype=np.uint32)
        self._matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
        self._require_health()
        return mask

    def accept(self, token: int) -> None:
        """Moves on by `token`. Raises ConstraintError if it may not come next; that ends the constraint."""
        if self.is_finished:
            raise ConstraintError(token=token, reason="the reply is complete")
        if not self._matcher.consume_token(token):
            raise ConstraintError(token=token, reason=self._first_line())

    def forced(self) -> tuple[int, ...]:
        """The tokens that must come next, whatever the model says; they are not yet accepted.

        It is the canonical encoding of the forced text, as far as what follows cannot change it.
        """
        tokens = self._matcher.compute_ff_tokens()
        self._require_health()
        return tuple(tokens)

    def copy(self) -> "Constraint":
        """The same state, to go on independently, for another sample of the same prompt."""
        return Constraint(self._matcher.deep_copy(), mask_words=self._mask_words)

    def _require_health(self) -> None:
        if self._matcher.is_error():
            raise ConstraintError(token=None, reason=self._first_line())

    def _first_line(self) -> str:
        return str(self._matcher.get_error()).partition("\n")[0]


class GrammarCompiler:
    """Compiles grammars over one table and keeps the last `capacity` of them."""

    def __init__(self, table: TokenTable, *, capacity: int = _COMPILED_GRAMMARS) -> None:
        self._table = table
        self._capacity = capacity
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._lock = Lock()

    @property
    def kept(self) -> tuple[str, ...]:
        """The grammars that need no compilation, the last used at the end."""
        with self._lock:
            return tuple(self._compiled)

    def constraint(self, grammar: str) -> Constraint:
        """A constraint at the beginning of a reply; `grammar` is what `reply_grammar` wrote.

        Raises GrammarError. Two threads that want the same new grammar may both compile it.
        """
        with self._lock:
            known = self._compiled.get(grammar)
            if known is not None:
                self._compiled.move_to_end(grammar)
                return self._beginning(known)
        limits = LLParserLimits(max_items_in_row=_MAX_ITEMS_IN_ROW, verbose_errors=False)
        matcher = LLMatcher(self._table.tokenizer, grammar, log_level=0, limits=limits)
        if matcher.is_error():
            raise GrammarError(tool=None, reason=_grammar_reason(str(matcher.get_error())))
        with self._lock:
            self._compiled[grammar] = matcher
            while len(self._compiled) > self._capacity:
                self._compiled.popitem(last=False)
            return self._beginning(matcher)

    def _beginning(self, compiled: LLMatcher) -> Constraint:
        return Constraint(compiled.deep_copy(), mask_words=self._table.mask_words)


def _grammar_reason(message: str) -> str:
    # llguidance asserts its bounds on the number of symbols, and gives the assertion's text.
    return "it is too large" if message.startswith("panic") else message.partition("\n")[0]
