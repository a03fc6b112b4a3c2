"""What the names of an expression mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from pantler.errors import close_match
from pantler.queries.tree import (
    Column,
    DatasetField,
    DatasetTimespan,
    DimensionKey,
    RecordField,
    TableField,
    TimespanField,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pantler.datasets.dataset_type import DatasetType
    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup, Universe
    from pantler.queries.query import JoinedTable, Query
    from pantler.queries.syntax import Place
    from pantler.queries.tree import DatasetFieldName

Named = Column | TimespanField | DatasetTimespan
"""What a name can stand for."""

_DATASET_FIELDS: Final[
    Mapping[str, tuple[DatasetFieldName, Literal["uuid", "string", "time", "int"]]]
] = {
    "dataset_id": ("dataset_id", "uuid"),
    "run": ("run", "string"),
    "collection": ("collection", "string"),
    "ingest_time": ("ingest_time", "time"),
    "ingest_date": ("ingest_time", "time"),  # as other systems call it
    "size": ("size", "int"),
    "timespan.begin": ("timespan_begin", "time"),
    "timespan.end": ("timespan_end", "time"),
}
_DATASET_WORDS: Final = (
    "dataset_id, run, collection, ingest_time, size and timespan (begin, end)"
)
_TIME_BOUNDS: Final = {
    "timespan.begin": "timespan_begin",
    "timespan.end": "timespan_end",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What names can mean.

    Parameters
    ----------
    universe
        The dimensions that there are.
    dataset_types
        Dataset types that are searched for, by name.
    dimensions
        Dimensions of the rows that are asked for: a field without an element is
        looked for among their elements first.
    parameters
        Values from outside by name, only to be suggested in messages.
    tables
        Tables of the user's own that are joined in, by name.
    """

    universe: Universe
    dataset_types: Mapping[str, DatasetType] = field(default_factory=dict)
    dimensions: DimensionGroup | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    tables: Mapping[str, JoinedTable] = field(default_factory=dict)

    @classmethod
    def of(cls, query: Query) -> Names:
        """Return what names mean in a query."""
        group = query.dimensions
        tables = {table.name: table for table in query.tables}
        return cls(group.universe, query.dataset_types, group, {}, tables)

    def resolve(self, text: str, place: Place) -> Named:
        """Return the column that a name stands for.

        Parameters
        ----------
        text
            ``dimension``, ``element.field``, ``dataset_type.field``, ``table.column``,
            or a field alone.
        place
            Where it is written.

        Raises
        ------
        QuerySyntaxError
            If it means nothing, or more than one thing.
        """
        head, dot, rest = text.partition(".")
        if dot and not rest:
            raise place.error(f"'{text}' ends in a dot: name one of its fields.")
        element = self.universe.elements.get(head)
        dataset_type = self.dataset_types.get(head)
        if rest and element is not None:
            found = self._element_field(element, rest)
            if found is None and dataset_type is None:
                raise place.error(self._no_field(element, rest))
            if found is not None:
                return found
        elif element is not None and element.is_dimension:
            return DimensionKey(head, element.primary_key.type)
        if rest and dataset_type is not None:
            return _dataset_field(dataset_type, rest, place)
        if rest and head in self.tables:
            return self._table_field(self.tables[head], rest, place)
        return self._unqualified(text, place)

    def _element_field(self, element: DimensionElement, rest: str) -> Named | None:
        if rest == "timespan":
            return TimespanField(element.name) if element.is_temporal else None
        rest = _TIME_BOUNDS.get(rest, rest)
        for column in element.own_columns:
            if column.name == rest:
                return RecordField(element.name, rest, column.type)
        if element.is_dimension and rest in {element.name, element.primary_key.name}:
            return DimensionKey(element.name, element.primary_key.type)
        if rest in element.required:
            return DimensionKey(rest, self.universe[rest].primary_key.type)
        if rest in element.implied:
            key = self.universe[rest].primary_key
            return RecordField(element.name, rest, key.type)
        return None

    def _table_field(self, table: JoinedTable, rest: str, place: Place) -> Named:
        if rest in table.dimensions:
            return DimensionKey(rest, self.universe[rest].primary_key.type)
        kind = table.types.get(rest)
        if kind is None:
            known = [*table.dimensions, *table.types]
            raise place.error(
                f"The table '{table.name}' has no column '{rest}', only "
                f"{', '.join(known)}.{close_match(rest, known)}"
            )
        return TableField(table.name, rest, kind)

    def _unqualified(self, text: str, place: Place) -> Named:
        """Return what a field without an element means, if only one has it."""
        found = self._fields_of_elements(text)
        if text == "timespan" or text in _TIME_BOUNDS:
            validity = [
                _dataset_field(dataset_type, text, place)
                for dataset_type in self.dataset_types.values()
                if dataset_type.is_calibration
            ]
            has_time = self.dimensions is not None and any(
                self.dimensions.temporal_elements()
            )
            if validity and not has_time:
                found = validity  # the only time that the rows themselves have
            elif len(found) > 1:
                found += validity
        elif text in _DATASET_FIELDS:
            found += [
                _dataset_field(dataset_type, text, place)
                for dataset_type in self.dataset_types.values()
            ]
        if not found:
            raise place.error(self._unknown(text))
        if len(found) > 1:
            owners = [_owner(column) for column in found]
            choices = ", ".join(f"{owner}.{text}" for owner in owners)
            raise place.error(f"'{text}' may be any of {choices}: say which.")
        return found[0]

    def _fields_of_elements(self, text: str) -> list[Named]:
        """Return the fields of a name: of the rows' elements, or else of any."""
        scopes: list[Iterable[DimensionElement]] = []
        if self.dimensions is not None:
            if text.startswith("timespan"):
                scopes.append(self.dimensions.temporal_elements())
            elif text == "region":
                scopes.append(self.dimensions.spatial_elements())
            else:
                scopes.append(self.dimensions.elements)
        scopes.append(self.universe.elements.values())
        for elements in scopes:
            found = [
                column
                for element in elements
                if (column := self._own_field(element, text)) is not None
            ]
            if found:
                return found
        return []

    def _own_field(self, element: DimensionElement, text: str) -> Named | None:
        if text != "timespan" and not element.has_column(_TIME_BOUNDS.get(text, text)):
            return None
        return self._element_field(element, text)

    def _no_field(self, element: DimensionElement, rest: str) -> str:
        known = [column.name for column in element.own_columns]
        if element.is_temporal:
            known = [name for name in known if name not in _TIME_BOUNDS.values()]
            known += ["timespan", *_TIME_BOUNDS]
        known += [*element.required, *element.implied]
        if element.is_dimension:
            known.append(element.primary_key.name)
        listing = ", ".join(dict.fromkeys(known))
        hint = close_match(rest, known) or f" It has {listing}."
        return f"'{element.name}' has no field '{rest}'.{hint}"

    def _unknown(self, text: str) -> str:
        if text in self.dataset_types:
            return (
                f"'{text}' is a dataset type, which has {_DATASET_WORDS}: "
                f"write {text}.run, say."
            )
        if text in self.tables:
            table = self.tables[text]
            return (
                f"'{text}' is a joined table, which has the columns "
                f"{', '.join([*table.dimensions, *table.types])}: name one of them."
            )
        if text in self.universe:
            owner = self.universe[text]
            return (
                f"'{text}' relates dimensions and has no value of its own: "
                f"name one of {', '.join(owner.required)}, or one of its fields."
            )
        fields = {
            c.name for e in self.universe.elements.values() for c in e.own_columns
        }
        kinds = "a dimension, a field, a dataset type of this query nor a bound value"
        head, _, rest = text.partition(".")
        known = {*self.universe.elements, *self.dataset_types, *self.tables}
        known.update(self.parameters)
        hint = close_match(head if rest else text, known) or close_match(text, fields)
        if not hint and not rest:
            hint = f" If it is text, write '{text}' in single quotes."
        return f"'{head if rest else text}' is neither {kinds}.{hint}"


def _dataset_field(dataset_type: DatasetType, rest: str, place: Place) -> Named:
    if rest == "timespan":
        return DatasetTimespan(dataset_type.name)
    known = _DATASET_FIELDS.get(rest)
    if known is None:
        raise place.error(
            f"A dataset has no field '{rest}', only {_DATASET_WORDS}."
            f"{close_match(rest, _DATASET_FIELDS)}"
        )
    return DatasetField(dataset_type.name, *known)


def _owner(column: Named) -> str:
    match column:
        case RecordField(element) | TimespanField(element):
            return element
        case DatasetField(name) | DatasetTimespan(name) | TableField(name):
            return name
        case DimensionKey(name):
            return name
