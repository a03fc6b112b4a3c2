"""Times as people write them, to and from int64 TAI nanoseconds.

Dates and numbers in TAI, and dates in UTC since 1972, are converted in exact integer
arithmetic; everything else goes through astropy, which is imported then.
"""

from __future__ import annotations

import bisect
import datetime as dt
import functools
import re
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from pantler.errors import InvalidInputError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
_LIMIT: Final = 2**63
_MOST_CHARACTERS: Final = 100
_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
_EPOCH_MJD: Final = 40_587
_EPOCH_JD: Final = Fraction(4_881_175, 2)  # 2440587.5

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CLOCK = r"(?P<hour>\d{2}):(?P<minute>\d{2})(:(?P<second>\d{2})(\.(?P<part>\d*))?)?"
_CALENDAR = re.compile(
    r"(\+0*)?(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})([T ]+" + _CLOCK + r")?"
)
_DAY_OF_YEAR = re.compile(r"(?P<year>\d{4}):(?P<yday>\d{3})(:" + _CLOCK + r")?")
_ZONE = re.compile(
    r"(?P<local>.*:\d{2}(\.\d*)?) ?"
    r"(Z|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2}))",
    re.IGNORECASE,
)
_DATE_FORMATS: Final = ("iso", "isot", "fits", "yday")

_FORMS: Final = (
    "Write a date such as '2025-03-01', '2025-03-01T12:34:56.789' or "
    "'2025:060:12:34' (UTC), a number (MJD, TAI), or 'format/value/scale' "
    "with names of astropy, such as 'jd/2460735.5/tai'."
)

_OUTSIDE: Final = (
    "outside of the years 1678 to 2261, which 64 bits of nanoseconds can hold"
)


def parse_time(text: str) -> int:
    """Return the instant that a text names.

    Parameters
    ----------
    text
        ``[format/]value[/scale]``. A number is MJD in TAI; a date, ``YYYY-MM-DD`` or
        ``YYYY:DDD`` with or without a time of day, is UTC, or ahead of it by an offset
        that follows the time of day (``+02:00``); format and scale may be any names of
        astropy. Without a scale, numbers are TAI, except ``unix``
        (UTC) and ``cxcsec`` (TT).

    Returns
    -------
    int
        TAI nanoseconds since 1970-01-01 00:00:00 TAI.

    Raises
    ------
    InvalidInputError
        If the text is not a time, or the time does not fit into 64 bits (years 1678 to
        2261 do).

    Examples
    --------
    >>> parse_time("1972-01-01T00:00:00")
    63072010000000000
    >>> parse_time("41317/tai") == parse_time("1972-01-01/tai")
    True
    """
    if len(text) > _MOST_CHARACTERS or not text.isascii():
        raise InvalidInputError(f"{_short(text)} is not a time. {_FORMS}")
    format_name, value, scale = _split(text)
    if _NUMBER.fullmatch(value) and format_name not in _DATE_FORMATS:
        time_ns = _from_number(text, value, format_name or "mjd", scale)
    else:
        value, scale = _without_zone(text, value, scale)
        time_ns = _from_date(text, value, format_name, scale or "utc")
    if not -_LIMIT <= time_ns < _LIMIT:
        raise InvalidInputError(f"The time '{text}' is {_OUTSIDE}.")
    return time_ns


def format_time(time_ns: int) -> str:
    """Return an instant as ISO 8601 text in TAI, with as many digits as it needs.

    Parameters
    ----------
    time_ns
        TAI nanoseconds since 1970-01-01 00:00:00 TAI.

    Returns
    -------
    str
        ``parse_time(format_time(time_ns) + "/tai") == time_ns``.

    Examples
    --------
    >>> format_time(63072010_500_000_000)
    '1972-01-01T00:00:10.5'
    """
    days, rest = divmod(time_ns, _DAY)
    seconds, part = divmod(rest, _SECOND)
    date = dt.date.fromordinal(_EPOCH_ORDINAL + days)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    fraction = f".{part:09d}".rstrip("0") if part else ""
    return f"{date.isoformat()}T{clock}{fraction}"


def from_astropy(time: Any) -> int:
    """Return the instant of a scalar `astropy.time.Time`, to the nanosecond.

    Parameters
    ----------
    time
        A scalar Time of any scale.

    Returns
    -------
    int
        TAI nanoseconds since 1970-01-01 00:00:00 TAI.

    Raises
    ------
    InvalidInputError
        If it is not a scalar, or cannot be converted to TAI.
    """
    if not getattr(time, "isscalar", False):
        raise InvalidInputError(f"One astropy Time is needed, not {time!r}.")
    time_ns = _tai_ns(time)
    if not -_LIMIT <= time_ns < _LIMIT:
        raise InvalidInputError(f"The time {time!r} is {_OUTSIDE}.")
    return time_ns


def _tai_ns(time: Any) -> int:
    with _quiet_astropy():
        from astropy.time import ScaleValueError

        try:
            tai = time.tai
            days = Fraction(float(tai.jd1)) + Fraction(float(tai.jd2)) - _EPOCH_JD
        except (ValueError, OverflowError, IndexError, ScaleValueError) as error:
            raise InvalidInputError(
                f"The time {time!r} cannot be converted to TAI: {error}"
            ) from error
    return round(days * _DAY)


def datetime_to_tai(moment: dt.datetime) -> int:
    """Return the instant of a `datetime.datetime`, taken as UTC if it has no zone.

    Parameters
    ----------
    moment
        1972 or later.

    Returns
    -------
    int
        TAI nanoseconds since 1970-01-01 00:00:00 TAI.

    Raises
    ------
    InvalidInputError
        If it is before 1972 or after 2261.
    """
    if moment.year > 9000:
        raise InvalidInputError(f"The time {moment} is {_OUTSIDE}.")
    if moment.tzinfo is not None:
        local, east = moment.replace(tzinfo=None), moment.utcoffset() or dt.timedelta()
        # The first day of year 1 may have no other zone's time; it is refused below.
        moment = local if local.year == 1 else local - east
    day = moment.toordinal() - _EPOCH_ORDINAL
    offset = _tai_minus_utc(day)
    if offset is None:
        raise InvalidInputError(f"{moment} is before 1972, when UTC became as it is.")
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second + offset
    time_ns = day * _DAY + seconds * _SECOND + moment.microsecond * 1000
    if time_ns >= _LIMIT:
        raise InvalidInputError(f"The time {moment} is {_OUTSIDE}.")
    return time_ns


def _short(text: str) -> str:
    return ascii(text) if len(text) <= 40 else f"{text[:40]!a}…"


def _split(text: str) -> tuple[str | None, str, str | None]:
    """Return format, value and scale, the names checked to look like names."""
    parts = [part.strip() for part in text.strip().split("/")]
    if len(parts) == 1:
        return None, parts[0], None
    if len(parts) == 2:
        # A scale is a word; a value has a digit, and a format may (jyear_str has none).
        if any(ch.isdigit() for ch in parts[0]):
            return None, parts[0], parts[1].lower()
        return parts[0].lower(), parts[1], None
    if len(parts) == 3:
        return parts[0].lower(), parts[1], parts[2].lower()
    raise InvalidInputError(f"'{text}' is not a time. {_FORMS}")


def _without_zone(text: str, value: str, scale: str | None) -> tuple[str, str | None]:
    """Return a time with an offset from UTC as the same instant in UTC, and its scale.

    Seconds stay as they are, so that a leap second stays one.
    """
    match = _ZONE.fullmatch(value)
    found = match and _CALENDAR.fullmatch(match["local"])
    if match is None or not found:
        return value, scale
    if scale not in {None, "utc"}:
        raise InvalidInputError(
            f"The time '{text}' has an offset from UTC and the scale '{scale}': "
            "leave out one of them."
        )
    ahead = dt.timedelta(
        hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0)
    )
    if ahead >= dt.timedelta(days=1) or int(match["minutes"] or 0) > 59:
        raise InvalidInputError(f"The time '{text}' has an offset that is too large.")
    date = f"{found['year']}-{found['month']}-{found['day']}"
    try:
        local = dt.datetime.fromisoformat(f"{date}T{found['hour']}:{found['minute']}")
        moment = local + ahead if match["sign"] == "-" else local - ahead
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"The time '{text}' has no such date: {error}."
        ) from None
    seconds = f"{found['second'] or '00'}.{found['part'] or '0'}"
    return f"{moment.isoformat(timespec='minutes')}:{seconds}", "utc"


def _from_number(text: str, value: str, format_name: str, scale: str | None) -> int:
    if scale is None:
        scale = {"unix": "utc", "cxcsec": "tt"}.get(format_name, "tai")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise InvalidInputError(f"'{text}' is not a time. {_FORMS}") from None
    if number.copy_abs() >= Decimal("1e12"):
        raise InvalidInputError(f"The number in the time '{text}' is too large.")
    if number.adjusted() < -30:  # far below a nanosecond in any unit
        number = Decimal(0)
    if scale == "tai" and format_name in {"mjd", "jd"}:
        origin = _EPOCH_MJD if format_name == "mjd" else _EPOCH_JD
        return round((Fraction(number) - origin) * _DAY)
    whole = int(number)
    return _through_astropy(
        text, (float(whole), float(number - whole)), format_name, scale
    )


def _from_date(text: str, value: str, format_name: str | None, scale: str) -> int:
    match = None
    if format_name is None or format_name in _DATE_FORMATS:
        match = _CALENDAR.fullmatch(value) or _DAY_OF_YEAR.fullmatch(value)
        if match is None:
            raise InvalidInputError(f"'{text}' is not a time. {_FORMS}")
    if match is None:
        return _through_astropy(text, (value,), format_name, scale)
    day = _day_number(text, match)
    offset = 0 if scale == "tai" else _tai_minus_utc(day) if scale == "utc" else None
    clock, extra = _time_of_day(text, match)
    if offset is None:
        form = "yday" if ":" in value[:5] else "fits"
        exact = value.replace(" ", "T") if form == "fits" else value
        return _through_astropy(text, (exact,), form, scale)
    if extra and (scale == "tai" or _tai_minus_utc(day + 1) == offset):
        raise InvalidInputError(
            f"The time '{text}' is in a leap second that there was not."
        )
    return day * _DAY + clock + offset * _SECOND


def _day_number(text: str, match: re.Match[str]) -> int:
    """Return the days from 1970-01-01 to a matched date."""
    found = match.groupdict()
    year = int(found["year"])
    try:
        if "yday" in found:
            first = dt.date(year, 1, 1).toordinal()
            day = first + int(found["yday"]) - 1
            if dt.date.fromordinal(day).year != year:
                raise InvalidInputError(f"year {year} has no day {found['yday']}")
        else:
            day = dt.date(year, int(found["month"]), int(found["day"])).toordinal()
    except ValueError as error:
        raise InvalidInputError(
            f"The time '{text}' has no such date: {error}."
        ) from None
    return day - _EPOCH_ORDINAL


def _time_of_day(text: str, match: re.Match[str]) -> tuple[int, bool]:
    """Return nanoseconds since midnight, and whether it is in a leap second."""
    hour, minute, second = (
        int(match[name] or 0) for name in ("hour", "minute", "second")
    )
    leap = (hour, minute, second) == (23, 59, 60)
    if hour > 23 or minute > 59 or (second > 59 and not leap):
        raise InvalidInputError(f"The time '{text}' has no such time of day. {_FORMS}")
    part = match["part"] or ""
    whole = (hour * 60 + minute) * 60 + second
    return whole * _SECOND + round(
        Fraction(int(part or 0) * _SECOND, 10 ** len(part))
    ), leap


@functools.cache
def _leap_table() -> tuple[list[int], list[int]]:
    """Return the days since 1970 on which TAI - UTC changed, and its seconds then."""
    import erfa

    days, seconds = [], []
    for year, month, value in erfa.leap_seconds.get().tolist():
        if year >= 1972:
            days.append(dt.date(year, month, 1).toordinal() - _EPOCH_ORDINAL)
            seconds.append(int(value))
    return days, seconds


def _tai_minus_utc(day: int) -> int | None:
    """Return TAI - UTC, seconds, on a day since 1970; None before 1972."""
    days, seconds = _leap_table()
    place = bisect.bisect_right(days, day)
    return seconds[place - 1] if place else None


@contextmanager
def _quiet_astropy() -> Iterator[None]:
    """Keep astropy from the network, and from warning of far years.

    Its own tables of leap seconds and of the Earth's rotation are used as they are:
    it would look for newer ones when they are about to expire.
    """
    import warnings

    import erfa
    from astropy.utils import data

    with data.conf.set_temp("allow_internet", False):
        from astropy.utils import iers

        with (
            iers.conf.set_temp("auto_download", False),
            iers.conf.set_temp("auto_max_age", None),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", erfa.ErfaWarning)
            warnings.simplefilter("ignore", iers.IERSWarning)
            yield


def _through_astropy(
    text: str, value: tuple[float | str, ...], format_name: str | None, scale: str
) -> int:
    with _quiet_astropy():
        from astropy.time import Time

        for kind, name, known in (
            ("format", format_name, Time.FORMATS),
            ("scale", scale, Time.SCALES),
        ):
            if name is not None and name not in known:
                raise InvalidInputError(
                    f"The time '{text}' has an unknown {kind} '{name}'."
                    f"{close_match(name, known)} {_FORMS}"
                )
        try:
            time = Time(*value, format=format_name, scale=scale)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInputError(
                f"'{text}' is not a time: {str(error).splitlines()[0]} {_FORMS}"
            ) from error
    return _tai_ns(time)
