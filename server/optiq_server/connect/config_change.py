"""A change of somebody else's file: planned as a value, written at once or not at all, and undone exactly.

Beside the file stand what it was before, as `NAME.before-optiq`, and a note of what was written, as
`NAME.optiq-undo`. A link is followed: the file that it leads to is changed.
"""

import difflib
import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from optiq_server.connect.errors import ChangedSince, NothingToUndo, UnreadableConfig, WriteFailed
from optiq_server.connect.recipe import Merge

_BACKUP = ".before-optiq"
_NOTE = ".optiq-undo"

_NEW_FILE_MODE = 0o600
"""Such files may hold keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """From `before`, None where there is no file, to `after`."""

    path: Path
    before: bytes | None
    after: bytes

    @property
    def is_needed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """In the unified form; empty where nothing changes."""
        old, new = ((each or b"").decode(errors="replace") for each in (self.before, self.after))
        name = str(self.path)
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="")
        return "\n".join(lines)


def plan_change(path: Path, merge: Merge) -> ConfigChange:
    """What `merge` makes of the file. Raises UnreadableConfig and WriteFailed."""
    target = path.resolve()
    before = _read(target)
    try:
        text = (before or b"").decode()
    except UnicodeDecodeError as error:
        raise UnreadableConfig("it is not in UTF-8") from error
    after = merge(text)
    # A file with the line ends of Windows keeps them, whatever the libraries write.
    if "\r\n" in text:
        after = after.replace("\r\n", "\n").replace("\n", "\r\n")
    return ConfigChange(path=target, before=before, after=after.encode())


def write_change(change: ConfigChange) -> Path | None:
    """Write it; the backup's path, None where there was no file. Raises WriteFailed.

    A second change keeps the first one's backup if nobody else has touched the file in between.
    """
    path, backup, note = change.path, _beside(change.path, _BACKUP), _beside(change.path, _NOTE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        earlier = _read_note(note)
        if earlier is None or earlier.written != _digest(change.before):
            earlier = None
            backup.unlink(missing_ok=True)
            if change.before is not None:
                _replace(backup, change.before, like=path)
        existed = change.before is not None if earlier is None else earlier.existed
        _replace(note, _Note(written=_digest(change.after), existed=existed).encode(), like=path)
        _replace(path, change.after, like=path)
    except OSError as error:
        raise WriteFailed(path, error.strerror or str(error)) from error
    return backup if existed else None


def undo_change(path: Path) -> None:
    """Make the file what it was, byte for byte. Raises NothingToUndo, ChangedSince and WriteFailed."""
    target = path.resolve()
    backup, note = _beside(target, _BACKUP), _beside(target, _NOTE)
    try:
        written = _read_note(note)
        if written is None:
            raise NothingToUndo(target)
        if _digest(_read(target)) != written.written:
            raise ChangedSince(target, backup if written.existed else None)
        if written.existed:
            os.replace(backup, target)
        else:
            target.unlink()
        note.unlink()
    except OSError as error:
        raise WriteFailed(target, error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """`written` is the digest of what was written; `existed` tells whether there was a file before."""

    written: str
    existed: bool

    def encode(self) -> bytes:
        return json.dumps({"written_sha256": self.written, "existed": self.existed}).encode()


def _read_note(path: Path) -> _Note | None:
    text = _read(path)
    if text is None:
        return None
    try:
        value = json.loads(text)
        return _Note(written=str(value["written_sha256"]), existed=bool(value["existed"]))
    except (ValueError, KeyError, TypeError):
        return None


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WriteFailed(path, error.strerror or str(error)) from error


def _replace(path: Path, content: bytes, *, like: Path) -> None:
    """Write `content` to `path` at once, with the permissions of `like` if that exists."""
    mode = like.stat().st_mode & 0o777 if like.exists() else _NEW_FILE_MODE
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise
