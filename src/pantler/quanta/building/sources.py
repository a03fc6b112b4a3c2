"""Where relations come from: one query of the registry for each that matters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pantler.datasets.collection import CollectionType
from pantler.datasets.identity import uuid_bytes
from pantler.errors import DatasetTypeNotFoundError, close_match
from pantler.quanta.join.coding import (
    Coding,
    DimensionValues,
    closed,
    deciding,
    fixed_by,
    lookup,
    number_values,
)
from pantler.quanta.join.relations import Relation
from pantler.queries.analysis import conjuncts, dataset_types, dimension_names
from pantler.queries.binding import combine
from pantler.queries.query import DatasetSearch, Query
from pantler.queries.rendering import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import Universe
    from pantler.queries.tree import Predicate
    from pantler.registry.interface import Registry


@dataclass(frozen=True, slots=True, eq=False)
class FoundDatasets:
    """Datasets that exist, row by row.

    Parameters
    ----------
    relation
        Their data IDs, n rows.
    ids : (n, 16)
        Their UUIDs.
    run_codes : (n,)
        Places of their runs in `Sources.runs`.
    begin, end : (n,)
        The time for which they are valid, TAI nanoseconds.
    """

    relation: Relation
    ids: NDArray[np.uint8]
    run_codes: NDArray[np.int32]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SkyRecords:
    """Records of an element that has regions.

    Parameters
    ----------
    relation
        Their data IDs, n rows.
    regions : (n,)
        Their encoded regions; of elements without any, empty.
    """

    relation: Relation
    regions: pl.Series


@dataclass(frozen=True, slots=True)
class Segment:
    """Input collections that are searched together.

    Parameters
    ----------
    collections
        Their names, in the order of the search.
    certified
        Whether it is one CALIBRATION collection, whose datasets are valid for a time.
    """

    collections: tuple[str, ...]
    certified: bool


@dataclass(slots=True, eq=False)
class Sources:
    """What a graph is built from.

    Parameters
    ----------
    registry
        What is asked.
    inputs
        Collections of the inputs, in the order of the search.
    where
        What the user wants.
    ranged
        Dimensions of prerequisites that their tasks do not have: conditions do not
        restrict prerequisites, so all values of these are read.
    runs
        Names of all runs that were met so far.
    queries
        The query of each relation, by its name, for explanations.
    """

    registry: Registry
    inputs: tuple[str, ...]
    where: Predicate | None = None
    ranged: frozenset[str] = frozenset()
    runs: list[str] = field(default_factory=list)
    queries: dict[str, Query] = field(default_factory=dict)

    @property
    def universe(self) -> Universe:
        """The dimensions."""
        return self.registry.universe

    def conditions(self) -> dict[Predicate, frozenset[str]]:
        """Return the user's conditions that must all hold, with their dimensions."""
        found = {}
        for condition in conjuncts(self.where):
            names = set(dimension_names(condition, self.universe))
            for name in dataset_types(condition):
                names.update(self.dataset_type(name).dimensions.names)
            found[condition] = frozenset(self.universe.group(names).names)
        return found

    def pushed(
        self, names: Iterable[str], *, ranged: frozenset[str] = frozenset()
    ) -> Predicate | None:
        """Return the conditions that concern no other dimensions, and none ranged."""
        every = closed(self.universe, names) - ranged
        return combine(
            *(
                condition
                for condition, needed in self.conditions().items()
                if needed and needed <= every and not dataset_types(condition)
            )
        )

    def dataset_type(self, name: str) -> DatasetType:
        """Return a dataset type as the repository has it.

        Raises
        ------
        DatasetTypeNotFoundError
            If it has none of that name.
        """
        found = self.registry.dataset_types.find(name)
        if found is None:
            known = [known.name for known in self.registry.dataset_types.all()]
            raise DatasetTypeNotFoundError(
                f"The pipeline needs '{name}', and no task of it makes it; the "
                f"repository has no such dataset type.{close_match(name, known)} "
                "Ingest it, or add the task that makes it."
            )
        return found

    def segments(self) -> list[Segment]:
        """Return the inputs in parts that are searched one after another.

        A CALIBRATION collection is a part of its own; others that follow one another
        are searched together.
        """
        found: list[Segment] = []
        for collection in self.registry.collections.flatten(self.inputs):
            certified = collection.type is CollectionType.CALIBRATION
            names: tuple[str, ...] = (collection.name,)
            if found and not certified and not found[-1].certified:
                names = (*found.pop().collections, *names)
            found.append(Segment(names, certified))
        return found

    def plain_inputs(self) -> tuple[str, ...]:
        """Return the inputs without CALIBRATION collections."""
        segments = self.segments()
        if not any(segment.certified for segment in segments):
            return self.inputs
        return tuple(
            name
            for segment in segments
            if not segment.certified
            for name in segment.collections
        )

    def find_datasets(
        self,
        name: str,
        coding: Coding,
        collections: tuple[str, ...],
        *,
        title: str,
        optional: DatasetType | None = None,
        ranged: frozenset[str] = frozenset(),
    ) -> FoundDatasets:
        """Return the datasets of a type that some collections have.

        Parameters
        ----------
        name
            Of the dataset type.
        coding
            The numbers of its dimensions.
        collections
            Where to search; of equal data IDs the first counts, and those of a
            CALIBRATION collection are found with their times.
        title
            What an explanation calls them.
        optional
            The type as the pipeline has it, if nothing is found where the
            repository has no such type; None if that is an error.
        ranged
            Dimensions whose conditions do not count.
        """
        known = self.registry.dataset_types.find(name)
        if known is None and optional is not None:
            dataset_type, collections = optional, ()
        else:
            dataset_type = self.dataset_type(name)
        group = dataset_type.dimensions
        query = Query(
            group,
            where=self.pushed(group.names, ranged=ranged),
            target=DatasetSearch(dataset_type, collections),
        )
        # Without collections there is nothing to find, and nothing to ask.
        frame = self.ask(title, query) if collections else _no_datasets(query)
        names = deciding(self.universe, group.names)
        encoded = coding.encode(frame, names)
        frame = encoded.frame
        relation = Relation(title, "datasets", coding, encoded.columns, frame.height)
        missing = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
        begin, end = (
            frame[f"timespan_{side}"].fill_null(bound).to_numpy()
            for side, bound in zip(("begin", "end"), missing, strict=True)
        )
        ids = uuid_bytes(frame["dataset_id"])
        return FoundDatasets(relation, ids, self._run_codes(frame["run"]), begin, end)

    def _run_codes(self, runs: pl.Series) -> NDArray[np.int32]:
        new = set(runs.unique().to_list()) - set(self.runs)
        self.runs += sorted(new)
        return lookup([runs.cast(pl.String)], [pl.Series(self.runs, dtype=pl.String)])

    def coding(
        self,
        names: Iterable[str],
        *,
        with_regions: set[str],
        pixels: Callable[[str, Coding], pl.Series],
    ) -> Coding:
        """Return the values of dimensions that the user's conditions allow.

        Of those over which prerequisites range, all are returned.

        Parameters
        ----------
        names
            The dimensions; those that they fix are added.
        with_regions
            Those whose regions are needed.
        pixels
            Returns the values of sky pixels, which no record lists, from the values
            of the dimensions that no pixel fixes.
        """
        every = closed(self.universe, names)
        ordered = [name for name in self.universe.elements if name in every]
        dimensions: dict[str, DimensionValues] = {}
        for name in sorted(ordered, key=self._is_of_pixels):
            if self.universe[name].is_pixel:
                frame = pixels(name, Coding(self.universe, dimensions)).to_frame()
            else:
                element = self.universe[name]
                frame = self._values(element, with_region=name in with_regions)
            dimensions[name] = number_values(self.universe, name, frame, dimensions)
        return Coding(self.universe, {name: dimensions[name] for name in ordered})

    def _is_of_pixels(self, name: str) -> bool:
        """Whether a dimension is sky pixels, or fixes some."""
        names = (name, *fixed_by(self.universe, name))
        return any(self.universe[other].is_pixel for other in names)

    def _values(self, element: DimensionElement, *, with_region: bool) -> pl.DataFrame:
        group = self.universe.group([element.name])
        ranged = self.ranged if element.name in self.ranged else frozenset()
        where = self.pushed(group.names, ranged=ranged)
        if with_region or element.is_temporal:
            query = Query(group, where=where, element=element.name)
        else:
            query = Query(group, where=where)
        return self.ask(f"'{element.name}' records", query)

    def join_elements(self, names: frozenset[str], coding: Coding) -> list[Relation]:
        """Return the records of elements that relate dimensions wherever they meet."""
        return [
            self.element_records(element, coding).relation
            for element in self.universe.elements.values()
            if element.always_join
            and not element.is_dimension
            and names.issuperset(element.required)
        ]

    def element_records(self, element: DimensionElement, coding: Coding) -> SkyRecords:
        """Return the records of an element without key, and their regions if any."""
        group = self.universe.group(element.required)
        title = f"'{element.name}' records"
        if element.always_join:  # nobody has named it: say what it is
            title += f" ({element.doc[:1].lower()}{element.doc[1:].rstrip('.')})"
        where = self.pushed(group.names)
        frame = self.ask(title, Query(group, where=where, element=element.name))
        encoded = coding.encode(frame, deciding(self.universe, group.names))
        frame = encoded.frame
        relation = Relation(title, "records", coding, encoded.columns, frame.height)
        regions = (
            frame["region"] if element.is_spatial else pl.Series([], dtype=pl.Binary)
        )
        return SkyRecords(relation, regions)

    def condition_relations(self, coding: Coding) -> list[Relation]:
        """Return what the user's conditions allow, where no values show it yet."""
        relations = []
        for condition, names in self.conditions().items():
            deciders = deciding(self.universe, names)
            if (
                len(deciders) == 1
                and deciders[0] not in self.ranged
                and not dataset_types(condition)
            ):  # its values were read with this condition
                continue
            searches = tuple(
                DatasetSearch(self.dataset_type(name), self.plain_inputs())
                for name in sorted(dataset_types(condition))
            )
            title = f"`{to_text(condition)}`"
            query = Query(
                self.universe.group(names), where=condition, datasets=searches
            )
            frame = self.ask(title, query)
            encoded = coding.encode(frame, deciders)
            count = encoded.frame.height
            relations.append(Relation(title, "where", coding, encoded.columns, count))
        return relations

    def ask(self, title: str, query: Query) -> pl.DataFrame:
        """Return the answer to a query, which an explanation can ask again."""
        self.queries[title] = query
        return self.registry.query(query)


def _no_datasets(query: Query) -> pl.DataFrame:
    universe = query.dimensions.universe
    schema: dict[str, type[pl.DataType]] = {
        name: universe[name].primary_key.dtype for name in query.dimensions.required
    }
    schema |= {"dataset_id": pl.Binary, "run": pl.String}
    return pl.DataFrame(
        schema={**schema, "timespan_begin": pl.Int64, "timespan_end": pl.Int64}
    )


def quoted(names: Sequence[str]) -> str:
    """Return names for a message: the first few, quoted."""
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
