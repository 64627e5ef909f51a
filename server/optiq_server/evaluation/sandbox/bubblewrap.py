"""Containment by bubblewrap: own namespaces, and of the files the Python installation only. Linux."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from optiq_server.evaluation.sandbox.guest.system_calls import machine_is_known
from optiq_server.evaluation.sandbox.installation import Installation
from optiq_server.evaluation.sandbox.mechanism import guest_arguments

_PROGRAM = "bwrap"
_PACKAGE_ROOT = "/guest"
_WORKING_FOLDER = "/work"
_DEVICES = ("/dev/null", "/dev/urandom")
"""Not all that bubblewrap's own /dev has: its /dev/shm may be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubblewrap:
    """Needs user namespaces, which some containers and distributions forbid."""

    installation: Installation
    name: str = "bubblewrap"
    watches_memory: bool = False
    readable: None = None

    def why_not(self) -> str | None:
        if not machine_is_known(os.uname().machine):
            return f"the system calls of {os.uname().machine} are not known"
        return None if shutil.which(_PROGRAM) else "bwrap is not on the PATH"

    def command(self, folder: str) -> Sequence[str]:
        del folder  # Its own is inside, in memory, and goes with it.
        visible = (*self.installation.libraries, *self.installation.folders)
        return [
            *(_PROGRAM, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
            *(argument for path in visible for argument in ("--ro-bind", path, path)),
            *("--ro-bind", self.installation.package, f"{_PACKAGE_ROOT}/optiq_server"),
            *(argument for path in _DEVICES for argument in ("--dev-bind", path, path)),
            *("--dir", _WORKING_FOLDER, "--remount-ro", "/", "--chdir", _WORKING_FOLDER),
            *guest_arguments(self.installation, _PACKAGE_ROOT),
        ]
