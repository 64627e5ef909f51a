"""What a benchmark tells: one row for each figure, with the bar that it has to reach. Knows no model."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tools.bench.timing import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure: its median over runs, the smallest and the largest, and what must be reached.

    `at_least` and `at_most` are the bars; None where there is none.
    """

    name: str
    value: float
    low: float
    high: float
    runs: int
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_reached(self) -> bool:
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    def line(self, width: int) -> str:
        bar = "" if self.at_least is None else f">= {self.at_least:g}"
        bar = bar if self.at_most is None else f"<= {self.at_most:g}"
        verdict = "" if not bar else "reached" if self.is_reached else "MISSED"
        spread = f"({self.low:.3g} to {self.high:.3g}, {self.runs} runs)"
        return f"{self.name:{width}}  {self.value:8.3g} {self.unit:3} {spread:32} {bar:9} {verdict}".rstrip()

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "is_reached": self.is_reached}


def row(
    name: str,
    values: Sequence[float],
    *,
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """The figure of several runs."""
    return Row(
        name=name,
        value=statistics.median(values),
        low=min(values),
        high=max(values),
        runs=len(values),
        unit=unit,
        at_least=at_least,
        at_most=at_most,
    )


def ratios(pairs: Sequence[Pair]) -> list[float]:
    return [pair.ratio for pair in pairs]
