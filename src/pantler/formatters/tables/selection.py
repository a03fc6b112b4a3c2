"""What a read asks of a table: some of its columns, some of its rows."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from pantler.errors import InvalidInputError, close_match

_COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_OPERATORS: Final = (*_COMPARISONS, "in", "not in")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a row must fulfil: ``("mag", "<", 21.5)``.

    Parameters
    ----------
    column
        Its name.
    operator
        ``<``, ``<=``, ``>``, ``>=``, ``=``, ``!=``, ``in`` or ``not in``.
    value
        In the unit of the column; a list for the last two.
    """

    column: str
    operator: str
    value: Any

    def check(self, dtype: Any) -> None:
        """Refuse a condition that a column of a type cannot fulfil.

        Raises
        ------
        InvalidInputError
            If the value is of another kind than the column.
        """
        values = self.value if self.operator.endswith("in") else [self.value]
        for value in values:
            if not _is_comparable(value, dtype):
                raise InvalidInputError(
                    f"Column '{self.column}' of type {dtype} cannot be compared with "
                    f"{value!r} ({type(value).__qualname__})."
                )

    def expression(self, dtype: Any) -> pl.Expr:
        """Return it for polars; what is missing or NaN fulfils no comparison."""
        column = pl.col(self.column)
        if self.operator in {"in", "not in"}:
            # Compared one by one: nothing is converted to the type of the others.
            found = pl.any_horizontal(
                pl.lit(value=False), *(column == value for value in self.value)
            )
            return (found if self.operator == "in" else ~found) & column.is_not_null()
        compared: pl.Expr = _COMPARISONS[self.operator](column, self.value)
        if dtype.is_float() and self.operator != "!=":
            compared &= column.is_not_nan()
        return compared & column.is_not_null()

    def may_hold(self, least: Any, greatest: Any) -> bool:
        """Whether some value between two may fulfil it."""
        if self.operator == "in":
            return any(least <= value <= greatest for value in self.value)
        if self.operator in {"<", "<="}:
            return bool(_COMPARISONS[self.operator](least, self.value))
        if self.operator in {">", ">="}:
            return bool(_COMPARISONS[self.operator](greatest, self.value))
        if self.operator in {"=", "=="}:
            return bool(least <= self.value <= greatest)
        return True

    @classmethod
    def of(cls, given: Any) -> Condition:
        """Return the condition that a caller gave.

        Raises
        ------
        InvalidInputError
            If it is none.
        """
        try:
            column, word, value = given
        except (TypeError, ValueError):
            column = word = value = None
        if not isinstance(column, str) or word not in _OPERATORS:
            raise InvalidInputError(
                "A condition on rows is (column, operator, value), as ('mag', '<', "
                f"21.5), with one of {', '.join(_OPERATORS)}; not {given!r}."
            )
        if word in {"in", "not in"}:
            if isinstance(value, str | bytes) or not isinstance(value, Iterable):
                raise InvalidInputError(
                    f"The condition on '{column}' needs a list of values after "
                    f"'{word}', not {value!r}."
                )
            return cls(column, word, [_plain(item) for item in value])
        return cls(column, word, _plain(value))


@dataclass(frozen=True, slots=True)
class TableSelection:
    """The parameters of a read of a table.

    Parameters
    ----------
    columns
        Names, in the order wanted; None for all.
    rows
        Conditions, all of which a row must fulfil.
    """

    columns: tuple[str, ...] | None = None
    rows: tuple[Condition, ...] = ()

    @classmethod
    def of(cls, parameters: Mapping[str, Any] | None) -> TableSelection:
        """Return what the parameters ``columns`` and ``rows`` say.

        Raises
        ------
        InvalidInputError
            If they have another form.
        """
        if not parameters:
            return cls()
        columns = parameters.get("columns")
        if columns is not None:
            if isinstance(columns, str) or not (
                isinstance(columns, Iterable)
                and all(isinstance(name, str) for name in columns)
            ):
                raise InvalidInputError(
                    f"The parameter 'columns' is a list of names, not {columns!r}."
                )
            columns = tuple(columns)
            if len(set(columns)) < len(columns):
                raise InvalidInputError("A column is named twice in 'columns'.")
        return cls(columns, _conditions(parameters.get("rows")))

    def check(self, names: Sequence[str]) -> None:
        """Refuse columns that a table does not have."""
        for name in self.columns or ():
            if name not in names:
                raise InvalidInputError(
                    f"There is no column '{name}'; the table has {len(names)}: "
                    f"{', '.join(names[:20])}.{close_match(name, names)}"
                )

    def check_row_names(self, names: Collection[str]) -> None:
        """Refuse conditions on columns that a table does not have."""
        for condition in self.rows:
            if condition.column not in names:
                raise InvalidInputError(
                    f"There is no column '{condition.column}' for the condition on "
                    f"rows.{close_match(condition.column, names)}"
                )

    def check_rows(self, schema: Mapping[str, Any]) -> None:
        """Refuse conditions that columns of some types cannot fulfil."""
        self.check_row_names(schema.keys())
        for condition in self.rows:
            condition.check(schema[condition.column])

    def stored(self, present: Sequence[str]) -> list[str] | None:
        """Return the columns that are read: some are several in a file; None: all."""
        if self.columns is None:
            return None
        return [
            name
            for asked in self.columns
            for name in present
            if name == asked or name.startswith(f"{asked}.")
        ]

    def mask(self, frame: pl.DataFrame) -> pl.Series:
        """Return which rows of a frame fulfil the conditions.

        Raises
        ------
        InvalidInputError
            If a column cannot be compared with a value.
        """
        self.check_rows(frame.schema)
        conditions = [one.expression(frame.schema[one.column]) for one in self.rows]
        try:
            return frame.select(pl.all_horizontal(conditions)).to_series()
        except PolarsError as error:
            raise InvalidInputError(
                f"A condition on rows cannot be answered: {error}."
            ) from error


def _conditions(rows: Any) -> tuple[Condition, ...]:
    if rows is None:
        return ()
    if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
        raise InvalidInputError(
            "The parameter 'rows' is a list of conditions, as [('mag', '<', 21.5)], "
            f"not {rows!r}."
        )
    return tuple(map(Condition.of, rows))


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return value.astype("M8[us]").item()
    if isinstance(value, np.generic):
        return value.item()
    return value


def _is_comparable(value: object, dtype: Any) -> bool:
    if dtype == pl.Boolean:
        return isinstance(value, bool)
    if dtype.is_numeric():
        return isinstance(value, int | float) and not isinstance(value, bool)
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return isinstance(value, str)
    if dtype == pl.Binary:
        return isinstance(value, bytes)
    if dtype == pl.Date:
        return type(value) is dt.date
    if isinstance(dtype, pl.Datetime):
        return isinstance(value, dt.datetime)
    return isinstance(dtype, pl.Duration) and isinstance(value, dt.timedelta)
