"""Renders and parses in a process that the kernel lets open no socket. Writes what came of it.

A ban within Python would not hold for openai-harmony, whose downloads are Rust's.
"""

import ctypes
import platform
import socket
import sys
from pathlib import Path

from optiq_harmony import ControlToken, Conversation, Parser, Renderer, UserMessage, Vocabulary

SOCKET_SYSTEM_CALLS = {"x86_64": 41, "aarch64": 198}
"""The number of socket(2) by machine, as in Linux's system call tables."""

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL_WITH_EPERM = 0x7FFF0000, 0x00050001


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jump_true", ctypes.c_uint8),
        ("jump_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def forbid_sockets() -> None:
    """From now on socket(2) fails with EPERM, in this thread and those that it starts."""
    instructions = (_Instruction * 4)(
        _Instruction(_LOAD_WORD, 0, 0, 0),  # the system call's number
        _Instruction(_JUMP_IF_EQUAL, 0, 1, SOCKET_SYSTEM_CALLS[platform.machine()]),
        _Instruction(_RETURN, 0, 0, _FAIL_WITH_EPERM),
        _Instruction(_RETURN, 0, 0, _ALLOW),
    )
    program = _Program(len(instructions), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program)),
    ):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl failed")


def main(cache_folder: Path) -> None:
    forbid_sockets()
    try:
        socket.socket()
    except PermissionError:
        sys.stdout.write("sockets are forbidden\n")
    vocabulary = Vocabulary.load(cache_folder)
    prompt = Renderer(vocabulary).render(Conversation(messages=(UserMessage(text="Hello"),)))
    sys.stdout.write(f"{len(prompt.boundaries)} messages\n")
    parser = Parser(vocabulary)
    reply = [ControlToken.CHANNEL, *vocabulary.encode_text("final"), ControlToken.MESSAGE, *prompt.ids[-1:]]
    events = [event for token in reply for event in parser.feed(token)]
    sys.stdout.write(f"{events}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
