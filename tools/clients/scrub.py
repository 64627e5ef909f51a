"""Takes the machine and the moment out of what a client has sent: folders, dates, times and random ids.

Each becomes a placeholder of the same form, the same one wherever it stood, so that what two requests of a
run have in common they still have.
"""

import re
from collections.abc import Callable
from pathlib import Path

_HOME = "/home/user"

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENTS = (
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "2026-01-31"),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d 20\d\d\b"), "Sat Jan 31 2026"),
    # Milliseconds since 1970, from 2014 on.
    (re.compile(r"\b1[4-9]\d{11}\b"), "1769817600000"),
    (re.compile(r"\bWall time: [\d.]+ seconds"), "Wall time: 0.1000 seconds"),
    (re.compile(r"\bChunk ID: [0-9a-f]{6}\b"), "Chunk ID: 000000"),
)


class Scrubber:
    """For all requests of one run in `folder`, which was the home folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._new_uuid = _numbered(lambda number: f"00000000-0000-4000-8000-{number:012}")

    def scrub(self, text: str) -> str:
        text = text.replace(self._folder, _HOME)
        text = _UUID.sub(lambda match: self._new_uuid(match[0]), text)
        for moment, placeholder in _MOMENTS:
            text = moment.sub(placeholder, text)
        return text


def _numbered(write: Callable[[int], str]) -> Callable[[str], str]:
    """The same placeholder for the same text, another one for another."""
    known: dict[str, str] = {}
    return lambda found: known.setdefault(found, write(len(known) + 1))
