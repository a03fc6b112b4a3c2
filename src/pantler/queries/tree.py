"""The bound tree: a query expression in which every name has its meaning.

All nodes are frozen; walk them with `functools.singledispatch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pantler.dimensions.column import ColumnType

ValueType = Literal[
    "string",
    "int",
    "float",
    "bool",
    "time",
    "timespan",
    "region",
    "uuid",
    "hash",
    "null",
]


@dataclass(frozen=True, slots=True)
class DimensionKey:
    """The value of a dimension, as in data IDs."""

    dimension: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class RecordField:
    """A column of an element's records: metadata, alternate key, region or time bound.

    ``field`` is a column name of the record frames, so ``timespan_begin`` for
    ``visit.timespan.begin`` and ``region`` for ``visit.region``.
    """

    element: str
    field: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class TimespanField:
    """The whole time span of an element's records."""

    element: str


DatasetFieldName = Literal[
    "dataset_id",
    "run",
    "collection",
    "ingest_time",
    "size",
    "timespan_begin",
    "timespan_end",
]


@dataclass(frozen=True, slots=True)
class DatasetField:
    """A column of a dataset search that is joined in.

    ``collection`` is the one in which the search found the dataset, ``size`` the bytes
    of its files (null if none are recorded), and ``timespan_begin``, ``timespan_end``
    bound its validity (null outside CALIBRATION collections).
    """

    dataset_type: str
    field: DatasetFieldName
    type: Literal["uuid", "string", "time", "int"]


@dataclass(frozen=True, slots=True)
class DatasetTimespan:
    """The whole validity of a dataset; null outside CALIBRATION collections."""

    dataset_type: str


TableType = Literal["string", "int", "float", "bool", "time", "uuid", "hash"]


@dataclass(frozen=True, slots=True)
class TableField:
    """A column of a table of the user's own that is joined in, and no dimension."""

    table: str
    field: str
    type: TableType


Column = DimensionKey | RecordField | DatasetField | TableField
"""What has one value in each row, and can be shown, ordered by and counted by."""


def column_name(column: Column) -> str:
    """Return the name of a column in frames: ``visit``, ``visit.exposure_time``."""
    match column:
        case DimensionKey(name):
            return name
        case RecordField(owner, name) | DatasetField(owner, name):
            return f"{owner}.{name}"
        case TableField(owner, name):
            return f"{owner}.{name}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A scalar: its Python value, times as TAI ns since 1970, UUIDs as 16 bytes."""

    value: int | float | str | bool | bytes | None
    type: ValueType


@dataclass(frozen=True, slots=True)
class TimespanConstant:
    """A span of time, TAI ns."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class RegionConstant:
    """A sky region, encoded."""

    encoded: bytes


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers, combined; no times, which can only be compared and overlap."""

    operator: Literal["+", "-", "*", "/", "%"]
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Negative:
    """A number with its sign changed."""

    operand: Operand


Operand = (
    DimensionKey
    | RecordField
    | TimespanField
    | DatasetField
    | DatasetTimespan
    | TableField
    | Constant
    | TimespanConstant
    | RegionConstant
    | Arithmetic
    | Negative
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values, compared."""

    operator: Literal["=", "!=", "<", "<=", ">", ">="]
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether a value is one of some values, or in one of some integer ranges.

    ``ranges`` holds (first, last inclusive, stride).
    """

    operand: Operand
    values: tuple[Constant, ...]
    ranges: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Whether two regions or two time spans (or a span and a time) overlap."""

    left: Operand
    right: Operand
    topology: Literal["spatial", "temporal"]


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether there is no value."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Glob:
    """Whether text matches a pattern of ``*`` and ``?``."""

    operand: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Like:
    r"""Whether text matches a pattern of SQL: ``%`` any text, ``_`` any character.

    A backslash takes its meaning from the character after it: ``\%``, ``\_``, ``\\``.
    Upper and lower case differ.
    """

    operand: Operand
    pattern: str


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth value alone: a column, or a constant where nothing else is left."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Predicate


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    operands: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    operands: tuple[Predicate, ...]


Predicate = (
    Comparison | Membership | Overlaps | IsNull | Glob | Like | Truth | Not | And | Or
)
