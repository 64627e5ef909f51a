"""How long to wait, and how often to try."""

from datetime import UTC, datetime

import pytest

from optiq_server.evaluation.patience import Patience, retry_after_seconds

_NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def test_pauses_double_up_to_the_longest() -> None:
    patience = Patience(first_pause=1.0, longest_pause=5.0)

    assert [patience.pause(failed, None) for failed in (1, 2, 3, 4, 50)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_what_the_server_asks_for_goes_first() -> None:
    assert Patience(longest_pause=5.0).pause(1, 60.0) == 60.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, _NOW) == seconds


def test_impossible_patience_is_refused() -> None:
    with pytest.raises(ValueError, match="0 attempts"):
        Patience(attempts=0)
    with pytest.raises(ValueError, match="deadline"):
        Patience(deadline=0)
