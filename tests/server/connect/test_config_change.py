"""Other programs' files: written at once, kept beside, and put back byte for byte."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_server.connect.config_change import plan_change, undo_change, write_change
from optiq_server.connect.errors import ChangedSince, NothingToUndo, UnreadableConfig, WriteFailed


def _add(text: str) -> str:
    return text + "ours\n"


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_new_file_is_written_with_its_folders_and_undone_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config"

    backup = write_change(plan_change(path, _add))

    assert backup is None
    assert path.read_bytes() == b"ours\n"
    assert path.stat().st_mode & 0o777 == 0o600
    undo_change(path)
    assert _names(path.parent) == set()


@settings(max_examples=25)
@given(content=st.text(st.characters(exclude_categories=["Cs"])))
def test_undoing_restores_every_byte(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    path = tmp_path_factory.mktemp("home") / "config"
    path.write_bytes(content.encode())

    backup = write_change(plan_change(path, _add))

    assert backup is not None
    assert backup.read_bytes() == content.encode()
    undo_change(path)
    assert path.read_bytes() == content.encode()
    assert _names(path.parent) == {"config"}


def test_a_file_that_changed_since_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("theirs\n")
    write_change(plan_change(path, _add))
    path.write_text("newer\n")

    with pytest.raises(ChangedSince, match="before-optiq"):
        undo_change(path)

    assert path.read_text() == "newer\n"
    assert (tmp_path / "config.before-optiq").read_text() == "theirs\n"


def test_a_file_that_is_gone_since_is_not_brought_back(tmp_path: Path) -> None:
    path = tmp_path / "config"
    write_change(plan_change(path, _add))
    path.unlink()

    with pytest.raises(ChangedSince):
        undo_change(path)


def test_two_changes_are_undone_together(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("theirs\n")
    write_change(plan_change(path, _add))
    write_change(plan_change(path, _add))

    undo_change(path)

    assert path.read_text() == "theirs\n"


def test_a_change_after_somebody_elses_is_undone_to_theirs(tmp_path: Path) -> None:
    path = tmp_path / "config"
    write_change(plan_change(path, _add))
    path.write_text("theirs\n")
    write_change(plan_change(path, _add))

    undo_change(path)

    assert path.read_text() == "theirs\n"


def test_nothing_can_be_undone_twice(tmp_path: Path) -> None:
    path = tmp_path / "config"
    write_change(plan_change(path, _add))
    undo_change(path)

    with pytest.raises(NothingToUndo):
        undo_change(path)


def test_a_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "config"
    real.write_text("theirs\n")
    link = tmp_path / "config"
    link.symlink_to(real)

    write_change(plan_change(link, _add))

    assert link.is_symlink()
    assert real.read_text() == "theirs\nours\n"
    undo_change(link)
    assert real.read_text() == "theirs\n"


def test_permissions_and_line_ends_stay(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"theirs\r\n")
    path.chmod(0o640)

    write_change(plan_change(path, _add))

    assert path.read_bytes() == b"theirs\r\nours\r\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_planning_touches_nothing_and_shows_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("theirs\n")

    change = plan_change(path, _add)

    assert change.is_needed
    assert change.diff().splitlines()[-2:] == [" theirs", "+ours"]
    assert _names(tmp_path) == {"config"}
    assert not plan_change(path, lambda text: text).is_needed


def test_what_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(UnreadableConfig, match="UTF-8"):
        plan_change(path, _add)


def test_what_the_system_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(WriteFailed, match="irectory"):
        plan_change(tmp_path, _add)
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteFailed):
        write_change(plan_change(tmp_path / "file" / "config", _add))
