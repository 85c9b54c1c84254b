"""What arrays of given sizes take on a GPU: allocators round, and small arrays share chunks."""

from __future__ import annotations

from typing import Iterable

KIB = 1024
MIB = 1024 * KIB


def _round_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def pool_bytes(sizes: Iterable[int]) -> int:
    """Device memory under the pool of MXNet 1.9.1 (its default, GPUPooledStorageManager).

    The pool rounds to its page of 4 KiB and, above 2 MiB, to multiples of 2 MiB. The driver hands out memory in pieces
    of 2 MiB, which arrays below 1 MiB share.
    """
    shared = own = 0
    for size in sizes:
        if size <= 0:
            continue
        rounded = _round_up(size, 2 * MIB if size > 2 * MIB else 4 * KIB)
        if rounded < MIB:
            shared += rounded
        else:
            own += _round_up(rounded, 2 * MIB)
    return own + _round_up(shared, 2 * MIB)


def device_bytes(sizes: Iterable[int]) -> int:
    """Device memory under MXNet 0.10 and 0.11 on a GPU of 2017.

    Its pool adds 32 bytes to every array. The driver of that time rounded to 128 KiB and packed arrays below 1 MiB, at
    512 bytes, into chunks of 1 MiB.
    """
    shared = own = 0
    for size in sizes:
        if size <= 0:
            continue
        if size + 32 < MIB:
            shared += _round_up(size + 32, 512)
        else:
            own += _round_up(size + 32, 128 * KIB)
    return own + _round_up(shared, MIB)
