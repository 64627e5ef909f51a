"""Which mechanism holds on this machine: it is tried on programs that attempt to get out. None, no run.

What the attempts are is told by the two probes below. A program that is stopped may also be stopped because
nothing runs at all; so the probes must also come to their end and say so.
"""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from optiq_server.evaluation.sandbox.bubblewrap import Bubblewrap
from optiq_server.evaluation.sandbox.errors import NoContainment
from optiq_server.evaluation.sandbox.installation import Installation, this_installation
from optiq_server.evaluation.sandbox.kernel_rules import KernelRules
from optiq_server.evaluation.sandbox.limits import Limits
from optiq_server.evaluation.sandbox.mechanism import Mechanism
from optiq_server.evaluation.sandbox.runner import Program, Sandbox
from optiq_server.evaluation.sandbox.seatbelt import Seatbelt
from optiq_server.evaluation.suite import Outcome

_ESCAPES = """
import os, socket

def escapes(port, secret_file, home, shown_in_home, folders, pid):
    attempts = {
        "connect to a socket": lambda: socket.create_connection(("127.0.0.1", port), 1),
        "read a file of the host": lambda: open(secret_file).read(),
        "list the home folder": lambda: hidden(os.listdir(home), shown_in_home),
        "start a process": fork,
        "start another program": lambda: os.posix_spawn("/bin/sh", ["sh", "-c", "true"], {}),
        "signal a process of the host": lambda: os.kill(pid, 0),
    }
    for number, folder in enumerate((".", *folders)):
        name = "write into " + (folder if number else "its own folder")
        attempts[name] = lambda folder=folder: write(folder)
    return [name for name, attempt in attempts.items() if succeeds(attempt)]

def succeeds(attempt):
    try:
        attempt()
    except OSError:
        return False
    return True

def hidden(names, shown):
    if not set(names) - set(shown):
        raise OSError("there is nothing to see")

def fork():
    if os.fork() == 0:
        os._exit(0)

def write(folder):
    open(os.path.join(folder, "optiq-was-here"), "w").close()
    os.unlink(os.path.join(folder, "optiq-was-here"))
"""

_GREED = """
import time

def grow(most):
    held = []
    while sum(map(len, held)) < most:
        held.append(b"x" * (16 << 20))
    time.sleep(2)
    return len(held)
"""
"""It holds what it got for longer than a watch from outside takes to look again."""

_GREED_TESTS = """
def check(candidate):
    try:
        candidate({most})
    except Exception:
        return
    raise AssertionError("take more memory than the limit")
"""

_PROBED_LIMITS = Limits(memory_bytes=128 << 20)
"""Small, so that the probe of memory is quick."""

_WRITABLE_BY_ALL = ("/tmp", "/var/tmp", "/dev/shm")

_REMEDY = {
    "linux": (
        "Install bubblewrap (`apt install bubblewrap` or `dnf install bubblewrap`) where user namespaces are"
        " allowed, or use a kernel of 6.2 or later with Landlock."
    ),
    "darwin": (
        "sandbox-exec is part of macOS: see that /usr/bin is on the PATH, and that this is in no other one."
    ),
}


def find_sandbox(*, parallel: int) -> Sandbox:
    """The first mechanism that holds. Raises NoContainment."""
    reasons = []
    for mechanism in mechanisms(this_installation()):
        reason = mechanism.why_not() or breach(mechanism)
        if reason is None:
            return Sandbox(mechanism=mechanism, limits=Limits(), parallel=parallel)
        reasons.append(f"{mechanism.name}: {reason}.")
    raise NoContainment(refusal(reasons))


def mechanisms(installation: Installation) -> Sequence[Mechanism]:
    """In the order in which they are preferred on this system."""
    if sys.platform == "darwin":
        return (Seatbelt(installation=installation),)
    if sys.platform == "linux":
        return (Bubblewrap(installation=installation), KernelRules(installation=installation))
    return ()


def refusal(reasons: Sequence[str]) -> str:
    told = " ".join(reasons) or f"No mechanism is known for {sys.platform}."
    remedy = _REMEDY.get(sys.platform, "Run this suite on Linux or macOS.")
    return (
        "Programs of a model are run only where they are contained, and nothing here contains them. "
        f"{told} {remedy}"
    )


def breach(mechanism: Mechanism) -> str | None:
    """What a program could do that it should not, or why none runs; None if the mechanism holds."""
    sandbox = Sandbox(mechanism=mechanism, limits=_PROBED_LIMITS, parallel=1)
    with _host() as tests:
        escape = Program(sources=(_ESCAPES,), entry_point="escapes", setup="", tests=tests)
        report = sandbox.run(escape)
    if report.outcome is not Outcome.PASSED:
        return report.detail
    tests = _GREED_TESTS.format(most=2 * _PROBED_LIMITS.memory_bytes)
    report = sandbox.run(Program(sources=(_GREED,), entry_point="grow", setup="", tests=tests))
    return None if report.outcome is Outcome.PASSED else report.detail


@contextmanager
def _host() -> Iterator[str]:
    """Something to be found outside, and the tests that tell where it is."""
    home = Path.home()
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        tempfile.NamedTemporaryFile(prefix="optiq-secret-") as secret,
    ):
        where = {
            "port": server.getsockname()[1],
            "secret_file": secret.name,
            "home": str(home),
            "shown_in_home": _shown_in(home),
            "folders": [str(home), tempfile.gettempdir(), *_WRITABLE_BY_ALL],
            "pid": os.getpid(),
        }
        yield (
            "def check(candidate):\n"
            f"    done = candidate(**{where!r})\n"
            "    assert not done, 'a program could ' + ', '.join(done)\n"
        )


def _shown_in(home: Path) -> list[str]:
    """What of the home folder a sandbox may show: the way to a Python that is installed there."""
    installation = this_installation()
    inside = (Path(path) for path in (*installation.folders, installation.package))
    return [path.relative_to(home).parts[0] for path in inside if path.is_relative_to(home) and path != home]
