"""What users do with collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pantler.butler.arguments import checked
from pantler.butler.selection import (
    Datasets,
    Framed,
    Names,
    data_id_values,
    dataset_ids,
    is_pattern,
    matching,
    names_of,
)
from pantler.datasets.collection import Collection, CollectionSummary, CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.errors import CollectionNotFoundError, InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

    from pantler.registry.interface import Registry


@checked
class Collections:
    """The collections of a repository: ``butler.collections``.

    Wherever names are asked for, a `Collection` will do, and one in place of several.
    Datasets are given as refs, UUIDs, a frame with a column ``dataset_id``, or as the
    results of a query.

    Parameters
    ----------
    registry
        What knows them.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._facet = registry.collections

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
            What is in it; of one that was there it stays as it was: see `set_doc`.

        Raises
        ------
        ConflictError
            If one of another type has this name.
        InvalidInputError
            If there is no such type, or the name cannot be one.
        """
        return self._facet.register(name, _type(type), doc)

    def get(self, name: str | Collection) -> Collection:
        """Return what is known of a collection.

        Raises
        ------
        CollectionNotFoundError
            If there is none of this name.
        """
        return self._facet.get(_name(name))

    def query(
        self,
        patterns: Names = "*",
        *,
        types: Iterable[CollectionType | str] | CollectionType | str = tuple(
            CollectionType
        ),
    ) -> list[Collection]:
        """Return the collections that have some names or match some patterns.

        Parameters
        ----------
        patterns
            Names, or patterns of ``*`` and ``?``; several or one.
        types
            Of which types; one or several, or their names.

        Returns
        -------
        list
            Each once: in the order of the patterns, and by name for each. What is not
            there is left out.

        Raises
        ------
        InvalidInputError
            If there is no such type.
        """
        several = (types,) if isinstance(types, str | CollectionType) else types
        wanted = {_type(one) for one in several}
        known = {one.name: one for one in self._facet.all() if one.type in wanted}
        return list(matching(known, names_of(patterns)).values())

    def find_all(
        self,
        patterns: Names,
        *,
        type: CollectionType | str | None = None,  # noqa: A002
    ) -> list[Collection]:
        """Return the collections of some names and patterns, each of which has some.

        Parameters
        ----------
        patterns
            Names, or patterns of ``*`` and ``?``; several or one.
        type
            What they must be; of patterns, only those that are match.

        Raises
        ------
        CollectionNotFoundError
            If there is none of a name, or none matches a pattern.
        InvalidInputError
            If a name is that of a collection of another type.
        """
        kind = None if type is None else _type(type)
        found: dict[str, Collection] = {}
        for pattern in names_of(patterns):
            if is_pattern(pattern):
                some = self.query(pattern, types=kind or tuple(CollectionType))
                if not some:
                    names = [one.name for one in self._facet.all()]
                    what = "collection" if kind is None else f"{kind.name} collection"
                    raise CollectionNotFoundError(
                        f"No {what} matches '{pattern}'.{close_match(pattern, names)}"
                    )
            else:
                some = [self._facet.get(pattern)]
                if kind is not None and some[0].type is not kind:
                    raise InvalidInputError(
                        f"Collection '{pattern}' is {some[0].type.name}, not "
                        f"{kind.name}."
                    )
            found.update((one.name, one) for one in some)
        return list(found.values())

    def set_doc(self, name: str | Collection, doc: str) -> None:
        """Say what is in a collection, in place of what was said before."""
        self._facet.set_doc(_name(name), doc)

    def rename(self, name: str | Collection, new: str) -> None:
        """Give a collection another name; chains that search it go on doing so.

        Files stay where they are, though the old name may be part of their paths.

        Raises
        ------
        ConflictError
            If another has that name.
        InvalidInputError
            If it cannot name a collection.
        """
        self._facet.rename(_name(name), new)

    # Chains

    def chain(self, name: str | Collection, children: Names) -> None:
        """Set what a CHAINED collection searches, in order, making it if need be.

        Like `extend`, `prepend` and `remove_from_chain`, it is done at once, and none
        of two changes at the same time is lost.

        Parameters
        ----------
        name
            The chain.
        children
            What it searches: several collections, or one.

        Raises
        ------
        InvalidInputError
            If the chain would search itself.
        """
        self._facet.set_chain(_name(name), names_of(children))

    def extend(self, name: str | Collection, children: Names) -> None:
        """Search these last; those that the chain has already move to the end."""
        self._facet.extend_chain(_name(name), names_of(children))

    def prepend(self, name: str | Collection, children: Names) -> None:
        """Search these first; those that the chain has already move to the front."""
        self._facet.prepend_chain(_name(name), names_of(children))

    def remove_from_chain(self, name: str | Collection, children: Names) -> None:
        """Search these no more; they themselves stay.

        Raises
        ------
        CollectionNotFoundError
            If the chain does not search one of them.
        """
        self._facet.remove_from_chain(_name(name), names_of(children))

    def parents(self, name: str | Collection) -> list[str]:
        """Return the names of the chains that have a collection as a child."""
        return self._facet.parents(_name(name))

    def flatten(self, names: Names) -> list[Collection]:
        """Return the collections that a search goes through, chains resolved."""
        return self._facet.flatten(names_of(names))

    # Contents

    def dataset_types(self, name: str | Collection) -> list[str]:
        """Return the names of the dataset types in a collection or its children."""
        return self._facet.dataset_types(_name(name))

    def summary(self, name: str | Collection) -> CollectionSummary:
        """Return what a collection or its children hold now: types, governor values."""
        return self._facet.summary(_name(name))

    def associate(self, name: str | Collection, datasets: Datasets) -> int:
        """Put datasets into a TAGGED collection; return how many were given.

        They replace others of the same type and data ID.

        Raises
        ------
        DatasetNotFoundError
            If one does not exist.
        ConflictError
            If two of them have the same type and data ID.
        """
        ids = dataset_ids(datasets)
        self._facet.associate(_name(name), ids)
        return len(ids)

    def disassociate(self, name: str | Collection, datasets: Datasets) -> int:
        """Take datasets out of a TAGGED collection; return how many were given."""
        ids = dataset_ids(datasets)
        self._facet.disassociate(_name(name), ids)
        return len(ids)

    def certify(
        self,
        name: str | Collection,
        datasets: Datasets,
        timespan: Timespan,
        *,
        replace: bool = False,
    ) -> int:
        """Declare calibrations valid for a time; return how many were given.

        Parameters
        ----------
        name
            A CALIBRATION collection.
        datasets
            The calibrations.
        timespan
            When they are valid.
        replace
            Whether they take the place, for that time, of others of the same type and
            data ID. Before and after it, those stay valid.

        Raises
        ------
        ConflictError
            If others are valid at any of that time, and are not replaced.
        """
        ids = dataset_ids(datasets)
        self._facet.certify(_name(name), ids, timespan, replace=replace)
        return len(ids)

    def decertify(
        self,
        name: str | Collection,
        dataset_type: str,
        timespan: Timespan | None = None,
        *,
        data_ids: Iterable[object] | None = None,
    ) -> int:
        """Declare calibrations not valid for a time; they themselves stay.

        A validity range that goes beyond that time is cut, or split in two.

        Parameters
        ----------
        name
            A CALIBRATION collection.
        dataset_type
            Name of a type of calibrations.
        timespan
            When none of them is valid any more; at no time when None.
        data_ids
            Of these data IDs only: mappings, refs, a frame or the results of a query;
            of all when None.

        Returns
        -------
        int
            How many ranges were taken out, cut or split.

        Raises
        ------
        DataIdError
            If a data ID is incomplete or unknown.
        """
        span = timespan or Timespan.always()
        frame = None if data_ids is None else self._frame(dataset_type, data_ids)
        return self._facet.decertify(_name(name), dataset_type, span, frame)

    def remove(self, names: Names) -> None:
        """Remove collections, but for RUNs with datasets and what chains search.

        `Butler.remove_runs` removes a run with its datasets; `Butler.plan_removal`
        shows what would go.

        Raises
        ------
        ConflictError
            If one is a RUN with datasets, or a chain searches it.
        """
        with self._registry.transaction():
            for name in names_of(names):
                self._facet.remove(name)

    def _frame(self, dataset_type: str, data_ids: Iterable[object]) -> pl.DataFrame:
        """Return data IDs of a type as a frame, completed and checked."""
        import polars as pl

        if isinstance(data_ids, Framed):
            data_ids = data_ids.to_polars()
        if isinstance(data_ids, pl.DataFrame):
            return data_ids
        group = self._registry.dataset_types.get(dataset_type).dimensions
        expand = self._registry.dimensions.expand
        rows = [expand(data_id_values(one), group).required for one in data_ids]
        universe = group.universe
        types = {name: universe[name].primary_key.dtype for name in group.required}
        return pl.DataFrame(rows, schema=types)


def _name(name: str | Collection) -> str:
    return name.name if isinstance(name, Collection) else name


def _type(name: CollectionType | str) -> CollectionType:
    if isinstance(name, CollectionType):
        return name
    known = CollectionType.__members__
    if str(name).upper() in known:
        return known[str(name).upper()]
    raise InvalidInputError(
        f"{name!r} is not a type of collections; these are {', '.join(known)}."
    )
