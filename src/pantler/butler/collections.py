"""What users do with collections."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from pantler.datasets.collection import Collection, CollectionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pantler.datasets.ref import DatasetRef
    from pantler.dimensions.timespan import Timespan
    from pantler.registry.interface import CollectionFacet


class Collections:
    """The collections of a repository: ``butler.collections``.

    Parameters
    ----------
    facet
        The registry's side of them.
    """

    def __init__(self, facet: CollectionFacet) -> None:
        self._facet = facet

    def register(
        self, name: str, kind: CollectionType | str = CollectionType.RUN, doc: str = ""
    ) -> bool:
        """Make a collection; return False if it was there, of the same kind.

        Raises
        ------
        ConflictError
            If one of another kind has this name.
        """
        if isinstance(kind, str):
            kind = CollectionType[kind.upper()]
        return self._facet.register(name, kind, doc)

    def get(self, name: str) -> Collection:
        """Return what is known of a collection.

        Raises
        ------
        CollectionNotFoundError
            If there is none of this name.
        """
        return self._facet.get(name)

    def query(
        self, pattern: str = "*", *, kinds: Iterable[CollectionType] = CollectionType
    ) -> list[Collection]:
        """Return the collections whose names match a pattern of ``*`` and ``?``."""
        wanted = set(kinds)
        return [
            collection
            for collection in self._facet.all()
            if collection.type in wanted
            and fnmatch.fnmatchcase(collection.name, pattern)
        ]

    def chain(self, name: str, children: Sequence[str]) -> None:
        """Set what a CHAINED collection searches, in order, making it if need be."""
        self._facet.set_chain(name, children)

    def flatten(self, names: Sequence[str]) -> list[Collection]:
        """Return the collections that a search goes through, chains resolved."""
        return self._facet.flatten(names)

    def dataset_types(self, name: str) -> list[str]:
        """Return the names of the dataset types in a collection or its children."""
        return self._facet.dataset_types(name)

    def associate(self, name: str, refs: Iterable[DatasetRef]) -> None:
        """Put datasets into a TAGGED collection."""
        self._facet.associate(name, [ref.id.bytes for ref in refs])

    def disassociate(self, name: str, refs: Iterable[DatasetRef]) -> None:
        """Take datasets out of a TAGGED collection."""
        self._facet.disassociate(name, [ref.id.bytes for ref in refs])

    def certify(
        self, name: str, refs: Iterable[DatasetRef], timespan: Timespan
    ) -> None:
        """Declare calibrations valid for a time.

        Raises
        ------
        ConflictError
            If others are valid at any of that time.
        """
        self._facet.certify(name, [ref.id.bytes for ref in refs], timespan)

    def remove(self, name: str) -> None:
        """Remove a collection that no chain uses and that is no RUN with datasets."""
        self._facet.remove(name)
