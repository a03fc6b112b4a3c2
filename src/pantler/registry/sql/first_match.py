"""The first of some collections that has a dataset: the hot path of ``get``."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pantler.datasets.collection import CollectionType
from pantler.dimensions.timespan import Timespan
from pantler.errors import DataIdError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pantler.datasets.collection import Collection
    from pantler.dimensions.coordinate import DataCoordinate
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Prepared
    from pantler.registry.sql.snapshot import TypeRow

FEW_RUNS = 32
"""Collections that are looked into at once, at first."""

_MOST_SLOTS = 512

Match = tuple[bytes, int]


class FirstMatch:
    """Finds a dataset by numbers, with few statements that stay prepared.

    Parameters
    ----------
    core
        Where.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._statements: dict[tuple[CollectionType, int], Prepared] = {}
        self._in_runs: dict[tuple[sa.Table, int], Prepared] = {}

    def find_in_runs(
        self, row: TypeRow, data_id: DataCoordinate, runs: tuple[int, ...]
    ) -> Match | None:
        """Return the first match in a few RUNs, or None, by a single statement."""
        slots = 1 << (len(runs) - 1).bit_length()
        statement = self._in_runs.get((row.data_ids, slots))
        if statement is None:
            statement = self._prepare_runs(row.data_ids, slots)
            self._in_runs[row.data_ids, slots] = statement
        # Slots that are left over repeat the last run.
        places = (*runs, *runs[-1:] * (slots - len(runs)))
        rows = self._db.fetch(statement, (*data_id.required_values, row.id, *places))
        if len(rows) > 1:
            rows.sort(key=lambda found: runs.index(found[1]))
        return rows[0] if rows else None

    def _prepare_runs(self, data_ids: sa.Table, slots: int) -> Prepared:
        dataset = self._schema.dataset
        numbers = [sa.bindparam(f"c{i}", type_=sa.BigInteger) for i in range(slots)]
        names = [column.name for column in data_ids.c if column.name != "id"]
        prepared = self._db.prepare(
            sa.select(dataset.c.uuid, dataset.c.run_id)
            .join_from(data_ids, dataset, dataset.c.data_id == data_ids.c.id)
            .where(
                *(data_ids.c[name] == sa.bindparam(name) for name in names),
                dataset.c.dataset_type_id == sa.bindparam("type", type_=sa.BigInteger),
                dataset.c.run_id.in_(numbers),
            )
        )
        # The values are given in that order.
        assert prepared.names == (*names, "type", *(n.key for n in numbers))  # noqa: S101
        return prepared

    def find(
        self,
        type_id: int,
        data_id: int,
        searched: Sequence[tuple[int, Collection]],
        timespan: Timespan | None,
    ) -> Match | None:
        """Return UUID and run number of the first match, or None.

        Without a time, only what is valid for ever is found in CALIBRATION collections.

        Raises
        ------
        DataIdError
            If several calibrations are valid within the time.
        """
        given = {"type": type_id, "data_id": data_id}
        matches: dict[int, list[Match]] = {}
        by_kind: dict[CollectionType, list[int]] = {}
        for number, collection in searched:
            by_kind.setdefault(collection.type, []).append(number)
        for kind, numbers in by_kind.items():
            if kind is CollectionType.CALIBRATION:
                if timespan is None:
                    self._collect_valid_for_ever(matches, numbers, given)
                    continue
                given = {**given, "begin": timespan.begin, "end": timespan.end}
            self._collect(matches, kind, numbers, given)
        for number, collection in searched:
            # One dataset may be certified for several ranges within the time.
            found = list(dict.fromkeys(matches.get(number, ())))
            if len(found) > 1:
                raise DataIdError(
                    f"{len(found)} datasets are valid within {timespan} in "
                    f"'{collection.name}'. Ask for a shorter time."
                )
            if found:
                return found[0]
        return None

    def _collect(
        self,
        matches: dict[int, list[Match]],
        kind: CollectionType,
        numbers: Sequence[int],
        given: dict[str, int],
    ) -> None:
        start, size = 0, FEW_RUNS
        # The most likely ones first: numbers are in the order of the search.
        while start < len(numbers) and matches.keys().isdisjoint(numbers[:start]):
            part = numbers[start : start + size]
            start, size = start + size, _MOST_SLOTS
            slots = 1 << (len(part) - 1).bit_length()
            statement = self._statements.get((kind, slots))
            if statement is None:
                statement = self._prepare(kind, slots)
                self._statements[kind, slots] = statement
            # Slots that are left over repeat the last collection.
            places = {f"c{i}": part[min(i, len(part) - 1)] for i in range(slots)}
            rows = self._db.rows(statement, {**given, **places})
            for number, uuid, run_id in rows:
                matches.setdefault(number, []).append((uuid, run_id))

    def _collect_valid_for_ever(
        self,
        matches: dict[int, list[Match]],
        numbers: Sequence[int],
        given: dict[str, int],
    ) -> None:
        """Find what any time would find: ranges that touch, without a gap or an end."""
        for number in numbers:
            ranges = self._db.rows(self._ranges, {**given, "c": number})
            reach = Timespan.MIN
            for begin, end, *dataset in ranges:
                if begin != reach or dataset[0] != ranges[0][2]:
                    break
                reach = end
            if reach == Timespan.MAX:
                matches[number] = [ranges[0][2:]]

    @cached_property
    def _ranges(self) -> Prepared:
        """All ranges of a data ID in one CALIBRATION collection."""
        valid = self._schema.calibration
        return self._db.prepare(
            sa.select(valid.c.begin_ns, valid.c.end_ns, valid.c.uuid, valid.c.run_id)
            .where(
                valid.c.collection_id == sa.bindparam("c"),
                valid.c.dataset_type_id == sa.bindparam("type"),
                valid.c.data_id == sa.bindparam("data_id"),
            )
            .order_by(valid.c.begin_ns)
        )

    def _prepare(self, kind: CollectionType, slots: int) -> Prepared:
        """Return a statement for up to so many collections of one kind."""
        dataset = self._schema.dataset
        numbers: list[Any] = [
            sa.bindparam(f"c{i}", type_=sa.BigInteger) for i in range(slots)
        ]
        type_: Any = sa.bindparam("type", type_=sa.BigInteger)
        data_id: Any = sa.bindparam("data_id", type_=sa.BigInteger)
        if kind is CollectionType.RUN:
            return self._db.prepare(
                sa.select(dataset.c.run_id, dataset.c.uuid, dataset.c.run_id).where(
                    dataset.c.run_id.in_(numbers),
                    dataset.c.dataset_type_id == type_,
                    dataset.c.data_id == data_id,
                )
            )
        is_tag = kind is CollectionType.TAGGED
        member = self._schema.membership if is_tag else self._schema.calibration
        chosen = sa.select(
            member.c.collection_id, member.c.uuid, member.c.run_id
        ).where(
            member.c.collection_id.in_(numbers),
            member.c.dataset_type_id == type_,
            member.c.data_id == data_id,
        )
        if kind is CollectionType.CALIBRATION:
            chosen = chosen.where(
                member.c.begin_ns < sa.bindparam("end"),
                member.c.end_ns > sa.bindparam("begin"),
            )
        return self._db.prepare(chosen)
