"""Containment by the kernel's own rules for one process: Landlock for files, seccomp for the rest. Linux.

It needs no program and no namespaces, so it also holds inside most containers. The guest applies the rules to
itself before it reads any program.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optiq_server.evaluation.sandbox.guest.landlock import NEEDED_VERSION, landlock_version
from optiq_server.evaluation.sandbox.guest.system_calls import machine_is_known
from optiq_server.evaluation.sandbox.installation import Installation
from optiq_server.evaluation.sandbox.mechanism import guest_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRules:
    """A program sees which files exist, but reads only the Python installation, and writes nothing."""

    installation: Installation
    name: str = "Landlock and seccomp"
    watches_memory: bool = False

    def why_not(self) -> str | None:
        if not machine_is_known(os.uname().machine):
            return f"the system calls of {os.uname().machine} are not known"
        version = landlock_version()
        if version < NEEDED_VERSION:
            return f"the kernel has version {version} of Landlock, and {NEEDED_VERSION} is needed (Linux 6.2)"
        return None

    @property
    def readable(self) -> Sequence[str]:
        return (*self.installation.libraries, *self.installation.folders)

    def command(self, folder: str) -> Sequence[str]:
        del folder  # It is where the process starts.
        return guest_arguments(self.installation, str(Path(self.installation.package).parent))
