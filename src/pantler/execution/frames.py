"""Frames of bytes: each with its length and a checksum, one after another.

A stream of them is cut off at any byte by the death of who writes it; what came
whole before is good. Pipes between our processes and files carry the same frames.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

from pantler.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST: Final = 1 << 28
"""The most bytes that a frame may hold."""

_HEAD: Final = struct.Struct("<II")  # length and CRC-32 of what follows


def frame(payload: bytes) -> bytes:
    """Return a payload as a frame.

    Raises
    ------
    InvalidInputError
        If it is too large.
    """
    if len(payload) > LARGEST:
        raise InvalidInputError(
            f"{len(payload)} bytes are too many for one message of a quantum; "
            f"the limit is {LARGEST}."
        )
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


class FrameReader:
    """Takes the bytes of a stream as they come, and returns whole frames.

    Parameters
    ----------
    source
        Where they come from, for messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._held = bytearray()

    @property
    def unfinished(self) -> int:
        """How many bytes of a frame that is not whole have come."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take some bytes; yield the payloads that are whole now.

        Raises
        ------
        IntegrityError
            If a length is impossible, or a checksum differs.
        """
        self._held += data
        at = 0
        try:
            while len(self._held) - at >= _HEAD.size:
                length, checksum = _HEAD.unpack_from(self._held, at)
                if length > LARGEST:
                    raise IntegrityError(
                        f"{self._source} is damaged: a part of {length} bytes."
                    )
                end = at + _HEAD.size + length
                if len(self._held) < end:
                    return
                payload = bytes(self._held[at + _HEAD.size : end])
                at = end
                if zlib.crc32(payload) != checksum:
                    raise IntegrityError(
                        f"{self._source} is damaged: the checksum of a part differs."
                    )
                yield payload
        finally:
            del self._held[:at]
