"""Landlock: which folders this process may read from now on. It may write nothing. Linux only.

The kernel's interface is in `linux/landlock.h`. Version 3 is the first that also keeps files from being
truncated. Landlock lets a process see that a file exists, and its attributes, but not what is in it.
"""

import ctypes
import os
from collections.abc import Iterable

NEEDED_VERSION = 3
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_ALL_RIGHTS = (1 << 15) - 1
"""Those of version 3."""


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_version() -> int:
    """0 where the kernel has none, or has it switched off."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)))


def allow_reading_only(folders: Iterable[str]) -> None:
    """For this thread and all that it starts, for good. `no_new_privs` must be set. Raises OSError."""
    handled = ctypes.c_uint64(_ALL_RIGHTS)
    ruleset = _call(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    for folder in folders:
        descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        rule = _PathBeneath(_EXECUTE | _READ_FILE | _READ_FOLDER, descriptor)
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        os.close(descriptor)
    _call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
