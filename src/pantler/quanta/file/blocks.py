"""Blocks: named columns as compact bytes, checked when they are read.

Integers are stored as differences from the column's least value, or those of
neighbours from the least difference, whichever is narrower; then everything is
compressed together, with a checksum.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import zstandard

from pantler.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_LENGTH: Final = struct.Struct("<I")
_LEVEL: Final = 3


def write_block(columns: Mapping[str, Any]) -> bytes:
    """Return columns as one block.

    Parameters
    ----------
    columns
        Arrays of integers, shape (n,); UUIDs, shape (n, 16), uint8; or lists of text
        and None.
    """
    entries: list[list[Any]] = []
    parts: list[bytes] = []
    for name, column in columns.items():
        if not isinstance(column, np.ndarray):
            data = json.dumps(list(column), separators=(",", ":")).encode()
            entry = ["text", len(data)]
        elif column.ndim == 2:
            data, entry = column.tobytes(), ["uuid", len(column)]
        else:
            data, entry = _pack_integers(column)
        entries.append([name, *entry])
        parts.append(data)
    head = json.dumps(entries, separators=(",", ":")).encode()
    # A compressor holds tables of a megabyte and serves one thread: not kept.
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    return compressor.compress(b"".join([_LENGTH.pack(len(head)), head, *parts]))


def read_block(data: bytes, where: str) -> dict[str, Any]:
    """Return the columns of a block.

    Parameters
    ----------
    data
        The bytes.
    where
        Whose they are, for messages.

    Raises
    ------
    IntegrityError
        If they are not what was written.
    """
    try:
        raw = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise IntegrityError(
            f"{where} is damaged: a block cannot be read ({error}). Build it again."
        ) from error
    (length,) = _LENGTH.unpack_from(raw)
    at = _LENGTH.size + length
    columns: dict[str, Any] = {}
    for name, kind, *entry in json.loads(raw[_LENGTH.size : at]):
        if kind == "text":
            columns[name] = json.loads(raw[at : at + entry[0]])
            at += entry[0]
        elif kind == "uuid":
            columns[name] = np.frombuffer(raw, np.uint8, entry[0] * 16, at)
            columns[name] = columns[name].reshape(-1, 16)
            at += entry[0] * 16
        else:
            columns[name] = _unpack_integers(raw, at, kind, entry)
            at += entry[0] * entry[-1] - (entry[-1] if kind == "delta" else 0)
    return columns


def _pack_integers(values: NDArray[np.integer]) -> tuple[bytes, list[Any]]:
    """Return bytes, and kind, count, first or least value, least step, width."""
    if not len(values):
        return b"", ["plain", 0, 0, 0, 0]
    wide = values.astype(np.int64, copy=False)
    least = int(wide.min())
    span = int(wide.max()) - least
    if len(wide) > 1 and span < 2**62:
        steps = np.diff(wide)
        least_step = int(steps.min())
        step_span = int(steps.max()) - least_step
        if _width(step_span) < _width(span):
            width = _width(step_span)
            data = _narrow(steps - least_step, width)
            return data, ["delta", len(wide), int(wide[0]), least_step, width]
    width = _width(span)
    if width == 8:  # differences may not fit: as they are
        return wide.astype("<i8").tobytes(), ["plain", len(wide), 0, 0, 8]
    return _narrow(wide - least, width), ["plain", len(wide), least, 0, width]


def _width(span: int) -> int:
    if span == 0:
        return 0
    return next((w for w in (1, 2, 4) if span < 256**w), 8)


def _narrow(values: NDArray[np.int64], width: int) -> bytes:
    """Return the low bytes of values, all first bytes before all second ones."""
    if width == 0:
        return b""
    if width == 1:
        return values.astype(np.uint8).tobytes()
    lanes = values.astype(f"<u{width}").view(np.uint8).reshape(-1, width)
    return np.ascontiguousarray(lanes.T).tobytes()


def _unpack_integers(
    raw: bytes, at: int, kind: str, entry: list[int]
) -> NDArray[np.int64]:
    count, base, least_step, width = entry
    stored = count - 1 if kind == "delta" else count
    if width == 8 and kind == "plain":
        return np.frombuffer(raw, "<i8", count, at).astype(np.int64)
    if width == 0:
        values = np.zeros(stored, dtype=np.int64)
    else:
        lanes = np.frombuffer(raw, np.uint8, stored * width, at).reshape(width, -1)
        values = np.ascontiguousarray(lanes.T).view(f"<u{width}").ravel()
        values = values.astype(np.int64)
    if kind == "plain":
        return values + base
    out = np.empty(count, dtype=np.int64)
    out[0] = base
    np.cumsum(values + least_step, out=out[1:])
    out[1:] += base
    return out
