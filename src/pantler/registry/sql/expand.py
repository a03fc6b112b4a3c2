"""From what a user says of a data ID to the full data ID."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pantler.dimensions.column import plain_integer, plain_text
from pantler.dimensions.coordinate import DataCoordinate, check_pixel
from pantler.errors import DataIdError, close_match
from pantler.registry.sql.compile.joins import Joins, join_elements, needed_elements
from pantler.registry.sql.contradiction import contradiction
from pantler.registry.sql.diagnosis import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup
    from pantler.registry.sql.contradiction import Key
    from pantler.registry.sql.core import Core
    from pantler.registry.sql.driver import Prepared


@dataclass(frozen=True, slots=True)
class _Plan:
    """How data IDs given by certain keys are completed."""

    statement: Prepared
    width: int


class Expander:
    """Completes data IDs; every combination of group and keys is one statement."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._db = core.db
        self._schema = core.schema
        self._catalog = core.catalog
        self._plans: dict[tuple[DimensionGroup, tuple[Key, ...]], _Plan] = {}

    def expand(
        self, data_id: Mapping[str, object], group: DimensionGroup
    ) -> DataCoordinate:
        """Return the full data ID of a group; see `DimensionFacet.expand`.

        An implied value that the records do not have leaves the data ID with its
        required values only.
        """
        if not group.names and not data_id:
            return DataCoordinate(group, ())
        given = self._interpret(data_id, group)
        self._add_governors(given, group)
        keys = tuple(sorted(given))
        self._check_missing(given, data_id, group)
        plan = self._plans.get((group, keys))
        if plan is None:
            plan = self._plans[group, keys] = self._make_plan(group, keys)
        parameters = {
            f"{element}.{name}": given[element, name] for element, name in keys
        }
        rows = self._db.rows(plan.statement, parameters)
        if len(rows) != 1:
            raise self._failure(data_id, group, given, rows)
        values = rows[0][: plan.width]
        if None in values:
            values = values[: len(group.required)]
        return DataCoordinate(group, values)

    def _interpret(
        self, data_id: Mapping[str, object], group: DimensionGroup
    ) -> dict[Key, object]:
        """Return values by element and column."""
        universe = self._schema.universe
        given: dict[Key, object] = {}
        for key, value in data_id.items():
            if value is None:
                continue
            if not isinstance(key, str):
                raise DataIdError(f"A key of a data ID is text, not {key!r}.")
            name, dot, field = key.partition(".")
            if name not in universe:
                known = [*group.names, *universe.elements]
                raise DataIdError(f"No dimension '{name}'.{close_match(name, known)}")
            element = universe[name]
            if dot:
                column, plain = _field(element, field, value)
            elif element.is_dimension:
                column, plain = _own_key(element, value)
            else:
                raise DataIdError(
                    f"'{name}' is not a dimension. Give one of its columns: '{name}.…'."
                )
            given[name, column] = plain
        return given

    def _add_governors(self, given: dict[Key, object], group: DimensionGroup) -> None:
        for name in group.governors:
            if (name, name) not in given:
                values = self._catalog.now.governors[name]
                if len(values) == 1:
                    given[name, name] = values[0]

    def _check_missing(
        self,
        given: Mapping[Key, object],
        data_id: Mapping[str, object],
        group: DimensionGroup,
    ) -> None:
        """Refuse data IDs that only happen to match one record."""
        named = {name for name, _ in given}
        missing = [name for name in group.required if name not in named]
        extra = any(
            column != name or name not in group.required for name, column in given
        )
        if missing and (not extra or any(n in group.governors for n in missing)):
            raise DataIdError(
                f"Data ID {_show(data_id)} lacks {', '.join(map(repr, missing))}; "
                f"it needs {', '.join(group.required)}."
            )

    def _make_plan(self, group: DimensionGroup, keys: tuple[Key, ...]) -> _Plan:
        universe, schema = self._schema.universe, self._schema
        names = {name for key, _ in keys for name in universe[key].required}
        whole = universe.group([*group.names, *names])
        fields = {name for name, column in keys if column != name}
        # A value must exist even where another table could supply it.
        stored = [
            n for n in (*whole.required, *group.names) if not universe[n].is_pixel
        ]
        tops = [
            n
            for n in dict.fromkeys(stored)
            if n in whole.required
            and not any(n in universe[o].required for o in stored if o != n)
        ]
        pixels = frozenset(n for n in whole.names if universe[n].is_pixel)
        joins = Joins()
        chosen = needed_elements(
            whole,
            used=[*group.names, *names],
            referenced=sorted({*fields, *tops}),
            provided=pixels,
        )
        join_elements(joins, schema, chosen)
        for name in pixels:  # any pixel exists; its value is given or missing
            joins.dimensions[name] = sa.bindparam(f"{name}.{name}", type_=sa.BigInteger)
        conditions = []
        for name, column in keys:
            if name in pixels:
                continue
            place = (
                joins.dimensions[name]
                if column == name
                else joins.elements[name].c[column]
            )
            conditions.append(place == sa.bindparam(f"{name}.{column}"))
        wanted = [joins.dimensions[name].label(name) for name in group.names]
        statement = sa.select(*wanted, sa.literal(1)).distinct().where(*conditions)
        if joins.source is not None:
            statement = statement.select_from(joins.source)
        prepared = self._db.prepare(statement.limit(2))
        return _Plan(prepared, len(group.names))

    def _failure(
        self,
        data_id: Mapping[str, object],
        group: DimensionGroup,
        given: Mapping[Key, object],
        rows: list[tuple[Any, ...]],
    ) -> DataIdError:
        if rows:
            return DataIdError(
                f"Data ID {_show(data_id)} is ambiguous: it fits "
                f"{show(group.required, rows[0])}, {show(group.required, rows[1])}, … "
                f"Say more; a data ID needs {', '.join(group.required)}."
            )
        unknown = [
            message
            for (name, column), value in given.items()
            if (message := self._unknown(name, column, given, value))
        ]
        reason = (
            unknown[0]
            if unknown
            else contradiction(given, group, self._values_of)
            or "Its values do not belong together."
        )
        return DataIdError(f"Data ID {_show(data_id)} matches nothing. {reason}")

    def _values_of(self, key: Key, rest: Mapping[Key, object]) -> list[Any]:
        """Return the values, two at most, of a column where others are given."""
        universe = self._schema.universe
        name, column = key
        if universe[name].is_pixel:
            return []
        names = {n for other, _ in rest for n in universe[other].required}
        whole = universe.group([*names, *universe[name].required])
        table = self._schema.elements[name]
        plan = self._make_plan(whole, tuple(sorted(rest)))
        parameters = {f"{n}.{c}": value for (n, c), value in rest.items()}
        rows = self._db.rows(plan.statement, parameters)
        if column == name:
            place = whole.names.index(name)
            return list(dict.fromkeys(row[place] for row in rows))
        found: list[Any] = []
        for row in rows:
            held = dict(zip(whole.names, row, strict=False))
            same = (table.c[n] == held[n] for n in universe[name].required)
            found += self._db.rows(sa.select(table.c[column]).where(*same))
        return list(dict.fromkeys(value for (value,) in found))

    def _unknown(
        self, name: str, column: str, given: Mapping[Key, object], value: object
    ) -> str | None:
        """Say that a value is in no record, if that is so."""
        if self._schema.universe[name].is_pixel:
            return None
        table = self._schema.elements[name]
        within = [
            table.c[other] == given[other, other]
            for other in self._schema.universe[name].required[:-1]
            if (other, other) in given
        ]
        found = self._db.rows(
            sa.select(sa.literal(1)).where(table.c[column] == value, *within).limit(1)
        )
        if found:
            return None
        what = name if column == name else f"{name}.{column}"
        if not isinstance(value, str):  # a number is near to any other
            return f"No {what} {value!r} is known."
        known = self._db.rows(
            sa.select(table.c[column]).distinct().where(*within).limit(1000)
        )
        hint = close_match(value, [str(row[0]) for row in known])
        is_int = self._schema.universe[name].primary_key.type == "int"
        if is_int and value.isdecimal():
            hint = (
                f" If you mean the number, write {name}={int(value)}, without quotes."
            )
        return f"No {what} {value!r} is known.{hint}"


def _own_key(element: DimensionElement, value: object) -> tuple[str, object]:
    """Return the column that a value given for a dimension is meant for."""
    key = element.primary_key
    if key.type == "int" and isinstance(value, str):
        text = [
            other.name for other in element.alternate_keys if other.type == "string"
        ]
        if text:
            return text[0], value
    plain = _plain(element.name, key.type, value)
    if element.is_pixel and isinstance(plain, int):
        check_pixel(element, plain)
    return element.name, plain


def _field(element: DimensionElement, field: str, value: object) -> tuple[str, object]:
    """Return the column that a value given as ``element.field`` is meant for."""
    if element.is_dimension and field == element.primary_key.name:
        return _own_key(element, value)
    columns = {column.name: column for column in element.own_columns}
    if field not in columns:
        raise DataIdError(
            f"'{element.name}' has no column '{field}' of its own."
            f"{close_match(field, columns)}"
        )
    return field, _plain(f"{element.name}.{field}", columns[field].type, value)


def _plain(key: str, kind: str, value: object) -> object:
    """Return a value as the database takes it.

    Raises
    ------
    DataIdError
        If it has another type than the column, or the database cannot hold it.
    """
    try:
        if kind in {"int", "time"}:
            return plain_integer(value)
        if kind == "string" and isinstance(value, str):
            return plain_text(value)
        if kind == "bool" and isinstance(value, bool):
            return int(value)
        if kind == "float" and isinstance(value, float | int):
            return float(value)
        if kind in {"hash", "region"} and isinstance(value, bytes):
            return value
    except (ValueError, OverflowError) as error:
        raise DataIdError(f"Data ID key '{key}': {error}") from None
    except TypeError:
        pass
    words = {"int": "an integer", "time": "an integer", "string": "text"}
    raise DataIdError(
        f"Data ID key '{key}' takes {words.get(kind, kind)}, not {value!r}."
    )


def _show(data_id: Mapping[str, object]) -> str:
    return show(list(data_id), list(data_id.values()))
