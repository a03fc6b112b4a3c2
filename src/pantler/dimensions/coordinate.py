"""Data IDs: values for the dimensions of a group."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pantler.dimensions.column import DataIdValue, plain_integer, plain_text
from pantler.errors import DataIdError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pantler.dimensions.element import DimensionElement
    from pantler.dimensions.universe import DimensionGroup


@dataclass(frozen=True, slots=True, eq=False)
class DataCoordinate(Mapping[str, DataIdValue]):
    """An immutable data ID: a value for each required dimension of a group.

    An integer may be of any type that stands for nothing else, such as numpy's; a
    float is refused, 4.0 as much as 4.7, and so is a truth value: where they come from,
    a fraction or a missing value may come from as well. Equality and hash go by the
    required values. A *full* coordinate also holds the
    implied values; then they are keys of the mapping too.

    Parameters
    ----------
    group
        Its dimensions.
    values
        One value for each of ``group.required``, or for each of ``group.names``.

    Examples
    --------
    >>> from pantler.dimensions.universe import Universe
    >>> group = Universe.default().group(["visit", "detector"])
    >>> data_id = DataCoordinate.from_mapping(
    ...     {"instrument": "Demo", "visit": 3, "detector": 1}, group)
    >>> print(data_id)
    {instrument: 'Demo', detector: 1, visit: 3}
    """

    group: DimensionGroup
    values_: tuple[DataIdValue, ...]

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, object], group: DimensionGroup
    ) -> DataCoordinate:
        """Check a mapping and make a coordinate of it.

        Parameters
        ----------
        mapping
            Values by dimension name. Keys outside the group are refused. If all
            implied dimensions are there too, the coordinate is full.
        group
            The dimensions that are wanted.

        Raises
        ------
        DataIdError
            If a required key is missing, a key is unknown or not part of the
            group, or a value has the wrong type.
        """
        for name in mapping:
            if name not in group.names:
                raise DataIdError(
                    f"Key '{name}' does not belong to a data ID of {group!r}."
                    f"{close_match(name, group.names)}"
                )
        missing = [name for name in group.required if mapping.get(name) is None]
        if missing:
            raise DataIdError(
                f"Data ID {_show(mapping)} lacks {', '.join(map(repr, missing))}; "
                f"it needs {', '.join(group.required)}."
            )
        # Lists rather than generators, here and below: each `get` passes by.
        full = None not in [mapping.get(name) for name in group.implied]
        names = group.names if full else group.required
        return cls(group, tuple([_value(name, mapping[name], group) for name in names]))

    @property
    def is_full(self) -> bool:
        """Whether the implied values are known too."""
        return len(self.values_) == len(self.group.names)

    @property
    def required_values(self) -> tuple[DataIdValue, ...]:
        """The values of ``group.required``, in that order."""
        return self.values_[: len(self.group.required)]

    @property
    def required(self) -> dict[str, DataIdValue]:
        """The required values by name."""
        return dict(zip(self.group.required, self.values_, strict=False))

    def subset(self, group: DimensionGroup) -> DataCoordinate:
        """Return the part of this coordinate that belongs to a smaller group.

        Raises
        ------
        DataIdError
            If this coordinate does not hold the values that the group requires.
        """
        held = dict(zip(self.group.names, self.values_, strict=False))
        try:
            values = tuple([held[name] for name in group.required])
        except KeyError:
            held = {name: held[name] for name in group.names if name in held}
            return DataCoordinate.from_mapping(held, group)  # says what is missing
        if len(held) == len(self.group.names) and held.keys() >= set(group.implied):
            values += tuple([held[name] for name in group.implied])
        return DataCoordinate(group, values)

    def union(self, other: DataCoordinate) -> DataCoordinate:
        """Return the data ID of all dimensions of this one and another.

        Raises
        ------
        DataIdError
            If they contradict each other.
        """
        for name in self:
            if name in other and self[name] != other[name]:
                raise DataIdError(
                    f"{self} and {other} contradict each other: '{name}' is "
                    f"{self[name]!r} in one and {other[name]!r} in the other."
                )
        group = self.group.union(other.group)
        return DataCoordinate.from_mapping({**self, **other}, group)

    def to_json(self) -> str:
        """Return the values as a JSON object, from which `from_json` makes it again."""
        return json.dumps(dict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes, group: DimensionGroup) -> DataCoordinate:
        """Read a data ID of a group from a JSON object.

        Raises
        ------
        DataIdError
            If it is not JSON, no object, or no data ID of the group.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataIdError(f"A data ID in JSON cannot be read: {error}.") from None
        if not isinstance(values, dict):
            raise DataIdError(f"A data ID in JSON is an object, not {values!r}.")
        return cls.from_mapping(values, group)

    def __getitem__(self, key: str) -> DataIdValue:
        try:
            return self.values_[self.group.names.index(key)]
        except (ValueError, IndexError):
            raise KeyError(self._explain_missing(key)) from None

    def __contains__(self, key: object) -> bool:
        return key in self.group.names[: len(self.values_)]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a dimension, or a default where it has none."""
        return self[key] if key in self else default  # noqa: SIM401 - this is get

    def _explain_missing(self, key: str) -> str:
        if key in self.group.names:
            return (
                f"'{key}' is implied by data ID {self}, which was not completed: "
                f"butler.dimensions.expand(data_id, {list(self.group.required)}) has "
                "it, if the records do."
            )
        return (
            f"A data ID of {self.group!r} has no '{key}'."
            f"{close_match(key, self.group.names)}"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.group.names[: len(self.values_)])

    def __len__(self) -> int:
        return len(self.values_)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DataCoordinate):
            return (
                self.group == other.group
                and self.required_values == other.required_values
            )
        return isinstance(other, Mapping) and dict(self) == dict(other)

    def __hash__(self) -> int:
        return hash((self.group.required, self.required_values))

    def __str__(self) -> str:
        return _show(self.required)

    def __repr__(self) -> str:
        return f"DataCoordinate({_show(self)})"


def check_pixel(element: DimensionElement, number: int) -> None:
    """Refuse a number that no pixel of a level has.

    Raises
    ------
    DataIdError
        Which says what numbers there are.
    """
    known = element.pixels
    if number not in known:
        raise DataIdError(
            f"'{element.name}' has no pixel {number}; they are {known[0]} to "
            f"{known[-1]}."
        )


def _show(mapping: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{key}: {value!r}" for key, value in mapping.items()) + "}"


def _value(name: str, value: object, group: DimensionGroup) -> DataIdValue:
    element = group.universe.elements[name]
    column = element.primary_key
    try:
        if column.type == "int":
            number = plain_integer(value)
            if element.is_pixel:
                check_pixel(element, number)
            return number
        if isinstance(value, str):
            return plain_text(value)
    except ValueError as error:
        raise DataIdError(f"Data ID key '{name}': {error}") from None
    except TypeError:
        pass
    kind = "an integer" if column.type == "int" else "text"
    raise DataIdError(f"Data ID key '{name}' takes {kind}, not {value!r}.")
