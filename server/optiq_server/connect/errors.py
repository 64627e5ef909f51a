"""Errors of connecting; each is one line for the user.

ConnectError
├── UnreadableConfig   the client's file cannot be changed without risk
├── ChangedSince       it is no longer what was written, so it is not undone
├── NothingToUndo      nothing was written, or it was undone already
├── CannotConnect      this client cannot reach a local server
└── WriteFailed        the system refuses to write the file
"""

from pathlib import Path


class ConnectError(Exception):
    """Base of all; never raised itself."""


class UnreadableConfig(ConnectError):
    """The text of a configuration is not what it should be; `reason` says in which way."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the file is left as it is: {self.reason}"


class ChangedSince(ConnectError):
    """Somebody has changed `path` after it was written; `backup` is what it was before, None if nothing."""

    def __init__(self, path: Path, backup: Path | None) -> None:
        super().__init__(path, backup)
        self.path = path
        self.backup = backup

    def __str__(self) -> str:
        old = (
            "there was no such file before" if self.backup is None else f"what was before is in {self.backup}"
        )
        return f"{self.path} has changed since it was written here, so it is left as it is; {old}"


class NothingToUndo(ConnectError):
    """There is no trace of a change at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"nothing was written to {self.path} that could be undone"


class CannotConnect(ConnectError):
    """`reason` says why the client cannot be connected."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class WriteFailed(ConnectError):
    """`path` could not be read or written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"
