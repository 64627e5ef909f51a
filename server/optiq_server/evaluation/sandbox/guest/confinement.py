"""How a process gives up what it may do, for itself and all that it starts."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence

from optiq_server.evaluation.sandbox.guest.landlock import allow_reading_only
from optiq_server.evaluation.sandbox.guest.system_calls import refuse_system_calls

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522
_MAX_DESCRIPTORS = 64
_ON_LINUX = sys.platform == "linux"


def confine_guest(*, cpu_seconds: int, memory_bytes: int, readable: Sequence[str] | None) -> None:
    """For the judge and the candidate alike. `readable` is None where files are hidden from outside."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_DESCRIPTORS)
    # At the first a signal tells why; at the second the kernel kills.
    _limit(resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)
    if not _ON_LINUX:
        # macOS does not hold to a limit of memory; there the host watches it.
        return
    _limit(resource.RLIMIT_AS, memory_bytes)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # The candidate has the judge's user id: it could otherwise read the judge's memory.
    _prctl(_PR_SET_DUMPABLE, 0)
    _drop_capabilities()
    if readable is not None:
        allow_reading_only(readable)


def confine_candidate() -> None:
    """What the judge may and the candidate may not: start processes, signal, open sockets."""
    os.setsid()
    _limit(resource.RLIMIT_NPROC, 0)
    if _ON_LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # Root is exempt from the limit of processes, and Landlock knows no sockets but TCP's.
        refuse_system_calls()


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    """Never above what is in force."""
    now = resource.getrlimit(which)[1]
    most = soft if hard is None else hard
    most = most if now == resource.RLIM_INFINITY else min(most, now)
    resource.setrlimit(which, (min(soft, most), most))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities could not be dropped")
