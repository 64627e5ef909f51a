"""What keeps a program contained: one way of starting the guest, of several. The choice is containment's."""

from collections.abc import Sequence
from typing import Protocol

from optiq_server.evaluation.sandbox.guest import main
from optiq_server.evaluation.sandbox.installation import Installation


class Mechanism(Protocol):
    """`command` starts the guest in the empty `folder`; `readable` is what the guest itself must keep to,
    where the mechanism does not hide files from outside.
    """

    @property
    def name(self) -> str: ...

    def why_not(self) -> str | None:
        """Why it cannot work here as far as it is known without trying, or None."""

    def command(self, folder: str) -> Sequence[str]: ...

    @property
    def readable(self) -> Sequence[str] | None: ...

    @property
    def watches_memory(self) -> bool:
        """Whether the host must watch the guest's memory, because the kernel holds to no limit of it."""


def guest_arguments(installation: Installation, package_root: str) -> list[str]:
    """The interpreter without site packages, and the guest's first line; `package_root` is the folder of
    `optiq_server`'s own folder, as it is seen inside.
    """
    start = f"import sys; sys.path.insert(0, {package_root!r}); from {main.__name__} import main; main()"
    return [installation.executable, "-s", "-S", "-P", "-B", "-c", start]
