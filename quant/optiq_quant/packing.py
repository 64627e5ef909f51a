"""Integer codes in MLX's layout: one stream of bits along the last axis, little-endian, in words of 32 bits.

For 2, 4 and 8 bits a word holds whole codes. For 3, 5 and 6 bits MLX reads bytes: eight codes in three bytes,
eight in five, four in three; as words they are the same stream. It does not know what a code means.
"""

import math

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Words = NDArray[np.uint32]

_WORD_BITS = 32


def pack(codes: Codes, bits: int) -> Words:
    """Codes (..., in) below 2^bits as words (..., in * bits / 32). Raises ValueError."""
    per_unit, words_per_unit = _unit(bits)
    if codes.shape[-1] % per_unit:
        raise ValueError(f"{codes.shape[-1]} codes of {bits} bits end inside a word; legal: n x {per_unit}")
    if codes.size and int(codes.max()) >> bits:
        raise ValueError(f"code {int(codes.max())} does not fit {bits} bits")
    units = codes.reshape(*codes.shape[:-1], -1, per_unit)
    words = np.zeros((*units.shape[:-1], words_per_unit), np.uint32)
    for index in range(per_unit):
        word, shift = divmod(index * bits, _WORD_BITS)
        code = units[..., index].astype(np.uint32)
        words[..., word] |= code << np.uint32(shift)
        if shift + bits > _WORD_BITS:
            words[..., word + 1] |= code >> np.uint32(_WORD_BITS - shift)
    return words.reshape(*codes.shape[:-1], -1)


def unpack(words: Words, bits: int) -> Codes:
    """What `pack` packed."""
    per_unit, words_per_unit = _unit(bits)
    units = words.reshape(*words.shape[:-1], -1, words_per_unit)
    codes = np.empty((*units.shape[:-1], per_unit), np.uint8)
    mask = np.uint32((1 << bits) - 1)
    for index in range(per_unit):
        word, shift = divmod(index * bits, _WORD_BITS)
        value = units[..., word] >> np.uint32(shift)
        if shift + bits > _WORD_BITS:
            value = value | (units[..., word + 1] << np.uint32(_WORD_BITS - shift))
        codes[..., index] = (value & mask).astype(np.uint8)
    return codes.reshape(*words.shape[:-1], -1)


def _unit(bits: int) -> tuple[int, int]:
    """How many codes end together with a word, and in how many words."""
    if not 1 <= bits <= 8:
        raise ValueError(f"codes have 1 to 8 bits, not {bits}")
    common = math.gcd(_WORD_BITS, bits)
    return _WORD_BITS // common, bits // common
