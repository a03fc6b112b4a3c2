"""Blocks: named columns as compact bytes, checked when they are read.

Integers are stored as differences from the column's least value, or those of
neighbours from the least difference, whichever is narrower; then everything is
compressed together, with a checksum.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import zstandard
from pydantic import TypeAdapter

from pantler.quanta.file.layout import Count, damage_told, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LENGTH: Final = struct.Struct("<I")
_LEVEL: Final = 3
_MOST_TEXT_BYTES: Final = 1 << 28


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Named columns of a block.

    Parameters
    ----------
    integers : (n,) each
        Whole numbers.
    uuids : (n, 16) each
        UUIDs as bytes.
    texts
        Lists of text and None.
    """

    integers: dict[str, NDArray[Any]] = field(default_factory=dict)
    uuids: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    texts: dict[str, Sequence[str | None]] = field(default_factory=dict)

    def codes(self, name: str, size: int) -> NDArray[np.int32]:
        """Return a column of places in a table.

        Raises
        ------
        KeyError, IndexError
            If there is no such column, or a place beyond the table's size.
        """
        values = self.integers[name]
        if len(values) and not (values.min() >= 0 and values.max() < size):
            raise IndexError(f"'{name}' has places beyond the {size} that there are")
        return values.astype(np.int32)


class _Entry(NamedTuple):
    """How a column is stored."""

    name: str
    kind: Literal["plain", "delta", "uuid", "text"]
    length: Count
    """Of the values; of a column of texts, of the bytes."""
    base: int
    least_step: int
    width: Literal[0, 1, 2, 4, 8]

    @property
    def values(self) -> int:
        """How many integers the column takes in memory."""
        return {"text": 0, "uuid": 2 * self.length}.get(self.kind, self.length)


_ENTRIES: Final = TypeAdapter(list[_Entry])


def write_block(columns: Columns) -> bytes:
    """Return columns as one block."""
    entries: list[_Entry] = []
    parts: list[bytes] = []
    for name, texts in columns.texts.items():
        data = json.dumps(list(texts), separators=(",", ":")).encode()
        entries.append(_Entry(name, "text", len(data), 0, 0, 0))
        parts.append(data)
    for name, uuids in columns.uuids.items():
        entries.append(_Entry(name, "uuid", len(uuids), 0, 0, 0))
        parts.append(uuids.tobytes())
    for name, integers in columns.integers.items():
        entry, data = _pack_integers(name, integers)
        entries.append(entry)
        parts.append(data)
    head = json.dumps(entries, separators=(",", ":")).encode()
    # A compressor holds tables of a megabyte and serves one thread: not kept.
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    return compressor.compress(b"".join([_LENGTH.pack(len(head)), head, *parts]))


def read_block(data: bytes, where: str, *, most_values: int) -> Columns:
    """Return the columns of a block.

    Parameters
    ----------
    data
        The bytes.
    where
        Whose they are, for messages.
    most_values
        How many integers there can be in all columns.

    Raises
    ------
    IntegrityError
        If they are not what was written, or more than there can be.
    """
    with damage_told(where):
        raw = unpack(data, 8 * most_values + _MOST_TEXT_BYTES)
        (length,) = _LENGTH.unpack_from(raw)
        at = _LENGTH.size + length
        entries = _ENTRIES.validate_json(raw[_LENGTH.size : at], strict=True)
        if sum(entry.values for entry in entries) > most_values:
            raise ValueError(f"a block has more than {most_values} values")
        columns = Columns()
        for entry in entries:
            at += _read_column(columns, entry, raw, at)
        if at != len(raw):
            raise ValueError(f"a block has {len(raw) - at} bytes too many")
    return columns


def _read_column(columns: Columns, entry: _Entry, raw: bytes, at: int) -> int:
    """Add a column; return how many bytes it takes."""
    if entry.kind == "text":
        texts = json.loads(raw[at : at + entry.length])
        if not all(text is None or isinstance(text, str) for text in texts):
            raise TypeError(f"'{entry.name}' has values that are not text")
        columns.texts[entry.name] = texts
        return entry.length
    if entry.kind == "uuid":
        uuids = np.frombuffer(raw, np.uint8, entry.length * 16, at)
        columns.uuids[entry.name] = uuids.reshape(-1, 16)
        return entry.length * 16
    stored = entry.length - (entry.kind == "delta")
    columns.integers[entry.name] = _unpack_integers(raw, at, entry, stored)
    return stored * entry.width


def _pack_integers(name: str, values: NDArray[np.integer]) -> tuple[_Entry, bytes]:
    """Return how a column is stored, and its bytes."""
    if not len(values):
        return _Entry(name, "plain", 0, 0, 0, 0), b""
    wide = values.astype(np.int64, copy=False)
    least = int(wide.min())
    span = int(wide.max()) - least
    if len(wide) > 1 and span < 2**62:
        steps = np.diff(wide)
        least_step = int(steps.min())
        step_span = int(steps.max()) - least_step
        width = _width(step_span)
        if width < _width(span):
            entry = _Entry(name, "delta", len(wide), int(wide[0]), least_step, width)
            return entry, _narrow(steps - least_step, width)
    width = _width(span)
    if width == 8:  # differences may not fit: as they are
        return _Entry(name, "plain", len(wide), 0, 0, 8), wide.astype("<i8").tobytes()
    return _Entry(name, "plain", len(wide), least, 0, width), _narrow(
        wide - least, width
    )


def _width(span: int) -> Literal[0, 1, 2, 4, 8]:
    """Return how many bytes numbers from 0 to a greatest one take."""
    if span == 0:
        return 0
    if span < 1 << 8:
        return 1
    if span < 1 << 16:
        return 2
    return 4 if span < 1 << 32 else 8


def _narrow(values: NDArray[np.int64], width: int) -> bytes:
    """Return the low bytes of values, all first bytes before all second ones."""
    if width == 0:
        return b""
    if width == 1:
        return values.astype(np.uint8).tobytes()
    lanes = values.astype(f"<u{width}").view(np.uint8).reshape(-1, width)
    return np.ascontiguousarray(lanes.T).tobytes()


def _unpack_integers(
    raw: bytes, at: int, entry: _Entry, stored: int
) -> NDArray[np.int64]:
    width = entry.width
    if width == 8 and entry.kind == "plain":
        return np.frombuffer(raw, "<i8", stored, at).astype(np.int64)
    if width == 0:
        values = np.zeros(stored, dtype=np.int64)
    else:
        lanes = np.frombuffer(raw, np.uint8, stored * width, at).reshape(width, -1)
        values = np.ascontiguousarray(lanes.T).view(f"<u{width}").ravel()
        values = values.astype(np.int64)
    if entry.kind == "plain":
        return values + entry.base
    out = np.empty(entry.length, dtype=np.int64)
    out[0] = entry.base
    np.cumsum(values + entry.least_step, out=out[1:])
    out[1:] += entry.base
    return out
