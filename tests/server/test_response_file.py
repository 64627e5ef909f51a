"""The file of stored responses: what is kept, for how long, and what damage costs."""

import logging
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from optiq_server.response_file import ResponseFile, StoreBounds, StoredResponse


class _Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(name="clock")
def _clock() -> _Clock:
    return _Clock()


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "responses.sqlite3"


@pytest.fixture(name="file")
def _file(path: Path, clock: _Clock) -> Iterator[ResponseFile]:
    file = ResponseFile(path, bounds=StoreBounds(max_age_seconds=100, max_bytes=10_000), clock=clock)
    yield file
    file.close()


def _record(
    response_id: str, clock: _Clock, *, text: str = "", previous: str | None = None
) -> StoredResponse:
    return StoredResponse(
        id=response_id,
        created=clock.now,
        previous=previous,
        response={"id": response_id, "output": [{"id": f"msg_{response_id}", "text": text}]},
        items=[{"id": f"in_{response_id}", "text": "\N{SNOWMAN}"}],
    )


def test_what_was_put_is_got(file: ResponseFile, clock: _Clock) -> None:
    record = _record("a", clock, text="hi", previous="b")

    file.put(record)

    assert file.get("a") == record
    assert file.get("b") is None


def test_a_response_that_is_put_again_is_replaced(file: ResponseFile, clock: _Clock) -> None:
    file.put(_record("a", clock, text="begun"))
    file.put(_record("a", clock, text="done"))

    assert file.get("a") == _record("a", clock, text="done")
    assert file.item("msg_a") == {"id": "msg_a", "text": "done"}


def test_what_was_deleted_is_gone_with_its_items(file: ResponseFile, clock: _Clock) -> None:
    file.put(_record("a", clock))

    assert file.delete("a")
    assert not file.delete("a")
    assert file.get("a") is None
    assert file.item("msg_a") is None
    assert file.item("in_a") is None


def test_of_items_with_one_id_the_newest_is_meant(file: ResponseFile, clock: _Clock) -> None:
    again = replace(_record("b", clock), items=[{"id": "msg_a", "text": "sent back"}])

    file.put(_record("a", clock, text="first"))
    file.put(again)

    assert file.item("msg_a") == {"id": "msg_a", "text": "sent back"}


def test_responses_outlive_the_file_that_is_closed(file: ResponseFile, clock: _Clock) -> None:
    file.put(_record("a", clock))
    file.close()

    assert file.get("a") == _record("a", clock)


def test_what_is_too_old_is_not_told_and_leaves_with_the_next_one(
    file: ResponseFile, clock: _Clock, path: Path
) -> None:
    file.put(_record("a", clock))
    clock.now += 100
    assert file.get("a") is not None

    clock.now += 1

    assert file.get("a") is None
    assert file.item("msg_a") is None
    file.put(_record("b", clock))
    file.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT id FROM responses").fetchall() == [("b",)]
    assert connection.execute("SELECT DISTINCT response FROM item_places").fetchall() == [("b",)]
    connection.close()


def test_the_oldest_leave_first_where_there_are_too_many_bytes(file: ResponseFile, clock: _Clock) -> None:
    for response_id in "abcd":
        file.put(_record(response_id, clock, text="x" * 3000))

    assert [response_id for response_id in "abcd" if file.get(response_id)] == ["b", "c", "d"]


def test_one_that_is_larger_than_the_bound_is_not_kept(file: ResponseFile, clock: _Clock) -> None:
    file.put(_record("a", clock))
    file.put(_record("b", clock, text="x" * 20_000))

    assert file.get("b") is None


def test_the_file_shrinks_with_what_leaves_it(file: ResponseFile, clock: _Clock, path: Path) -> None:
    for number in range(100):
        file.put(_record(str(number), clock, text="x" * 3000))
    file.close()

    assert path.stat().st_size < 100_000


def test_the_file_is_its_users_alone(file: ResponseFile, clock: _Clock, path: Path) -> None:
    file.put(_record("a", clock))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _damage_all(path: Path) -> None:
    path.write_bytes(b"no database at all " * 500)


def _damage_pages(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


def _make_newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("damage", [_damage_all, _damage_pages, _make_newer])
def test_a_file_that_cannot_be_read_is_set_aside_with_a_warning(
    file: ResponseFile, clock: _Clock, path: Path, caplog: pytest.LogCaptureFixture, damage: object
) -> None:
    file.put(_record("a", clock))
    file.close()
    assert callable(damage)
    damage(path)
    unreadable = path.read_bytes()

    with caplog.at_level(logging.WARNING):
        assert file.get("a") is None
    file.put(_record("b", clock))

    assert file.get("b") == _record("b", clock)
    assert path.with_name("responses.sqlite3.damaged").read_bytes() == unreadable
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_damage_that_shows_while_the_file_is_open_costs_what_was_stored(
    file: ResponseFile, clock: _Clock, path: Path
) -> None:
    for number in range(3):
        file.put(_record(str(number), clock, text="x" * 2000))
    _damage_pages(path)

    file.put(_record("b", clock))

    assert file.get("b") == _record("b", clock)


def test_a_path_that_is_no_file_is_an_error_and_is_left_alone(tmp_path: Path, clock: _Clock) -> None:
    (tmp_path / "responses.sqlite3").mkdir()
    file = ResponseFile(tmp_path / "responses.sqlite3", bounds=StoreBounds(), clock=clock)

    with pytest.raises(OSError, match="directory"):
        file.get("a")

    assert (tmp_path / "responses.sqlite3").is_dir()
