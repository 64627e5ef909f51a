"""The filter, run by a small machine of its own: what it says of system calls, on both architectures."""

import errno
import struct

import pytest

from optiq_server.evaluation.sandbox.guest.system_calls import build_filter, machine_is_known

_ALLOWED, _REFUSED, _UNKNOWN_CALL, _KILLED = (
    0x7FFF0000,
    0x00050000 | errno.EPERM,
    0x00050000 | errno.ENOSYS,
    0x80000000,
)
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE_THREAD = 0x10000


def _verdict(machine: str, number: int, argument: int = 0, architecture: int | None = None) -> int:
    """Run the filter over the kernel's `struct seccomp_data`."""
    data = struct.pack("=IIQQ", number, architecture or _ARCHITECTURES[machine], 0, argument)
    program = list(struct.iter_unpack("=HBBI", build_filter(machine)))
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, operand = program[place]
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        else:
            holds = {
                0x15: accumulator == operand,
                0x35: accumulator >= operand,
                0x45: accumulator & operand != 0,
            }[code]
            place += if_true if holds else if_false
        place += 1


@pytest.mark.parametrize(
    ("machine", "number"),
    [
        *(("x86_64", number) for number in (41, 57, 58, 59, 62, 101, 165, 319, 425)),
        *(("aarch64", number) for number in (198, 221, 129, 117, 40, 279, 425)),
    ],
)
def test_sockets_processes_signals_and_tracing_are_refused(machine: str, number: int) -> None:
    assert _verdict(machine, number) == _REFUSED


@pytest.mark.parametrize(
    ("machine", "number"), [("x86_64", 0), ("x86_64", 9), ("x86_64", 257), ("aarch64", 63), ("aarch64", 222)]
)
def test_reading_mapping_and_opening_are_left_to_the_limits(machine: str, number: int) -> None:
    assert _verdict(machine, number) == _ALLOWED


@pytest.mark.parametrize(("machine", "clone"), [("x86_64", 56), ("aarch64", 220)])
def test_a_thread_may_be_started_and_a_process_may_not(machine: str, clone: int) -> None:
    assert _verdict(machine, clone, _CLONE_THREAD | 0x100) == _ALLOWED
    assert _verdict(machine, clone, 17) == _REFUSED
    assert _verdict(machine, 435) == _UNKNOWN_CALL


@pytest.mark.parametrize("machine", _ARCHITECTURES)
def test_another_architectures_calls_end_the_process(machine: str) -> None:
    assert _verdict(machine, 0, architecture=0x40000003) == _KILLED


def test_the_x32_numbers_are_no_way_around() -> None:
    assert _verdict("x86_64", 0x40000000 | 57) == _REFUSED


def test_other_machines_are_not_known() -> None:
    assert not machine_is_known("riscv64")
