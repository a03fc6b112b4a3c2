"""Frames that wait to be taken: a few in memory, the others in temporary files."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

_MOST_BYTES: Final = 64 << 20
"""Frames that are kept in memory, all together."""


class Spool:
    """Takes frames, and gives them back in order; a context that removes its files.

    In a forked child it leaves them to the parent, who may still be reading them.
    """

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame | Path] = []
        self._bytes = 0
        self._folder: Path | None = None
        self._remove_folder: Callable[[], object] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._frames.clear()
        if self._remove_folder is not None:
            self._remove_folder()

    def add(self, frame: pl.DataFrame) -> None:
        """Put a frame at the end."""
        self._bytes += int(frame.estimated_size())
        if self._bytes <= _MOST_BYTES:
            self._frames.append(frame)
            return
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="pantler-"))
            self._remove_folder = weakref.finalize(
                self, _remove_own, self._folder, os.getpid()
            )
        path = self._folder / f"{len(self._frames)}.arrow"
        frame.write_ipc(path, compression="lz4")
        self._frames.append(path)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for each in self._frames:
            if isinstance(each, Path):
                yield pl.read_ipc(each)
            else:
                yield each


def _remove_own(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def in_batches(
    frames: Iterable[pl.DataFrame], rows: int, *, offset: int = 0, limit: int | None
) -> Iterator[pl.DataFrame]:
    """Yield frames anew, each with just so many rows; the last one has what is left.

    Parameters
    ----------
    frames
        All with the same columns.
    rows
        Of a batch.
    offset, limit
        The part of all rows that is wanted.
    """
    waiting: list[pl.DataFrame] = []
    height = 0
    to_skip, to_give = offset, limit
    for whole in frames:
        frame = whole.slice(to_skip, to_give)
        to_skip -= min(to_skip, whole.height)
        if to_give is not None:
            to_give -= frame.height
        waiting.append(frame)
        height += frame.height
        if height >= rows:
            joined = pl.concat(waiting)
            full = height - height % rows
            yield from joined.slice(0, full).iter_slices(rows)
            waiting, height = [joined.slice(full)], height - full
        if to_give == 0:
            break
    if height:
        yield pl.concat(waiting)
