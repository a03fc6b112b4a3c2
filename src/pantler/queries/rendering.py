"""Bound trees back to text, such that binding the text gives the same tree."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from pantler.dimensions.times import format_time
from pantler.dimensions.timespan import Timespan
from pantler.queries.tree import (
    And,
    Arithmetic,
    Comparison,
    Constant,
    DatasetField,
    DatasetTimespan,
    DimensionKey,
    Glob,
    IsNull,
    Like,
    Membership,
    Negative,
    Not,
    Or,
    Overlaps,
    RecordField,
    RegionConstant,
    TableField,
    TimespanConstant,
    TimespanField,
    Truth,
)

if TYPE_CHECKING:
    from pantler.dimensions.sky.regions import Region
    from pantler.queries.tree import Operand, Predicate


@singledispatch
def to_text(node: Predicate | Operand) -> str:
    """Return a predicate, or an operand, as query text.

    Parameters
    ----------
    node
        Any node of a bound tree.

    Examples
    --------
    >>> from pantler.dimensions.universe import Universe
    >>> from pantler.queries.binding import bind
    >>> from pantler.queries.parser import parse
    >>> to_text(bind(parse("visit in (3,1) or not band='r'"), Universe.default()))
    "visit IN (3, 1) OR NOT band = 'r'"
    """
    raise TypeError(f"{node!r} is not a node of a bound tree.")


@to_text.register
def _(node: DimensionKey) -> str:
    return node.dimension


@to_text.register
def _(node: RecordField) -> str:
    field = node.field
    if field in {"timespan_begin", "timespan_end"}:
        field = field.replace("_", ".")
    return f"{node.element}.{field}"


@to_text.register
def _(node: TimespanField) -> str:
    return f"{node.element}.timespan"


@to_text.register
def _(node: DatasetField) -> str:
    field = node.field
    if field in {"timespan_begin", "timespan_end"}:
        return f"{node.dataset_type}.{field.replace('_', '.')}"
    return f"{node.dataset_type}.{field}"


@to_text.register
def _(node: DatasetTimespan) -> str:
    return f"{node.dataset_type}.timespan"


@to_text.register
def _(node: TableField) -> str:
    return f"{node.table}.{node.field}"


@to_text.register
def _(node: Constant) -> str:
    value = node.value
    match node.type:
        case "null":
            return "NULL"
        case "bool":
            return "TRUE" if value else "FALSE"
        case "time" if isinstance(value, int):
            return _time_text(value)
        case "uuid" if isinstance(value, bytes):
            return f"UUID('{UUID(bytes=value)}')"
        case "hash" if isinstance(value, bytes):
            return f"'{value.hex()}'"
        case "string":
            return _quote(str(value))
        case _:
            return repr(value)


@to_text.register
def _(node: TimespanConstant) -> str:
    begin = "NULL" if node.begin == Timespan.MIN else _time_text(node.begin)
    end = "NULL" if node.end == Timespan.MAX else _time_text(node.end)
    return f"({begin}, {end})"


@to_text.register
def _(node: RegionConstant) -> str:
    return _shape_text(node.encoded) or f"REGION('0x{node.encoded.hex()}')"


@to_text.register
def _(node: Arithmetic) -> str:
    return f"{_inner(node.left)} {node.operator} {_inner(node.right)}"


@to_text.register
def _(node: Negative) -> str:
    return f"-{_inner(node.operand)}"


@to_text.register
def _(node: Comparison) -> str:
    return f"{to_text(node.left)} {node.operator} {to_text(node.right)}"


@to_text.register
def _(node: Membership) -> str:
    items = [to_text(value) for value in node.values]
    for first, last, stride in node.ranges:
        items.append(f"{first}..{last}" + (f":{stride}" if stride != 1 else ""))
    return f"{to_text(node.operand)} IN ({', '.join(items)})"


@to_text.register
def _(node: Overlaps) -> str:
    return f"{to_text(node.left)} OVERLAPS {to_text(node.right)}"


@to_text.register
def _(node: IsNull) -> str:
    return f"{to_text(node.operand)} IS NULL"


@to_text.register
def _(node: Glob) -> str:
    return f"GLOB({to_text(node.operand)}, {_quote(node.pattern)})"


@to_text.register
def _(node: Like) -> str:
    escape = " ESCAPE '\\'" if "\\" in node.pattern else ""
    return f"{to_text(node.operand)} LIKE {_quote(node.pattern)}{escape}"


@to_text.register
def _(node: Truth) -> str:
    return to_text(node.operand)


@to_text.register
def _(node: Not) -> str:
    inner = to_text(node.operand)
    match node.operand:
        case And() | Or():
            return f"NOT ({inner})"
        case IsNull(operand):
            return f"{to_text(operand)} IS NOT NULL"
        case _:
            return f"NOT {inner}"


@to_text.register
def _(node: And) -> str:
    return " AND ".join(
        f"({to_text(part)})" if isinstance(part, Or) else to_text(part)
        for part in node.operands
    )


@to_text.register
def _(node: Or) -> str:
    return " OR ".join(to_text(part) for part in node.operands)


def _inner(operand: Operand) -> str:
    text = to_text(operand)
    return f"({text})" if isinstance(operand, Arithmetic | Negative) else text


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _time_text(time_ns: int) -> str:
    return f"T'{format_time(time_ns)}/tai'"


def _shape_text(encoded: bytes) -> str | None:
    """Return a circle or polygon in degrees, if that is exactly the same region."""
    from pantler.dimensions.sky.regions import Circle, ConvexPolygon, decode_region
    from pantler.dimensions.sky.sphere import vectors_to_lonlat

    region = decode_region(encoded)
    if isinstance(region, Circle):
        angles = np.array([*vectors_to_lonlat(region.center), region.radius])
        lon, lat, radius = np.degrees(angles).round(10).tolist()
        same: Region = Circle.from_lonlat(lon, lat, radius)
        text = f"CIRCLE({lon}, {lat}, {radius})"
    elif isinstance(region, ConvexPolygon):
        angles = np.stack(vectors_to_lonlat(region.vertices), axis=1)
        corners = np.degrees(angles).round(10)
        same = ConvexPolygon.from_lonlat(corners[:, 0], corners[:, 1])
        text = f"POLYGON({', '.join(map(repr, corners.ravel().tolist()))})"
    else:
        return None
    return text if same.encode() == encoded else None
