"""Frames on a pipe, and plain values as JSON. It trusts nobody: what it reads may have been made to do harm.

A value becomes what its builtin base type makes of it, rebuilt on the other side: an object with an `__eq__`
of its own does not come through, and neither does anything that runs code when it is read, as pickle would.
"""

import json
import os
from collections.abc import Iterable
from typing import Any

MAX_FRAME_BYTES = 16 << 20
_LENGTH_BYTES = 4


class Unsendable(Exception):
    """The value, or a part of it, is no plain value; the text is its type."""


class BrokenFrame(Exception):
    """What was read is no frame, or is no value."""


def frame(body: bytes) -> bytes:
    """Raises BrokenFrame if the body is too large."""
    if len(body) > MAX_FRAME_BYTES:
        raise BrokenFrame(f"{len(body)} bytes are more than {MAX_FRAME_BYTES}")
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def unframe(framed: bytes) -> bytes:
    """Raises BrokenFrame unless it is one whole frame."""
    length, body = framed[:_LENGTH_BYTES], framed[_LENGTH_BYTES:]
    if len(length) < _LENGTH_BYTES or int.from_bytes(length, "big") != len(body):
        raise BrokenFrame(f"{len(framed)} bytes are not one frame")
    return body


def write_frame(descriptor: int, body: bytes) -> None:
    """Raises BrokenFrame if the body is too large, and OSError."""
    left = memoryview(frame(body))
    while left:
        left = left[os.write(descriptor, left) :]


def read_frame(descriptor: int) -> bytes | None:
    """The next frame; None where the other side is gone. Reads not one byte more."""
    header = _read_exactly(descriptor, _LENGTH_BYTES)
    if header is None:
        return None
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME_BYTES:
        raise BrokenFrame(f"{length} bytes are more than {MAX_FRAME_BYTES}")
    return _read_exactly(descriptor, length)


def _read_exactly(descriptor: int, length: int) -> bytes | None:
    pieces = []
    while length:
        piece = os.read(descriptor, min(length, 1 << 16))
        if not piece:
            return None
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def dump(value: object) -> bytes:
    """Raises Unsendable."""
    try:
        return json.dumps(_flatten(value)).encode()
    except RecursionError:
        raise Unsendable("a value that is nested too deeply") from None


def load(body: bytes) -> Any:  # noqa: ANN401  # any plain value
    """Raises BrokenFrame."""
    try:
        return _rebuild(json.loads(body))
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise BrokenFrame(f"no value: {error}") from None


def _flatten(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    for kind, flatten in _FLATTEN.items():
        if isinstance(value, kind):
            return [kind.__name__, flatten(value)]
    raise Unsendable(type(value).__name__)


def _all(values: Iterable[object]) -> list[object]:
    return [_flatten(each) for each in values]


# Digits are hexadecimal, because Python limits the length of decimal ones; a float's are exact so.
_FLATTEN: dict[type, Any] = {
    int: lambda value: hex(value),
    float: lambda value: float.hex(value),
    complex: lambda value: [float.hex(value.real), float.hex(value.imag)],
    str: lambda value: str.__str__(value),
    bytes: lambda value: bytes.hex(value),
    list: _all,
    tuple: _all,
    set: _all,
    frozenset: _all,
    dict: lambda value: [[_flatten(key), _flatten(each)] for key, each in value.items()],
}


def _rebuild(flat: Any) -> object:  # noqa: ANN401  # whatever JSON held
    if flat is None or isinstance(flat, bool):
        return flat
    kind, content = flat
    return _REBUILD[kind](content)


def _rebuilt(values: Iterable[object]) -> list[object]:
    return [_rebuild(each) for each in values]


_REBUILD: dict[str, Any] = {
    "int": lambda content: int(content, 16),
    "float": float.fromhex,
    "complex": lambda content: complex(float.fromhex(content[0]), float.fromhex(content[1])),
    "str": str,
    "bytes": bytes.fromhex,
    "list": _rebuilt,
    "tuple": lambda content: tuple(_rebuilt(content)),
    "set": lambda content: set(_rebuilt(content)),
    "frozenset": lambda content: frozenset(_rebuilt(content)),
    "dict": lambda content: {_rebuild(key): _rebuild(each) for key, each in content},
}
