"""Dataset IDs: UUIDs of version 7, made in bulk."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        seed = secrets.randbits(128)
    if time_ms is None:
        time_ms = time.time_ns() // 1_000_000
    out = np.random.default_rng(seed).integers(0, 256, (count, 16), dtype=np.uint8)
    # 48 bits of time, which advance by one every 2**26 UUIDs; then version; then 26
    # bits of counter in what follows (12 of rand_a and the upper 14 of rand_b).
    index = np.arange(count, dtype=np.uint64)
    stamp = np.uint64(time_ms) + (index >> np.uint64(26))
    counter = index & np.uint64(0x3FFFFFF)
    for place in range(6):
        out[:, place] = (stamp >> np.uint64(40 - 8 * place)).astype(np.uint8)
    out[:, 6] = 0x70 | (counter >> np.uint64(22)).astype(np.uint8)
    out[:, 7] = (counter >> np.uint64(14)).astype(np.uint8)
    out[:, 8] = 0x80 | ((counter >> np.uint64(8)) & np.uint64(0x3F)).astype(np.uint8)
    out[:, 9] = (counter & np.uint64(0xFF)).astype(np.uint8)
    return out


def make_uuid() -> UUID:
    """Return one new UUID of version 7."""
    return UUID(bytes=make_uuids(1)[0].tobytes())


def uuid_series(uuids: NDArray[np.uint8], name: str = "dataset_id") -> pl.Series:
    """Return the bytes of UUIDs, shape (n, 16), as a Binary series."""
    blob = uuids.tobytes()
    parts = [blob[at : at + 16] for at in range(0, len(blob), 16)]
    return pl.Series(name, parts, dtype=pl.Binary)
