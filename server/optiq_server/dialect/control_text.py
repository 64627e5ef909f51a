"""Keeps what users write from becoming control tokens, whatever a chat template does with it. Pure.

A template gives one text, in which its own `<|im_end|>` and a user's look alike. So a breaker, a character
that no text has, is put inside each control token's written form in the user's texts before the template sees
them. The rendered text is then encoded piece by piece between the breakers: no piece holds such a form but
the template's own, and where nobody wrote one the tokens are those of the text as a whole.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_BREAKERS = tuple(map(chr, range(0xFDD0, 0xFDF0)))
"""Unicode's noncharacters: they are in no text that is meant to be read."""


class ControlTextEncoder:
    """Guards texts, and encodes what a template made of them. `control_tokens` are ids and written forms."""

    def __init__(self, control_tokens: Mapping[int, str], encode: Callable[[str], Sequence[int]]) -> None:
        forms = sorted(set(control_tokens.values()), key=len, reverse=True)
        self._ids = frozenset(control_tokens)
        self._forms = re.compile("|".join(map(re.escape, forms)) or r"(?!)")
        self._beginnings = frozenset(form[:length] for form in forms for length in range(1, len(form)))
        self._longest = max(map(len, forms), default=0)
        self._encode = encode

    def breaker_for(self, value: object) -> str:
        """A breaker that no text in `value` has. Raises ValueError where each one occurs."""
        used = {character for text in _texts(value) for character in _BREAKERS if character in text}
        breaker = next((character for character in _BREAKERS if character not in used), None)
        if breaker is None:
            raise ValueError("it uses every noncharacter from U+FDD0 to U+FDEF")
        return breaker

    def guarded(self, value: object, breaker: str) -> object:
        """`value`, made of dicts, lists and scalars, with every text in it guarded."""
        match value:
            case str():
                return self._guarded_text(value, breaker)
            case Mapping():
                return {
                    self.guarded(key, breaker): self.guarded(inner, breaker) for key, inner in value.items()
                }
            case list() | tuple():
                return [self.guarded(inner, breaker) for inner in value]
            case _:
                return value

    def encode(self, rendered: str, breaker: str) -> tuple[int, ...]:
        """The tokens of a rendered text; only the template's own control tokens are such.

        Raises ValueError where the tokenizer makes one of other characters.
        """
        ids: list[int] = []
        for piece in rendered.split(breaker):
            if not piece:
                continue
            encoded = self._encode(piece)
            written = sum(1 for _ in self._forms.finditer(piece))
            if sum(1 for token in encoded if token in self._ids) > written:
                raise ValueError("a text in it would become a control token")
            ids += encoded
        return tuple(ids)

    def _guarded_text(self, text: str, breaker: str) -> str:
        guarded = self._forms.sub(lambda form: form[0][:1] + breaker + form[0][1:], text)
        # A form that ends in the text beside this one would be whole again.
        said = guarded.rstrip()
        if self._ends_in_a_beginning(said):
            guarded = said + breaker + guarded[len(said) :]
        return guarded

    def _ends_in_a_beginning(self, text: str) -> bool:
        return any(
            text[-length:] in self._beginnings for length in range(1, min(self._longest, len(text) + 1))
        )


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            yield from _texts_of([*value.keys(), *value.values()])
        case list() | tuple():
            yield from _texts_of(value)
        case _:
            return


def _texts_of(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)
