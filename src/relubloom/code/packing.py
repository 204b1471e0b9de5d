"""Bits in 64-bit words."""

import numpy as np
from numpy.typing import NDArray

WORD = 64


def pack_bits(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack bool [rows, width] into uint64 [rows, ceil(width / 64)], bit i in word i // 64."""
    words = -(-bits.shape[1] // WORD)
    padded = np.zeros((len(bits), words * WORD), dtype=np.bool_)
    padded[:, : bits.shape[1]] = bits
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def unpack_bits(packed: NDArray[np.uint64], width: int) -> NDArray[np.bool_]:
    """The inverse of `pack_bits`."""
    octets = np.ascontiguousarray(packed.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=width, bitorder="little").view(np.bool_)
