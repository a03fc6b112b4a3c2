"""The functions of the query language that make constants: regions and UUIDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from pantler.errors import InvalidInputError, PantlerError, close_match
from pantler.queries.operands import NUMERIC, type_of, type_words
from pantler.queries.tree import Constant, RegionConstant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pantler.dimensions.sky.regions import Region
    from pantler.queries.syntax import Place
    from pantler.queries.tree import Operand


def call(name: str, arguments: Sequence[Operand], place: Place) -> Operand:
    """Return the constant that a function makes of constants.

    Parameters
    ----------
    name
        In capitals.
    arguments
        Numbers in degrees, ICRS; or one text.
    place
        Where it is written.

    Raises
    ------
    QuerySyntaxError
        If there is no such function, or it does not take these arguments.
    """
    if name == "UUID":
        return Constant(uuid_bytes(_text(name, arguments, place), place), "uuid")
    if name == "REGION":
        return RegionConstant(_region_bytes(_text(name, arguments, place), place))
    if name not in _SHAPES:
        known = (*_SHAPES, "REGION", "UUID", "GLOB")
        raise place.error(
            f"There is no function '{name}', only {', '.join(known)}."
            f"{close_match(name, known)}"
        )
    make, count, usage = _SHAPES[name]
    numbers = [_number(name, argument, place) for argument in arguments]
    if len(numbers) != count and (count or len(numbers) < 6 or len(numbers) % 2):
        raise place.error(f"{name} was given {len(numbers)} values; write {usage}.")
    try:
        return RegionConstant(make(*numbers).encode())
    except InvalidInputError as error:
        raise place.error(f"{name}: {error}") from error


def uuid_bytes(text: str, place: Place) -> bytes:
    """Return the 16 bytes of a UUID's text."""
    try:
        return UUID(text).bytes
    except ValueError:
        raise place.error(
            f"'{text}' is not a UUID: 32 hexadecimal digits are needed."
        ) from None


def _text(name: str, arguments: Sequence[Operand], place: Place) -> str:
    match arguments:
        case [Constant(str() as text)]:
            return text
    raise place.error(f"{name} takes one text: {name}('…').")


def _number(name: str, argument: Operand, place: Place) -> float:
    if isinstance(argument, Constant) and argument.type in NUMERIC:
        return float(cast("float", argument.value))  # -0.0 is another bit pattern
    raise place.error(
        f"{name} takes numbers, in degrees, and no columns; "
        f"one of its values is {type_words(type_of(argument))}."
    )


def _region_bytes(text: str, place: Place) -> bytes:
    from pantler.dimensions.sky.regions import Region, decode_region

    try:
        if text[:2].lower() == "0x":
            encoded = bytes.fromhex(text[2:])
            decode_region(encoded)
            return encoded
        return Region.from_pos(text).encode()
    except (PantlerError, ValueError) as error:
        raise place.error(f"REGION: {error}") from error


def _point(lon: float, lat: float, /) -> Region:
    return _circle(lon, lat, 0.0)


def _circle(lon: float, lat: float, radius: float, /) -> Region:
    from pantler.dimensions.sky.regions import Circle

    return Circle.from_lonlat(lon, lat, radius)


def _box(lon: float, lat: float, width: float, height: float, /) -> Region:
    from pantler.dimensions.sky.regions import Box

    if width < 0 or height < 0:
        raise InvalidInputError("the width and height of a box are not negative.")
    width = min(width, 360.0)  # all longitudes, however many turns
    low, high = max(lat - height / 2, -90.0), min(lat + height / 2, 90.0)
    return Box.from_lonlat(lon - width / 2, lon + width / 2, low, high)


def _polygon(*numbers: float) -> Region:
    from pantler.dimensions.sky.regions import ConvexPolygon

    return ConvexPolygon.from_lonlat(numbers[::2], numbers[1::2])


# How each is made, how many numbers it takes (0: six or more, even), how it is written.
_SHAPES: Final[dict[str, tuple[Callable[..., Region], int, str]]] = {
    "POINT": (_point, 2, "POINT(ra, dec)"),
    "CIRCLE": (_circle, 3, "CIRCLE(ra, dec, radius)"),
    "BOX": (_box, 4, "BOX(ra, dec, width, height)"),
    "POLYGON": (_polygon, 0, "POLYGON(ra1, dec1, ra2, dec2, ra3, dec3, …)"),
}
