"""Nothing of the machine or the moment stays in what a client has sent."""

from pathlib import Path

import pytest

from tools.clients.scrub import Scrubber


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("cat /somewhere/optiq-x1/project/hello.txt", "cat /home/user/project/hello.txt"),
        ("Today's date: Wed Nov 25 2026", "Today's date: Sat Jan 31 2026"),
        ("<current_date>2026-11-25</current_date>", "<current_date>2026-01-31</current_date>"),
        ('"turn_started_at_unix_ms":1795613670209,', '"turn_started_at_unix_ms":1769817600000,'),
        ("Chunk ID: edfc29\nWall time: 0.0512 seconds", "Chunk ID: 000000\nWall time: 0.1000 seconds"),
        ("version 1.2.3 of 2026 has 131072 tokens", "version 1.2.3 of 2026 has 131072 tokens"),
    ],
)
def test_a_trace_becomes_a_placeholder(sent: str, kept: str) -> None:
    scrubber = Scrubber(Path("/somewhere/optiq-x1"))

    assert scrubber.scrub(sent) == kept


def test_a_random_id_has_one_placeholder_in_all_requests_of_a_run() -> None:
    first, second = "01a212ea-3adf-70f1-ab09-f0ab102c61c3", "402eb798-878d-47d6-934e-98e3e3cac439"
    scrubber = Scrubber(Path("/somewhere"))

    kept = [scrubber.scrub(f"msg_{first} {second}"), scrubber.scrub(f"{second} {first}:0")]

    one, two = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
    assert kept == [f"msg_{one} {two}", f"{two} {one}:0"]
