"""What type an operand has, how people call it, and Python values as constants."""

from __future__ import annotations

import datetime as dt
import math
import operator
from typing import TYPE_CHECKING, Final
from uuid import UUID

import numpy as np

from pantler.dimensions.column import plain_integer, plain_text
from pantler.dimensions.timespan import Timespan
from pantler.errors import InvalidInputError
from pantler.queries.foreign import without_unit
from pantler.queries.tree import (
    Arithmetic,
    Constant,
    DatasetTimespan,
    Negative,
    RegionConstant,
    TimespanConstant,
    TimespanField,
    ValueType,
)

if TYPE_CHECKING:
    from pantler.queries.syntax import Place
    from pantler.queries.tree import Operand

NUMERIC: Final = frozenset({"int", "float"})

_WORDS: Final[dict[ValueType, str]] = {
    "string": "text",
    "int": "an integer",
    "float": "a number",
    "bool": "a truth value",
    "time": "a time",
    "timespan": "a time span",
    "region": "a sky region",
    "uuid": "a UUID",
    "hash": "bytes",
    "null": "NULL",
}


def type_of(operand: Operand) -> ValueType:
    """Return the type of an operand's value."""
    match operand:
        case TimespanField() | DatasetTimespan() | TimespanConstant():
            return "timespan"
        case RegionConstant():
            return "region"
        case Negative(inner):
            return type_of(inner)
        case Arithmetic(_, left, right):
            return "float" if "float" in {type_of(left), type_of(right)} else "int"
        case _:
            return operand.type


def is_constant(operand: Operand) -> bool:
    """Whether an operand is known without looking into a repository."""
    return isinstance(operand, Constant | TimespanConstant | RegionConstant)


def type_words(kind: ValueType) -> str:
    """Return how people call a type, with its article."""
    return _WORDS[kind]


def number(value: float, place: Place) -> Constant:
    """Return a number as a constant.

    Raises
    ------
    QuerySyntaxError
        If it is not finite, or an integer of more than 64 bits.
    """
    if isinstance(value, int):
        try:
            return Constant(plain_integer(value), "int")
        except ValueError as error:
            raise place.error(str(error)) from None
    if not math.isfinite(value):
        raise place.error(f"The number {value} is not finite.")
    return Constant(value, "float")


def string(value: str, place: Place) -> Constant:
    """Return text as a constant.

    Raises
    ------
    QuerySyntaxError
        If it cannot be stored anywhere, and so never be found.
    """
    try:
        return Constant(plain_text(value), "string")
    except ValueError as error:
        raise place.error(str(error)) from None


def to_operand(value: object, name: str, place: Place) -> Operand:
    """Return a Python value as a constant.

    Parameters
    ----------
    value
        A number, text, truth value, None, bytes, `uuid.UUID`, `Timespan`,
        `datetime.datetime` (UTC if it has no zone), scalar of numpy, time of astropy,
        or anything whose ``encode()`` gives the bytes of a region.
    name
        What it is bound to, for the message.
    place
        Where it is used.

    Raises
    ------
    QuerySyntaxError
        If it is nothing of these.
    """
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        try:
            value = without_unit(value, f"The value of '{name}' is")
        except InvalidInputError as error:
            raise place.error(str(error)) from None
        value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool):
        return Constant(value, "bool")
    if isinstance(value, int | float):
        return number(value, place)
    if isinstance(value, str):
        return string(value, place)
    if value is None:
        return Constant(None, "null")
    return _rich_operand(value, name, place)


def _rich_operand(value: object, name: str, place: Place) -> Operand:
    if isinstance(value, bytes):
        return Constant(value, "hash")
    if isinstance(value, UUID):
        return Constant(value.bytes, "uuid")
    if isinstance(value, Timespan):
        return TimespanConstant(value.begin, value.end)
    if isinstance(value, dt.datetime):
        from pantler.dimensions.times import datetime_to_tai

        return Constant(datetime_to_tai(value), "time")
    if hasattr(value, "tai") and hasattr(value, "isscalar"):
        from pantler.dimensions.times import from_astropy

        return Constant(from_astropy(value), "time")
    is_class = isinstance(value, type)  # has the methods of its values
    encoded = value.encode() if hasattr(value, "encode") and not is_class else None
    if isinstance(encoded, bytes):
        return RegionConstant(encoded)
    if hasattr(value, "__index__") and not is_class:
        return number(operator.index(value), place)
    raise place.error(
        f"The value of '{name}' is a {type(value).__name__}, of which an expression "
        "knows nothing. Bind a number, text, time, time span, region or UUID."
    )
