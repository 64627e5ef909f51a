"""Containment by macOS's sandbox-exec: a profile that denies everything but what Python needs to start.

sandbox-exec is marked as deprecated and has no successor for command line programs; Apple's own tools and
other projects still rest on it.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optiq_server.evaluation.sandbox.installation import Installation
from optiq_server.evaluation.sandbox.mechanism import guest_arguments

_PROGRAM = "sandbox-exec"

_SYSTEM_FOLDERS = (
    "/usr/lib",
    "/System/Library",
    "/System/Volumes/Preboot/Cryptexes",
    # Where Homebrew keeps the libraries that its Python is linked to.
    "/opt/homebrew/opt",
    "/opt/homebrew/Cellar",
    "/usr/local/opt",
    "/usr/local/Cellar",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seatbelt:
    """The limit of processes and of CPU time are the guest's own; memory is watched by the host."""

    installation: Installation
    name: str = "sandbox-exec"
    watches_memory: bool = True
    readable: None = None

    def why_not(self) -> str | None:
        if sys.platform != "darwin":
            return "it is macOS's"
        return None if shutil.which(_PROGRAM) else "sandbox-exec is not on the PATH"

    def command(self, folder: str) -> Sequence[str]:
        root = str(Path(self.installation.package).parent)
        return [
            *(_PROGRAM, "-p", profile(self.installation, folder)),
            *guest_arguments(self.installation, root),
        ]


def profile(installation: Installation, folder: str) -> str:
    """The rules in Seatbelt's language; the last one that matches decides."""
    package_root = str(Path(installation.package).parent)
    readable = "\n".join(
        f"  (subpath {_quoted(path)})"
        for path in (*installation.folders, installation.package, *_SYSTEM_FOLDERS)
    )
    return f"""(version 1)
(deny default)
(import "system.sb")
(deny network*)
(deny file-write*)
(deny signal)
(allow signal (target children))
(allow process-fork)
(allow process-exec
{_executable_folders(installation)})
(allow sysctl-read)
(allow file-read-metadata)
(allow file-read*
  (literal "/")
  (literal "/dev/null")
  (literal "/dev/random")
  (literal "/dev/urandom")
  (literal {_quoted(package_root)})
  (literal {_quoted(folder)})
{readable})
(allow file-write-data (literal "/dev/null"))
"""


def _executable_folders(installation: Installation) -> str:
    return "\n".join(f"  (subpath {_quoted(path)})" for path in installation.folders)


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
