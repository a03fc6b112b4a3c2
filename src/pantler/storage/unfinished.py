"""Names of unfinished files: ``.tmp-LEASE-COUNTER`` and the extension.

The lease says whether the writer lives (see `pantler.storage.lease`).
"""

from __future__ import annotations

import itertools
import re
from typing import Final

PREFIX: Final = ".tmp-"
_NAME: Final = re.compile(r"\.tmp-(?P<lease>[0-9a-f]{32})-\d+(\..*)?")
_counter = itertools.count()


def name_for(place: str, lease_id: str) -> str:
    """Return a name, in the folder of a file, that nobody else uses.

    The extension is kept, because libraries go by it.
    """
    folder, _, name = place.rpartition("/")
    dot = name.find(".", 1)
    extension = name[dot:][:64] if dot > 0 else ""
    return f"{folder}/{PREFIX}{lease_id}-{next(_counter)}{extension}"


def is_unfinished(path: str) -> bool:
    """Whether a path is named as an unfinished file."""
    return path.rpartition("/")[2].startswith(PREFIX)


def lease_of(path: str) -> str | None:
    """Return the ID of the lease of an unfinished file's writer, None if not ours."""
    named = _NAME.fullmatch(path.rpartition("/")[2])
    return named["lease"] if named else None
