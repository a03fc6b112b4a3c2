"""Which runs are at work on a repository: their files are not recorded at once.

While a graph runs, the folder ``running`` of the repository holds an empty file that
is named as unfinished files are, by host and process. So nobody takes the files that
its workers have just written for the remains of a dead writer.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pantler.errors import AccessError
from pantler.storage import temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER: Final = "running"


@contextmanager
def announced_run(root: str) -> Iterator[None]:
    """Say that this process runs a graph on the repository in a folder.

    Raises
    ------
    AccessError
        If nothing can be written there.
    """
    marker = Path(temporary.name_for(str(Path(root, _FOLDER, "run"))))
    try:
        marker.parent.mkdir(exist_ok=True)
        marker.touch()
    except OSError as error:
        raise AccessError(f"Cannot write '{marker}': {error.strerror}.") from error
    try:
        yield
    finally:
        marker.unlink(missing_ok=True)


def find_live_runs(root: str) -> list[Path]:
    """Return the files of runs that are at work, or that run on another host.

    Whether a process of another host lives cannot be seen from here.
    """
    folder = Path(root, _FOLDER)
    if not folder.is_dir():
        return []
    return sorted(
        marker
        for marker in folder.iterdir()
        if temporary.is_unfinished(str(marker))
        and not temporary.is_abandoned(str(marker))
    )
