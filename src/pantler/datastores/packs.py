"""Packs: many small datasets in one file that any unzip program opens.

A pack is a zip archive of stored (not compressed) members, written once. Readers go
by the offset and size that the record of each dataset holds, with one read and
without looking at the directory of the archive.

References
----------
.. [1] PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16: headers of
   members, of the directory, and its end.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_MEMBERS: Final = 10_000
"""How many members one archive may have; the format allows 65,535."""

MOST_BYTES: Final = 1 << 30
"""How many bytes of content one archive may have; the format allows 4 GiB."""

_MEMBER: Final = struct.Struct("<4s5H3L2H")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_VERSION: Final = 20
_UNIX: Final = 3 << 8 | _VERSION
_UTF8: Final = 0x800
_DATE: Final = 33  # 1980-01-01: the members have no time of their own
_MODE: Final = 0o100644 << 16


def zip_members(members: Sequence[tuple[str, bytes]]) -> tuple[bytes, list[int]]:
    """Return a zip archive, and where the content of each member begins in it.

    Parameters
    ----------
    members
        Name and content of each, not more than `MOST_MEMBERS` and `MOST_BYTES`.
    """
    parts: list[bytes] = []
    directory: list[bytes] = []
    offsets: list[int] = []
    at = 0
    for name, data in members:
        encoded, size = name.encode(), len(data)
        # What the header of a member and its entry in the directory have in common.
        shared = (_UTF8, 0, 0, _DATE, zlib.crc32(data), size, size, len(encoded), 0)
        parts += (_MEMBER.pack(b"PK\3\4", _VERSION, *shared), encoded, data)
        entry = _ENTRY.pack(b"PK\1\2", _UNIX, _VERSION, *shared, 0, 0, 0, _MODE, at)
        directory += (entry, encoded)
        offsets.append(at + _MEMBER.size + len(encoded))
        at = offsets[-1] + size
    entries = b"".join(directory)
    count = len(members)
    end = _END.pack(b"PK\5\6", 0, 0, count, count, len(entries), at, 0)
    return b"".join([*parts, entries, end]), offsets
