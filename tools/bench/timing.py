"""What is compared: two ways to produce the same tokens, and the ratio of their speeds. Knows no model."""

import statistics
from collections.abc import Iterable
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


def summary(name: str, pairs: list[Pair]) -> dict[str, str | int | float]:
    """The figures of one comparison, as they go to the table and to the JSON file."""
    ratios = [pair.ratio for pair in pairs]
    return {
        "name": name,
        "pairs": len(pairs),
        "tokens": sum(pair.ours.tokens for pair in pairs),
        "ours_tokens_per_second": _median(pair.ours.tokens_per_second for pair in pairs),
        "reference_tokens_per_second": _median(pair.reference.tokens_per_second for pair in pairs),
        "ratio_median": _median(ratios),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
    }


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 3)
