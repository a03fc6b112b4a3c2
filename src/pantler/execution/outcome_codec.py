"""Outcomes as bytes, and back: without pickle, and without the code of any task.

An outcome is the length of a head, the head, and the bytes that it speaks of. The
head is JSON: what became of the quantum, and a list for each output with its dataset
type, its data ID, and its records or its size. The bytes are, in the same order, the
UUIDs of the outputs and the contents of log and metadata.
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from pantler.datasets.records import DatastoreRecord
from pantler.errors import IntegrityError
from pantler.execution.outcome import (
    Fault,
    PackedOutput,
    QuantumOutcome,
    QuantumStatus,
    StoredOutput,
)

if TYPE_CHECKING:
    from pantler.dimensions.column import DataIdValue

_LENGTH: Final = struct.Struct("<I")
_ID_BYTES: Final = 16

RECORD_FIELDS: Final = tuple(
    field.name for field in fields(DatastoreRecord) if field.name != "dataset_id"
)
"""What the head holds of a datastore record, in this order."""

_record_values = attrgetter(*RECORD_FIELDS)
_to_json = json.JSONEncoder(separators=(",", ":")).encode


def encode_outcome(outcome: QuantumOutcome) -> bytes:
    """Return an outcome as bytes."""
    fault = outcome.fault
    head = _to_json(
        {
            "index": outcome.index,
            "task": outcome.label,
            "status": outcome.status.value,
            "reason": outcome.reason,
            "fault": fault and [fault.error, fault.message, fault.place, fault.trace],
            "seconds": outcome.seconds,
            "stored": [
                [
                    out.dataset_type,
                    out.data_id,
                    [_record_values(record) for record in out.records],
                ]
                for out in outcome.stored
            ],
            "packed": [
                [out.dataset_type, out.data_id, len(out.content)]
                for out in outcome.packed
            ],
        }
    ).encode()
    return b"".join(
        [
            _LENGTH.pack(len(head)),
            head,
            *(out.dataset_id for out in outcome.stored),
            *(part for out in outcome.packed for part in (out.dataset_id, out.content)),
        ]
    )


def decode_outcome(data: bytes, source: str) -> QuantumOutcome:
    """Return the outcome that was encoded.

    Parameters
    ----------
    data
        What `encode_outcome` returned.
    source
        Where it comes from, for messages.

    Raises
    ------
    IntegrityError
        If the bytes are not an outcome.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        head = json.loads(data[_LENGTH.size : _LENGTH.size + length])
        contents = _Contents(data, _LENGTH.size + length)
        outcome = _outcome(head, contents)
        contents.check_end()
    except (ValueError, LookupError, TypeError, RecursionError, struct.error) as error:
        raise IntegrityError(
            f"{source} is damaged: a part is not an outcome of a quantum ({error})."
        ) from None
    return outcome


class _Contents:
    """The bytes after the head, taken one by one."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def take(self, size: int) -> bytes:
        end = self._at + _int(size)
        if not self._at <= end <= len(self._data):
            raise ValueError("its contents are cut off")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def check_end(self) -> None:
        if self._at != len(self._data):
            raise ValueError("there are more bytes than it speaks of")


def _outcome(head: dict[str, Any], contents: _Contents) -> QuantumOutcome:
    fault = head["fault"]
    return QuantumOutcome(
        index=_int(head["index"]),
        label=_str(head["task"]),
        status=QuantumStatus(head["status"]),
        reason=_str(head["reason"]),
        fault=None if fault is None else Fault(*map(_str, fault)),
        seconds=float(head["seconds"]),
        stored=tuple(
            _stored(name, values, records, contents.take(_ID_BYTES))
            for name, values, records in head["stored"]
        ),
        packed=tuple(
            PackedOutput(
                _str(name), _data_id(values), contents.take(_ID_BYTES), contents.take(n)
            )
            for name, values, n in head["packed"]
        ),
    )


def _stored(
    name: str, values: list[Any], records: list[list[Any]], dataset_id: bytes
) -> StoredOutput:
    made = tuple(
        DatastoreRecord(dataset_id, **dict(zip(RECORD_FIELDS, record, strict=True)))
        for record in records
    )
    for record in made:
        for text in (record.store, record.component, record.path, record.formatter):
            _str(text)
        _int(record.size_bytes)
        if record.offset is not None:
            _int(record.offset)
        if record.checksum is not None:
            _str(record.checksum)
        _str(record.storage_class)
    return StoredOutput(_str(name), _data_id(values), dataset_id, made)


def _data_id(values: list[Any]) -> tuple[DataIdValue, ...]:
    for value in values:
        if type(value) is not int and type(value) is not str:
            raise TypeError(f"{value!r} is not a value of a data ID")
    return tuple(values)


def _int(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise TypeError(f"{value!r} is not a number of bytes or quanta")
    return value


def _str(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r} is not text")
    return value
