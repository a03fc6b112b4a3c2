"""The typed columns of dimension records."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Literal

import polars as pl

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    import builtins

ColumnType = Literal["string", "int", "float", "bool", "hash", "region", "time"]

DataIdValue = int | str

_POLARS: dict[str, type[pl.DataType]] = {
    "string": pl.String,
    "int": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
    "hash": pl.Binary,
    "region": pl.Binary,
    "time": pl.Int64,
}
_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "hash": (bytes,),
    "region": (bytes,),
    "time": (int,),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dimension element's records.

    Parameters
    ----------
    name
        Its name in record frames, in the database and in queries.
    type
        ``time`` is int64 TAI nanoseconds since 1970-01-01 TAI; ``region`` the
        encoded bytes of a sky region.
    length
        Most characters (string) or bytes (hash); 0 for no bound.
    nullable
        Whether a record may lack it.
    doc
        What it means, with its unit.
    """

    name: str
    type: ColumnType
    length: int = 0
    nullable: bool = True
    doc: str = ""

    @property
    def dtype(self) -> builtins.type[pl.DataType]:
        """The polars type of the column in frames."""
        return _POLARS[self.type]

    @property
    def is_strict(self) -> bool:
        """Whether a series of Python values is made without conversions."""
        return self.type != "float"

    @property
    def exact_types(self) -> frozenset[builtins.type]:
        """The Python types of values that need no closer look, None among them."""
        return frozenset((*_PYTHON[self.type], NoneType))

    def accepts(self, dtype: pl.DataType) -> bool:
        """Whether a frame's column of a polars type can be converted without loss."""
        if self.type in {"int", "time"}:
            return dtype.is_integer()
        if self.type == "float":
            return dtype.is_numeric()
        if self.type == "string":
            return dtype in {pl.String, pl.Categorical, pl.Enum}
        return dtype == self.dtype

    def check(self, value: object, where: str) -> None:
        """Refuse a value of the wrong type.

        Raises
        ------
        InvalidInputError
            If the value is None where that is not allowed, of another type, or
            too long.
        """
        if value is None:
            if not self.nullable:
                raise InvalidInputError(f"{where}: '{self.name}' is missing.")
            return
        expected = _PYTHON[self.type]
        if not isinstance(value, expected) or (
            isinstance(value, bool) and self.type != "bool"
        ):
            raise InvalidInputError(
                f"{where}: '{self.name}' must be {self.type}, "
                f"not {value!r} ({type(value).__name__})."
            )
        if self.length and isinstance(value, str | bytes) and len(value) > self.length:
            raise InvalidInputError(
                f"{where}: '{self.name}' has {len(value)} characters or bytes; "
                f"at most {self.length} are allowed."
            )
