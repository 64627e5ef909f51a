"""What is compared: two ways to produce the same tokens, and the ratio of their speeds. Knows no model."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decode:
    """One reply's decode phase: `tokens` followed the first visible one, within `seconds` of it."""

    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same reply, produced both ways, one right after the other."""

    ours: Decode
    reference: Decode

    @property
    def ratio(self) -> float:
        """Above 1 where ours is the faster."""
        return self.ours.tokens_per_second / self.reference.tokens_per_second
