"""Files that are written, but not yet visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.datastores.sources import MovedSource, remove_unused
from pantler.errors import NotFoundError, StorageError
from pantler.storage.location import Location

if TYPE_CHECKING:
    from pathlib import Path

    from pantler.datasets.records import DatastoreRecord
    from pantler.datastores.interface import FindSame
    from pantler.storage.interface import StagedFile, Storage


class StagedFiles:
    """Records, and the files that they will name.

    Parameters
    ----------
    storage
        Where the files are.

    Attributes
    ----------
    records
        The final records.
    files
        The files, still under other names.
    sources
        What goes when everything is recorded: that of each file, if files are moved.
    outside
        Files that the datasets are read from where they are.
    """

    __slots__ = (
        "_storage",
        "_was_published",
        "files",
        "outside",
        "records",
        "sources",
    )

    def __init__(self, storage: Storage) -> None:
        self.records: list[DatastoreRecord] = []
        self.files: list[StagedFile] = []
        self.sources: list[MovedSource] = []
        self.outside: list[Path] = []
        self._storage = storage
        self._was_published = False

    def secure(self) -> None:
        """Put the bytes on the disk itself, if the storage survives power cuts."""
        self._storage.secure(self.files)

    def publish(self, *, durably: bool = True) -> None:
        """Make the files visible under their names; see `Storage.publish`.

        Raises
        ------
        NotFoundError
            If a file outside is gone, moved in by somebody else.
        """
        for path in self.outside:
            if not path.exists():
                raise NotFoundError(f"{path} was removed while it was ingested.")
        self._was_published = True
        self._storage.publish(self.files, durably=durably)

    def discard(self) -> None:
        """Remove the files, published or not; once or more often."""
        self._storage.discard(self.files)
        if self._was_published:
            self._storage.delete(*(file.path for file in self.files))
        self.files.clear()
        self.sources.clear()

    @property
    def has_sources(self) -> bool:
        """Whether there is anything for `remove_sources` to do."""
        return bool(self.sources)

    def remove_sources(self, find_same: FindSame) -> None:
        """Remove the files that were to be moved; see `Staged.remove_sources`."""
        uris = [Location.parse(source.path).uri for source in self.sources]
        same = find_same(self.records, uris)
        remove_unused(self.sources, self._storage.root, same)

    def part_from_sources(self) -> None:
        """Give datasets bytes of their own; see `Staged.part_from_sources`."""
        shared = [
            (source, file)
            for source, file in zip(self.sources, self.files, strict=False)
            if file.is_link and self._shares_bytes(source, file)
        ]
        self.sources.clear()
        copies = []
        try:
            for source, file in shared:
                copy = self._storage.stage_file(source.path, file.path, "copy")
                copies.append(copy)
            self._storage.secure(copies)
            self._storage.publish(copies)
        except StorageError as error:
            self._storage.discard(copies)
            listed = ", ".join(str(source.path) for source, _ in shared)
            raise StorageError(
                f"Do not change {listed}: a dataset shares its bytes. {error}"
            ) from error

    def _shares_bytes(self, source: MovedSource, file: StagedFile) -> bool:
        try:
            with self._storage.reading(file.path) as place:
                return place.samefile(source.path)
        except (NotFoundError, FileNotFoundError):
            return False  # as it should be: the source is gone
