"""Stored responses in one SQLite file, bounded in age and bytes. Knows no HTTP and no event loop.

For one thread. The file is opened at its first use; one that is damaged is set aside, and a new one begun.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

logger = logging.getLogger(__name__)

JsonObject: TypeAlias = dict[str, object]

MAX_AGE_SECONDS = 30 * 24 * 3600
"""As long as OpenAI keeps a response."""
MAX_BYTES = 256 * 1024 * 1024
"""Some ten thousand turns of an agent; little beside the model on the same disk."""

_FORMAT = 1
"""Of the tables; a file with another one is set aside."""

_TABLES = f"""
PRAGMA auto_vacuum = FULL;
CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    previous TEXT,
    response TEXT NOT NULL,
    items TEXT NOT NULL
);
CREATE INDEX responses_by_age ON responses (created, bytes);
CREATE TABLE item_places (
    item TEXT NOT NULL,
    response TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    PRIMARY KEY (item, response)
) WITHOUT ROWID;
CREATE INDEX item_places_by_response ON item_places (response);
PRAGMA user_version = {_FORMAT};
"""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A response, the input items that were its own, and the response that it went on from."""

    id: str
    created: int
    previous: str | None
    response: JsonObject
    items: list[JsonObject]

    @property
    def output(self) -> list[JsonObject]:
        output = self.response["output"]
        return output if isinstance(output, list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreBounds:
    """What is kept: nothing older, and of the rest the youngest that have no more bytes together."""

    max_age_seconds: int = MAX_AGE_SECONDS
    max_bytes: int = MAX_BYTES


class ResponseFile:
    """The file at `path`; `clock` gives the seconds since 1970. Its use raises sqlite3.Error, or OSError."""

    def __init__(self, path: Path, *, bounds: StoreBounds, clock: Callable[[], int]) -> None:
        self._path = path
        self._bounds = bounds
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    def put(self, record: StoredResponse) -> None:
        """Add it, or replace the one with its id; then drop what the bounds no longer allow."""
        self._use(lambda connection: self._put(connection, record))

    def get(self, response_id: str) -> StoredResponse | None:
        return self._use(lambda connection: self._get(connection, response_id))

    def delete(self, response_id: str) -> bool:
        """False if there was none."""
        return self._use(lambda connection: _delete(connection, response_id))

    def item(self, item_id: str) -> JsonObject | None:
        """The newest item with this id, of any response's input or output."""
        return self._use(lambda connection: self._item(connection, item_id))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _use(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Work in one transaction; on a file that turns out to be damaged, once more on a new one."""
        try:
            return self._work(work)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGED:
                raise
            self._set_aside(str(error))
            return self._work(work)

    def _work(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        if self._connection is None:
            self._connection = self._opened()
        with self._connection:
            return work(self._connection)

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Conversations are their user's alone.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path)
        try:
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found != _FORMAT and connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                connection.close()
                self._set_aside(f"its format is {found}, not {_FORMAT}")
                return self._opened()
            if found != _FORMAT:
                connection.executescript(_TABLES)
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _set_aside(self, reason: str) -> None:
        self.close()
        aside = self._path.with_name(f"{self._path.name}.damaged")
        logger.warning(
            "%s cannot be read (%s): it is now %s, and a new one is begun", self._path, reason, aside.name
        )
        self._path.replace(aside)
        # It would be rolled back into the new file.
        self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)

    def _put(self, connection: sqlite3.Connection, record: StoredResponse) -> None:
        response, items = _text(record.response), _text(record.items)
        _delete(connection, record.id)
        connection.execute(
            "INSERT INTO responses (id, created, bytes, previous, response, items) VALUES (?, ?, ?, ?, ?, ?)",
            (record.id, record.created, len(response) + len(items), record.previous, response, items),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO item_places (item, response) VALUES (?, ?)",
            [(str(item["id"]), record.id) for item in (*record.items, *record.output)],
        )
        self._drop(connection)

    def _drop(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM responses WHERE created < ?", (self._oldest(),))
        (total,) = connection.execute("SELECT COALESCE(SUM(bytes), 0) FROM responses").fetchone()
        while total > self._bounds.max_bytes:
            rowid, size = connection.execute(
                "SELECT rowid, bytes FROM responses ORDER BY created, rowid LIMIT 1"
            ).fetchone()
            connection.execute("DELETE FROM responses WHERE rowid = ?", (rowid,))
            total -= size

    def _get(self, connection: sqlite3.Connection, response_id: str) -> StoredResponse | None:
        row = connection.execute(
            "SELECT created, previous, response, items FROM responses WHERE id = ? AND created >= ?",
            (response_id, self._oldest()),
        ).fetchone()
        if row is None:
            return None
        created, previous, response, items = row
        return StoredResponse(
            id=response_id,
            created=created,
            previous=previous,
            response=json.loads(response),
            items=json.loads(items),
        )

    def _item(self, connection: sqlite3.Connection, item_id: str) -> JsonObject | None:
        row = connection.execute(
            "SELECT responses.id FROM item_places JOIN responses ON responses.id = item_places.response"
            " WHERE item = ? ORDER BY created DESC, responses.rowid DESC LIMIT 1",
            (item_id,),
        ).fetchone()
        record = None if row is None else self._get(connection, row[0])
        if record is None:
            return None
        return next((item for item in (*record.output, *record.items) if item["id"] == item_id), None)

    def _oldest(self) -> int:
        return self._clock() - self._bounds.max_age_seconds


def _delete(connection: sqlite3.Connection, response_id: str) -> bool:
    return connection.execute("DELETE FROM responses WHERE id = ?", (response_id,)).rowcount > 0


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
