"""Half-open spans of time, in TAI nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pantler.errors import InvalidInputError


@dataclass(frozen=True, slots=True, order=True)
class Timespan:
    """A span of time, with its begin and without its end.

    Parameters
    ----------
    begin, end
        TAI nanoseconds since 1970-01-01 00:00:00 TAI; `MIN` and `MAX` stand for
        "unbounded".

    Raises
    ------
    InvalidInputError
        If the end is not after the begin, or one is no whole number of 64 bits.
    """

    begin: int
    end: int

    MIN: ClassVar[int] = -(2**63)
    MAX: ClassVar[int] = 2**63 - 1

    def __post_init__(self) -> None:
        if type(self.begin) is not int or type(self.end) is not int:
            object.__setattr__(self, "begin", _nanoseconds(self.begin))
            object.__setattr__(self, "end", _nanoseconds(self.end))
        if not self.MIN <= self.begin < self.end <= self.MAX:
            raise InvalidInputError(
                f"A time span must end after it begins: {self.begin} .. {self.end} ns."
            )

    @classmethod
    def always(cls) -> Timespan:
        """Return the span without bounds."""
        return cls(cls.MIN, cls.MAX)

    @classmethod
    def instant(cls, time_ns: int) -> Timespan:
        """Return the span of one nanosecond."""
        return cls(time_ns, time_ns + 1)

    @classmethod
    def from_text(cls, begin: str | None, end: str | None) -> Timespan:
        """Return the span between two times as people write them.

        Parameters
        ----------
        begin, end
            As for `pantler.dimensions.times.parse_time`; None for unbounded.

        Raises
        ------
        InvalidInputError
            If one is not a time, or the end is not after the begin.
        """
        from pantler.dimensions.times import parse_time

        first = cls.MIN if begin is None else parse_time(begin)
        last = cls.MAX if end is None else parse_time(end)
        if first >= last:
            raise InvalidInputError(
                f"A time span must end after it begins, and '{end}' is not after "
                f"'{begin}'."
            )
        return cls(first, last)

    def overlaps(self, other: Timespan) -> bool:
        """Whether any instant lies in both."""
        return self.begin < other.end and other.begin < self.end

    def contains(self, time_ns: int) -> bool:
        """Whether an instant lies in the span."""
        return self.begin <= time_ns < self.end

    def __str__(self) -> str:
        from pantler.dimensions.times import format_time

        begin = "-∞" if self.begin == self.MIN else format_time(self.begin)
        end = "∞" if self.end == self.MAX else format_time(self.end)
        return f"[{begin}, {end}) TAI"


def _nanoseconds(value: object) -> int:
    """Return a time of another integer type, such as numpy's, as Python's own."""
    from pantler.dimensions.column import plain_integer

    try:
        return plain_integer(value)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"A time span has whole numbers of nanoseconds, not {value!r}. "
            "Timespan.from_text takes times as people write them."
        ) from None
