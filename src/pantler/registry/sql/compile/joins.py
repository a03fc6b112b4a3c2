"""Which tables a query needs, and how they join: by the dimensions that they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pantler.errors import InvalidInputError
from pantler.registry.sql.compile.pixels import unbounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.sql.schema import Schema


@dataclass(slots=True)
class Joins:
    """Relations joined so far, and where the value of each dimension is found.

    Attributes
    ----------
    source
        All of them, joined.
    conditions
        What the first relation must satisfy, which no join can hold.
    dimensions
        A column for each dimension.
    elements
        The table of each element that is joined.
    keys
        The dimensions whose values tell rows apart.
    """

    source: Any = None
    conditions: list[sa.ColumnElement[bool]] = field(default_factory=list)
    dimensions: dict[str, sa.ColumnElement[Any]] = field(default_factory=dict)
    elements: dict[str, sa.Table] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    _nullable: set[str] = field(default_factory=set)

    def add(
        self,
        relation: sa.FromClause,
        columns: Mapping[str, sa.ColumnElement[Any]],
        conditions: Iterable[sa.ColumnElement[bool]] = (),
        *,
        outer: bool = False,
    ) -> None:
        """Join a relation on the dimensions that are known already.

        Parameters
        ----------
        relation
            What to join.
        columns
            Its columns that hold dimensions.
        conditions
            What else its rows must satisfy.
        outer
            Whether rows without a match stay.
        """
        same = [
            column == self.dimensions[name]
            for name, column in columns.items()
            if name in self.dimensions
        ]
        if self.source is None:
            self.source = relation
            self.conditions += conditions
        else:
            condition = sa.and_(sa.true(), *same, *conditions)
            self.source = self.source.join(relation, condition, isouter=outer)
        for name, column in columns.items():
            self.dimensions.setdefault(name, column)

    def add_element(
        self, element: DimensionElement, table: sa.Table, *, supplier: bool
    ) -> None:
        """Join the table of an element.

        A supplier is joined for its implied values alone. Where it is itself reached
        by an implied value, which may be null, rows without it stay.
        """
        names = (*element.required, *element.implied)
        columns = {name: table.c[name] for name in names}
        news = self.dimensions.keys().isdisjoint(element.implied)
        outer = supplier and news and not self._nullable.isdisjoint(element.required)
        self._nullable.update(set(element.implied) - self.dimensions.keys())
        self.add(table, columns, outer=outer)
        self.elements[element.name] = table
        self.keys.update(element.required)


def needed_elements(
    group: DimensionGroup,
    *,
    used: Iterable[str],
    referenced: Iterable[str],
    related: Sequence[frozenset[str]] = (),
    provided: frozenset[str] = frozenset(),
) -> list[tuple[DimensionElement, bool]]:
    """Return the elements to join, with whether each is there for implied values only.

    Parameters
    ----------
    group
        All dimensions that take part.
    used
        Dimensions whose values are wanted or constrained.
    referenced
        Elements with a column that is wanted or constrained.
    related
        Dimensions of each dataset search: its data IDs relate them already.
    provided
        Dimensions that other relations have, whose values are known to exist.
    """
    universe = group.universe
    wanted: dict[str, bool] = {}
    names = dict.fromkeys(used)
    always = [
        element.name
        for element in group.elements
        if element.always_join
        and not any(part.issuperset(element.required) for part in related)
    ]
    for name in (*referenced, *always):
        wanted[name] = False
        names.update(dict.fromkeys(universe[name].required))
    _add_suppliers(group, names, wanted)
    have = set(provided)
    for name in wanted:
        have.update(universe[name].required, universe[name].implied)
    for element in reversed(group.elements):
        name = element.name
        if name not in names or name in have:
            continue
        if element.is_pixel:
            raise InvalidInputError(unbounded(name))
        wanted[name] = False
        have.update(element.required, element.implied)
    chosen = [e for e in reversed(group.elements) if e.name in wanted]
    chosen.sort(key=lambda element: wanted[element.name])  # suppliers last
    return [(element, wanted[element.name]) for element in chosen]


def _add_suppliers(
    group: DimensionGroup, names: dict[str, None], wanted: dict[str, bool]
) -> None:
    """Add the elements that fix the value of a used dimension."""
    todo = list(names)
    while todo:
        name = todo.pop()
        for element in group.elements:
            if name in element.implied and element.name not in wanted:
                wanted[element.name] = True
                new = [n for n in element.required if n not in names]
                names.update(dict.fromkeys(new))
                todo.extend(new)


def join_elements(
    joins: Joins, schema: Schema, chosen: Iterable[tuple[DimensionElement, bool]]
) -> Joins:
    """Join the tables of elements, in order."""
    for element, supplier in chosen:
        joins.add_element(element, schema.elements[element.name], supplier=supplier)
    return joins
