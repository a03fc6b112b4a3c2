"""The typed columns of dimension records."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from pantler.errors import InvalidInputError

if TYPE_CHECKING:
    import builtins

ColumnType = Literal["string", "int", "float", "bool", "hash", "region", "time"]

DataIdValue = int | str

_INT64: Final = range(-(2**63), 2**63)

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


def plain_integer(value: object) -> int:
    """Return an integer of any type, such as numpy's, as Python's own.

    Raises
    ------
    TypeError
        If it is not an integer: a float is not, nor is a truth value.
    ValueError
        If it does not fit into 64 bits.
    """
    if type(value) is not int:
        value = _index(value)
    if value not in _INT64:
        raise ValueError(f"The integer {value} does not fit into 64 bits.")
    return value


def _index(value: object) -> int:
    # A truth value is an index to Python, and so is an array of one integer.
    if isinstance(value, bool) or getattr(value, "shape", ()) != ():
        raise TypeError(f"{value!r} is not an integer")
    return operator.index(value)  # type: ignore[arg-type]  # it checks itself


def plain_text(value: str) -> str:
    """Return text as Python's own type.

    Raises
    ------
    ValueError
        If it has lone surrogates, which stand for bytes that are not text (in a file
        name, say), or a NUL character: neither can be stored.
    """
    if "\0" in value:
        raise ValueError(f"{value!a} has a NUL character.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{value!a} has characters that are not text.") from None
    return value if type(value) is str else str(value)


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
        try:
            if isinstance(value, str):
                plain_text(value)
            elif isinstance(value, int):
                plain_integer(int(value))
        except ValueError as error:
            raise InvalidInputError(f"{where}: '{self.name}': {error}") from None
        if self.length and isinstance(value, str | bytes) and len(value) > self.length:
            raise InvalidInputError(
                f"{where}: '{self.name}' has {len(value)} characters or bytes; "
                f"at most {self.length} are allowed."
            )
