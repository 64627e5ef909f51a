"""Finds stop strings in text that arrives in pieces. Knows no channels and no tokens.

Rule 1: the match that is complete first ends the text; of several complete at the same character, the
        longest. So the result does not depend on how the text was cut into pieces.
Rule 2: the matching string itself is not part of the text.
Rule 3: text is held back only while it may still be the beginning of a match, and no longer.
"""

from collections.abc import Iterable


class StopStrings:
    """A filter for one text. After a match it lets nothing through."""

    def __init__(self, strings: Iterable[str]) -> None:
        self._strings = tuple(strings)
        self._first_characters = frozenset(each[0] for each in self._strings)
        self._held = ""
        self._matched: str | None = None

    @property
    def matched(self) -> str | None:
        """The string that ended the text; None while none has."""
        return self._matched

    @property
    def is_matched(self) -> bool:
        return self._matched is not None

    def feed(self, text: str) -> str:
        """The part of the text so far that is now certain, beyond what was returned before."""
        if self.is_matched:
            return ""
        # Nearly all text: nothing is held back, and nothing in it can begin a match.
        if not self._held and self._first_characters.isdisjoint(text):
            return text
        seen = self._held + text
        match = self._first_match(seen)
        if match is not None:
            start, self._matched = match
            self._held = ""
            return seen[:start]
        certain = len(seen) - self._uncertain_length(seen)
        self._held = seen[certain:]
        return seen[:certain]

    def finish(self) -> str:
        """The text ended: what was held back was no stop string. The filter is ready for another text."""
        held, self._held = self._held, ""
        return held

    def _first_match(self, seen: str) -> tuple[int, str] | None:
        """Where it begins, and which string it is."""
        matches = [
            (start + len(each), start, each) for each in self._strings if (start := seen.find(each)) >= 0
        ]
        return min(matches)[1:] if matches else None

    def _uncertain_length(self, seen: str) -> int:
        """The length of the longest end of `seen` that begins a stop string."""
        longest = min(len(seen), max(map(len, self._strings)) - 1)
        return next(
            (
                size
                for size in range(longest, 0, -1)
                if any(s.startswith(seen[-size:]) for s in self._strings)
            ),
            0,
        )
