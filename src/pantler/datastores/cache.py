"""A cache of files from other hosts, in a local folder that processes share.

Each file has the name of its dataset, and never changes. It gets its name when it is
whole, and one process at a time fetches it. Whoever reads it holds a second name of it
(a hard link), so that it can be removed meanwhile. A process that is killed leaves at
most such names and files that are not whole, which the next that tidies up removes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pantler.datastores.checksums import can_compare, checksum_of_file
from pantler.datastores.patterns import matches
from pantler.errors import IntegrityError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.datasets.dataset_type import DatasetType
    from pantler.datasets.records import DatastoreRecord
    from pantler.datastores.settings import CacheSettings
    from pantler.storage.interface import Capability, Storage

_BETWEEN_TIDYINGS: Final = 100
"""Files that a process fetches before it looks again what all have fetched."""

_LEFT: Final = 0.9
"""The part of a limit that is left when it was exceeded."""

_STALE_S: Final = 86_400.0
"""Age from which on what is not whole, or in use, belongs to a process that is dead."""


@dataclass(slots=True)
class CacheUse:
    """What a cache was good for in this process.

    Parameters
    ----------
    hits, hit_bytes
        Reads that it served, and the bytes of their files.
    misses, fetched_bytes
        Files that were fetched for it.
    """

    hits: int = 0
    hit_bytes: int = 0
    misses: int = 0
    fetched_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    place: Path
    used_s: float
    size: int

    @property
    def dataset(self) -> str:
        return self.place.name.partition("_")[0]


class FileCache:
    """Files from other hosts, in a local folder.

    Parameters
    ----------
    settings
        Where, how many, and of which datasets.

    Attributes
    ----------
    use
        What it was good for in this process.
    """

    def __init__(self, settings: CacheSettings) -> None:
        self._settings = settings
        self._folder = Path(settings.folder).expanduser().absolute()
        self._takes: dict[DatasetType, bool] = {}
        self._new_files = _BETWEEN_TIDYINGS  # tidy up after the first
        self._new_bytes = 0
        self._tidied_s = 0.0
        self.use = CacheUse()

    def takes(self, dataset_type: DatasetType) -> bool:
        """Whether datasets of a type are kept."""
        found = self._takes.get(dataset_type)
        if found is None:
            names = (dataset_type.name, dataset_type.storage_class)
            settings = self._settings
            found = not matches(names, settings.reject) and (
                not settings.accept or matches(names, settings.accept)
            )
            self._takes[dataset_type] = found
        return found

    def place(self, storage: Storage, record: DatastoreRecord) -> Path:
        """Return where the file of a record is, if it is here."""
        text = f"{storage.root}\0{record.path}\0{record.size_bytes}\0{record.checksum}"
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        suffix = Path(record.path).suffix
        name = f"{record.dataset_id.hex()}_{digest}{suffix}"
        return self._folder / "files" / digest[:2] / name

    @contextlib.contextmanager
    def reading(
        self, storage: Storage, path: str, record: DatastoreRecord
    ) -> Iterator[Path]:
        """Yield a local file with the bytes of a record, fetched if need be.

        Raises
        ------
        IntegrityError
            If what was fetched is not what was recorded.
        StorageError
            If the cache's folder cannot be written.
        """
        place = self.place(storage, record)
        mine = self._folder / "in-use" / uuid.uuid4().hex / place.name
        try:
            try:
                mine.parent.mkdir(parents=True)
                if not self._link(place, mine, record):
                    with self._locked(place.name):
                        # Somebody may have fetched it while we waited.
                        if not self._link(place, mine, record):
                            self._fetch(storage, path, record, (place, mine))
                if self._is_due():
                    self.tidy()
            except OSError as error:
                raise StorageError(
                    f"The cache in {self._folder} cannot be used: {error.strerror}. "
                    "Give another folder, or none, under datastore.cache."
                ) from error
            yield mine
        finally:
            shutil.rmtree(mine.parent, ignore_errors=True)

    def _link(self, place: Path, mine: Path, record: DatastoreRecord) -> bool:
        """Give a file that is here a name of our own; return whether it is here."""
        try:
            os.link(place, mine)
        except FileNotFoundError:
            return False
        size = mine.stat().st_size
        if size != record.size_bytes:
            mine.unlink()
            place.unlink(missing_ok=True)
            return False
        os.utime(mine)  # both names are of one file, which was just used
        self.use.hits += 1
        self.use.hit_bytes += size
        return True

    def _fetch(
        self,
        storage: Storage,
        path: str,
        record: DatastoreRecord,
        places: tuple[Path, Path],
    ) -> None:
        place, mine = places
        with storage.reading(path) as local:
            shutil.copyfile(local, mine)
        size = mine.stat().st_size
        is_other = can_compare(record.checksum) and (
            checksum_of_file(mine) != record.checksum
        )
        if size != record.size_bytes or is_other:
            raise IntegrityError(
                f"{size} bytes were fetched, which are not the {record.size_bytes} "
                "that were recorded"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(mine, place)
        self.use.misses += 1
        self.use.fetched_bytes += size
        self._new_files += 1
        self._new_bytes += size

    def _is_due(self) -> bool:
        """Whether this process alone may have brought the cache beyond its limits.

        A tenth more is tolerated, so that not every file makes it look at all.
        """
        settings, part = self._settings, 1 - _LEFT
        if settings.most_age_s is not None:
            pause_s = time.monotonic() - self._tidied_s
            if pause_s > settings.most_age_s * part:
                return True
        if not self._new_files:
            return False
        if settings.most_bytes and self._new_bytes > settings.most_bytes * part:
            return True
        limits = (settings.most_files, settings.most_datasets)
        most = min(_BETWEEN_TIDYINGS, *(n * part for n in limits if n is not None), 1e9)
        return self._new_files >= most

    def remove(self, storage: Storage, record: DatastoreRecord) -> None:
        """Remove the file of a record, if it is here."""
        self.place(storage, record).unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what is too old or too much, the longest unused first."""
        self._new_files = self._new_bytes = 0
        self._tidied_s = time.monotonic()
        with self._locked("tidy"):
            entries = sorted(self._entries(), key=lambda entry: entry.used_s)
            for entry in _expired(entries, self._settings, time.time()):
                entry.place.unlink(missing_ok=True)
            for left in (self._folder / "in-use").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - left.stat().st_mtime > _STALE_S:
                        shutil.rmtree(left, ignore_errors=True)

    def _entries(self) -> Iterator[_Entry]:
        for place in (self._folder / "files").glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                found = place.stat()
                yield _Entry(place, found.st_mtime, found.st_size)

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Keep others out; the system lets them in when this process ends."""
        digest = hashlib.blake2b(name.encode(), digest_size=1).hexdigest()
        folder = self._folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / ("tidy" if name == "tidy" else digest)
        with place.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class CachedFile:
    """One file of a storage of another host, read through a cache.

    Parameters
    ----------
    cache, storage, record
        Which file, and where.
    """

    def __init__(
        self, cache: FileCache, storage: Storage, record: DatastoreRecord
    ) -> None:
        self._cache = cache
        self._storage = storage
        self._record = record

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the storage; also a path, if the file is in the cache."""
        if self._cache.place(self._storage, self._record).exists():
            return self._storage.capabilities | {"paths"}
        return self._storage.capabilities

    def read(self, path: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """Return bytes; some of a file that is not in the cache are not kept."""
        if (offset or size is not None) and "paths" not in self.capabilities:
            return self._storage.read(path, offset=offset, size=size)
        with self.reading(path) as local, local.open("rb") as file:
            file.seek(offset)
            return file.read() if size is None else file.read(size)

    def reading(self, path: str) -> contextlib.AbstractContextManager[Path]:
        """Yield a local path that holds the bytes."""
        return self._cache.reading(self._storage, path, self._record)


def _expired(
    entries: list[_Entry], settings: CacheSettings, now_s: float
) -> Iterator[_Entry]:
    """Yield what is too old or too much, of entries in the order of their use."""
    kept = list(entries)
    if settings.most_age_s is not None:
        oldest = now_s - settings.most_age_s
        yield from (entry for entry in kept if entry.used_s < oldest)
        kept = [entry for entry in kept if entry.used_s >= oldest]
    sizes = sum(entry.size for entry in kept)
    users: dict[str, int] = {}
    for entry in kept:
        users[entry.dataset] = users.get(entry.dataset, 0) + 1
    files = len(kept)
    bounds = (
        _bound(settings.most_files, files),
        _bound(settings.most_bytes, sizes),
        _bound(settings.most_datasets, len(users)),
    )
    for entry in kept:
        if files <= bounds[0] and sizes <= bounds[1] and len(users) <= bounds[2]:
            return
        yield entry
        files -= 1
        sizes -= entry.size
        users[entry.dataset] -= 1
        if not users[entry.dataset]:
            del users[entry.dataset]


def _bound(limit: int | None, now: int) -> float:
    """Return how much may be left."""
    if limit is None:
        return now
    return now if now <= limit else limit * _LEFT
