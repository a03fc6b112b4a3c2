"""What users do with collections."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from pantler.datasets.collection import Collection, CollectionType
from pantler.errors import InvalidInputError

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
        self,
        name: str,
        type: CollectionType | str = CollectionType.RUN,  # noqa: A002 as `Collection.type`
        doc: str = "",
    ) -> bool:
        """Make a collection; return False if it was there, of the same type.

        Parameters
        ----------
        name
            Its name.
        type
            One of `CollectionType`, or the name of one.
        doc
            What is in it.

        Raises
        ------
        ConflictError
            If one of another type has this name.
        InvalidInputError
            If there is no such type, or the name cannot be one.
        """
        return self._facet.register(name, _type(type), doc)

    def get(self, name: str) -> Collection:
        """Return what is known of a collection.

        Raises
        ------
        CollectionNotFoundError
            If there is none of this name.
        """
        return self._facet.get(name)

    def query(
        self,
        pattern: str = "*",
        *,
        types: Iterable[CollectionType | str] | CollectionType | str = CollectionType,
    ) -> list[Collection]:
        """Return the collections whose names match a pattern of ``*`` and ``?``.

        Parameters
        ----------
        pattern
            What the names match.
        types
            Of which types; one or several, or their names.

        Raises
        ------
        InvalidInputError
            If there is no such type.
        """
        several = (types,) if isinstance(types, str | CollectionType) else types
        wanted = {_type(one) for one in several}
        return [
            collection
            for collection in self._facet.all()
            if collection.type in wanted
            and fnmatch.fnmatchcase(collection.name, pattern)
        ]

    def chain(self, name: str, children: Sequence[str] | str) -> None:
        """Set what a CHAINED collection searches, in order, making it if need be.

        Parameters
        ----------
        name
            The chain.
        children
            What it searches: several names, or one.
        """
        self._facet.set_chain(name, _names(children))

    def flatten(self, names: Sequence[str] | str) -> list[Collection]:
        """Return the collections that a search goes through, chains resolved."""
        return self._facet.flatten(_names(names))

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
        """Remove a collection that no chain uses, unless it is a RUN with datasets."""
        self._facet.remove(name)


def _names(names: Sequence[str] | str) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names


def _type(name: CollectionType | str) -> CollectionType:
    if isinstance(name, CollectionType):
        return name
    known = CollectionType.__members__
    if str(name).upper() in known:
        return known[str(name).upper()]
    raise InvalidInputError(
        f"{name!r} is not a type of collections; these are {', '.join(known)}."
    )
