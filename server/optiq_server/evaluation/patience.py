"""How long an answer is waited for: attempts, pauses and the end of it. Pure."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

# A server that is full or starting (429, 503), or a gateway whose server is (502, 504), may do better later.
PASSING_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds throughout. `deadline` bounds one item with all its requests, attempts and pauses."""

    attempts: int = 8
    first_pause: float = 0.5
    longest_pause: float = 30.0
    deadline: float = 600.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"{self.attempts} attempts: at least 1 is needed")
        if self.deadline <= 0:
            raise ValueError(f"a deadline of {self.deadline} s: it must be above 0")

    def pause(self, failed: int, retry_after: float | None) -> float:
        """How long to wait after `failed` attempts: what the server asks for, else twice the last pause."""
        if retry_after is not None:
            return retry_after
        return float(min(self.first_pause * 2 ** (failed - 1), self.longest_pause))


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """The header `Retry-After` in seconds from `now` (aware), or None if there is none that can be read.

    RFC 9110 section 10.2.3: a number of seconds, or a date.
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError):
        return None
