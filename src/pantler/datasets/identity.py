"""Dataset IDs: UUIDs of version 7, made in bulk."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final
from uuid import UUID

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MASK: Final = (1 << 64) - 1


def make_uuids(
    count: int, *, seed: int | None = None, time_ms: int | None = None
) -> NDArray[np.uint8]:
    """Return time-ordered UUIDs of version 7.

    Parameters
    ----------
    count
        How many.
    seed
        Of the random bits; drawn from the system when None. The same seed and clock
        reading give the same UUIDs.
    time_ms
        Clock reading, Unix milliseconds; now when None.

    Returns
    -------
    numpy.ndarray, shape (count, 16)
        The bytes of each, ascending.

    References
    ----------
    .. [1] RFC 9562, section 5.7, with method 1 of section 6.2 (a counter in the
       bits after the time stamp) so that one batch is in order.
    """
    if seed is None:
        seed = new_seed()
    if time_ms is None:
        time_ms = time.time_ns() // 1_000_000
    return uuids_at(np.arange(count, dtype=np.uint64), seed=seed, time_ms=time_ms)


def new_seed() -> int:
    """Return 128 random bits of the system, a seed for UUIDs."""
    return secrets.randbits(128)


def uuids_at(
    index: NDArray[np.integer], *, seed: int, time_ms: int
) -> NDArray[np.uint8]:
    """Return any UUIDs of the sequence that a seed and a clock reading fix.

    ``make_uuids(n, seed=s, time_ms=t)`` has those at 0 to n - 1.

    Parameters
    ----------
    index : (n,)
        Places in the sequence, from 0, in any order.
    seed
        Of the random bits; 128 of its bits count.
    time_ms
        Clock reading, Unix milliseconds.

    Returns
    -------
    numpy.ndarray, shape (n, 16)
        The bytes of each, ordered as their places are.

    References
    ----------
    .. [1] RFC 9562, sections 5.7 and 6.2.
    .. [2] Steele, Lea & Flood 2014, OOPSLA, "Fast splittable pseudorandom number
       generators": its mixing function hashes the place.
    """
    place = index.astype(np.uint64)
    # 48 bits of time, which advance by one every 2**26 UUIDs; then version; then 26
    # bits of counter in what follows (12 of rand_a and the upper 14 of rand_b).
    stamp = np.uint64(time_ms) + (place >> np.uint64(26))
    counter = place & np.uint64(0x3FFFFFF)
    upper = stamp << np.uint64(16) | np.uint64(0x7000) | counter >> np.uint64(14)
    low_key, high_key = np.uint64(seed & _MASK), np.uint64(seed >> 64 & _MASK)
    noise = _mix(_mix(place * np.uint64(0x9E3779B97F4A7C15) + low_key) ^ high_key)
    lower = (
        np.uint64(1 << 63)
        | (counter & np.uint64(0x3FFF)) << np.uint64(48)
        | noise >> np.uint64(16)
    )
    out = np.empty((len(place), 2), dtype=">u8")
    out[:, 0] = upper
    out[:, 1] = lower
    return out.view(np.uint8)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash 64 bits to 64 bits."""
    bits = (bits ^ bits >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ bits >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return bits ^ bits >> np.uint64(31)


def make_uuid() -> UUID:
    """Return one new UUID of version 7."""
    return UUID(bytes=make_uuids(1)[0].tobytes())


def uuid_series(uuids: NDArray[np.uint8], name: str = "dataset_id") -> pl.Series:
    """Return the bytes of UUIDs, shape (n, 16), as a Binary series."""
    blob = uuids.tobytes()
    parts = [blob[at : at + 16] for at in range(0, len(blob), 16)]
    return pl.Series(name, parts, dtype=pl.Binary)


def uuid_bytes(series: pl.Series) -> NDArray[np.uint8]:
    """Return a Binary series of n UUIDs as bytes, shape (n, 16)."""
    if not len(series):
        return np.empty((0, 16), dtype=np.uint8)
    wide = series.bin.reinterpret(dtype=pl.Array(pl.UInt8, 16), endianness="little")
    return wide.to_numpy()
