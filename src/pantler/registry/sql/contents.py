"""What collections hold at this moment: dataset types, and values of governors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from pantler.datasets.collection import CollectionSummary, CollectionType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pantler.registry.sql.core import Core
    from pantler.registry.sql.snapshot import TypeRow

_KINDS: Final = (
    CollectionType.RUN,
    CollectionType.TAGGED,
    CollectionType.CALIBRATION,
)


class Contents:
    """Looks into collections.

    The table ``collection_type`` says what a collection *may* hold, for searches. What
    it does hold is looked up here, so that it is right also after deletes.

    Parameters
    ----------
    core
        Where.
    """

    def __init__(self, core: Core) -> None:
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        schema = core.schema
        self._places: dict[CollectionType, sa.Column[Any]] = {
            CollectionType.RUN: schema.dataset.c.run_id,
            CollectionType.TAGGED: schema.membership.c.collection_id,
            CollectionType.CALIBRATION: schema.calibration.c.collection_id,
        }

    def dataset_types(self, names: Iterable[str]) -> list[str]:
        """Return the names of the dataset types that some collections hold."""
        with self._db.reading():
            rows = self._type_rows(self._numbers(names))
        return sorted(row.dataset_type.name for row in rows)

    def summary(self, names: Iterable[str]) -> CollectionSummary:
        """Return what some collections hold, together."""
        with self._db.reading():
            numbers = self._numbers(names)
            rows = self._type_rows(numbers)
            values: dict[str, set[Any]] = {}
            for row in rows:
                self._add_governors(row, numbers, values)
        return CollectionSummary(
            tuple(sorted(row.dataset_type.name for row in rows)),
            {name: tuple(sorted(values[name])) for name in sorted(values)},
        )

    def _numbers(self, names: Iterable[str]) -> dict[CollectionType, list[int]]:
        """Return the numbers of the collections that are searched, by kind."""
        found: dict[CollectionType, list[int]] = {kind: [] for kind in _KINDS}
        for number, collection in self._catalog.now.flatten(names):
            found[collection.type].append(number)
        return {kind: numbers for kind, numbers in found.items() if numbers}

    def _type_rows(self, numbers: dict[CollectionType, list[int]]) -> list[TypeRow]:
        types, holds = self._schema.dataset_type, self._schema.collection_type
        known = self._catalog.now.types_by_id
        found: set[int] = set()
        for kind, listed in numbers.items():
            place = self._places[kind]
            table: Any = place.table
            is_held = sa.exists().where(
                place == holds.c.collection_id,
                table.c.dataset_type_id == holds.c.dataset_type_id,
            )
            rows = self._db.rows(
                # By type: the collections are the second part of that key.
                sa.select(holds.c.dataset_type_id)
                .distinct()
                .join_from(types, holds, holds.c.dataset_type_id == types.c.id)
                .where(self._db.driver.is_listed(holds.c.collection_id, listed))
                .where(is_held)
            )
            found.update(number for (number,) in rows)
        return [known[number] for number in sorted(found)]

    def _add_governors(
        self,
        row: TypeRow,
        numbers: dict[CollectionType, list[int]],
        values: dict[str, set[Any]],
    ) -> None:
        """Add the governor values of the datasets of one type."""
        universe = self._schema.universe
        known = self._catalog.now.governors
        asked = []
        for name in row.dataset_type.dimensions.required:
            if universe[name].is_governor:
                some = values.setdefault(name, set())
                if len(known[name]) == 1:
                    some.update(known[name])  # nothing else can be named
                elif not some.issuperset(known[name]):
                    asked.append(name)
        if asked:
            for found in self._governor_values(row, asked, numbers):
                for name, value in zip(asked, found, strict=True):
                    values[name].add(value)

    def _governor_values(
        self,
        row: TypeRow,
        names: Sequence[str],
        numbers: dict[CollectionType, list[int]],
    ) -> Iterator[tuple[Any, ...]]:
        data_ids = row.data_ids
        for kind, listed in numbers.items():
            place = self._places[kind]
            table: Any = place.table
            yield from self._db.rows(
                sa.select(*(data_ids.c[name] for name in names))
                .distinct()
                .join_from(table, data_ids, data_ids.c.id == table.c.data_id)
                .where(self._db.driver.is_listed(place, listed))
                .where(table.c.dataset_type_id == row.id)
            )
