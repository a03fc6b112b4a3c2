"""Which runs are at work on a repository: their files are not recorded at once.

While a graph runs, its process holds a lease on the repository. So nobody takes the
files that its workers have just written for the remains of a dead writer.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pantler.storage.lease import FOLDER, Lease, LeaseBook

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def announced_run(root: str) -> Iterator[None]:
    """Say that this process runs a graph on the repository in a folder.

    Raises
    ------
    AccessError
        If nothing can be written there.
    """
    with Lease.hold(root, "run a graph"):
        yield


def find_live_runs(root: str) -> list[Path]:
    """Return the leases of runs that are at work."""
    return [Path(root, FOLDER, note.id) for note in LeaseBook(root).live()]
