"""Times as people write them."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.times import (
    datetime_to_tai,
    format_time,
    from_astropy,
    parse_time,
)
from pantler.errors import InvalidInputError

SECOND = 1_000_000_000
J2020 = 1_577_836_800 * SECOND  # 2020-01-01T00:00:00 in the scale that counts it

# datetime.date holds all the years that 64 bits of nanoseconds do.
anytime = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("40587", 0),
        ("58849", J2020),
        ("58849.5/tai", J2020 + 43_200 * SECOND),
        ("mjd/58849", J2020),
        ("jd/2458849.5", J2020),
        ("mjd/58849/utc", J2020 + 37 * SECOND),
        ("58849/utc", J2020 + 37 * SECOND),
        ("2020-01-01", J2020 + 37 * SECOND),
        ("2020-01-01/tai", J2020),
        ("2020-01-01/UTC", J2020 + 37 * SECOND),
        ("2020-01-01/tt", J2020 - 32_184_000_000),
        ("2020-01-01 00:00", J2020 + 37 * SECOND),
        ("2020-01-01T00:00:00.000000001", J2020 + 37 * SECOND + 1),
        ("+02020-01-01T00:00:00", J2020 + 37 * SECOND),
        ("fits/2020-01-01/tai", J2020),
        ("2020-01-01T00:00:00+00:00", J2020 + 37 * SECOND),
        ("2020-01-01T00:00:00Z", J2020 + 37 * SECOND),
        ("2020-01-01 02:00+0200", J2020 + 37 * SECOND),
        ("2020-01-01 00:59+00:59", J2020 + 37 * SECOND),
        ("2019-12-31T18:30:00.5-05:30/utc", J2020 + 37_500_000_000),
        ("fits/2020-01-01T09:00:00 +09:00", J2020 + 37 * SECOND),
        # 37 s ahead from 2017 on: the leap second is named with any offset.
        ("2017-01-01T09:00:00+09:00", parse_time("2017-01-01")),
        ("2017-01-01T08:59:60+09:00", parse_time("2017-01-01") - SECOND),
        ("2020:001", J2020 + 37 * SECOND),
        ("2020:001:00:00:01.5/tai", J2020 + 1_500_000_000),
        ("unix/1577836800", J2020 + 37 * SECOND),
        ("unix_tai/1577836800", J2020),
        ("  2020-01-01 / tai ", J2020),
        ("1972-01-01", 63_072_010 * SECOND),
    ],
)
def test_a_text_names_the_instant_that_it_says(text, time_ns):
    assert time_ns == parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2020-02-30",
        "2021:366",
        "2020-01-01T00:00:00+00:00/tai",
        "2020-01-01T00:00:00+24:00",
        "2020-01-01T00:00:00+01:60",
        "2020-01-01+01:00",
        "2020:001:00:00Z",
        "J2000.0",
        "2020-13-01T00:00+01:00",
        "0001-01-01T00:00+01:00",
        "2020-01-01T00:00:60+01:00",
        "2020-01-01T24:00",
        "2020-01-01T00:60",
        "2020-01-01T00:00:60",
        "2020-01-01T23:58:60",
        "2017-06-30T23:59:60",
        "2016-12-31T23:59:60/tai",
        "3000-01-01",
        "1e300",
        "mj/58849",
        "2020-01-01/utd",
        "jd/2020-01-01/tai/x",
        "iso/58849",
        "2020-01-01/local",
        "3000000",
    ],
)
def test_what_is_not_a_time_is_refused_by_name(text):
    with pytest.raises(InvalidInputError) as caught:
        parse_time(text)
    assert (text.split("/")[-1] or "''") in str(caught.value)


def test_an_unknown_scale_is_answered_with_the_nearest_one():
    with pytest.raises(InvalidInputError, match="Did you mean 'utc'"):
        parse_time("2020-01-01/utd")


def test_a_leap_second_lies_between_its_neighbours():
    before = parse_time("2016-12-31T23:59:59")
    assert before + SECOND == parse_time("2016-12-31T23:59:60")
    assert before + 2 * SECOND == parse_time("2017-01-01T00:00:00")


def test_utc_before_1972_is_what_astropy_says():
    error = parse_time("1965-05-05") - -147_052_796_199_166_000
    assert abs(error) < 1000


@given(anytime)
def test_what_is_formatted_is_parsed_to_the_same_instant(time_ns):
    assert time_ns == parse_time(f"{format_time(time_ns)}/tai")


def test_formatted_times_have_no_more_digits_than_they_need():
    assert format_time(0) == "1970-01-01T00:00:00"
    assert format_time(-1) == "1969-12-31T23:59:59.999999999"
    assert format_time(1_500_000_000) == "1970-01-01T00:00:01.5"


@given(st.integers(0, 4 * 10**18))
def test_astropy_times_are_converted_to_the_nanosecond(time_ns):
    from astropy.time import Time

    days, rest = divmod(time_ns, 86_400 * SECOND)
    time = Time(40587.0 + days, rest / (86_400 * SECOND), format="mjd", scale="tai")
    assert time_ns == from_astropy(time)


def test_astropy_utc_and_our_own_agree():
    from astropy.time import Time

    text = "2023-05-06T07:08:09.123456789"
    assert parse_time(text) == from_astropy(Time(text, scale="utc"))


def test_an_array_of_times_is_refused():
    from astropy.time import Time

    with pytest.raises(InvalidInputError, match="One astropy Time"):
        from_astropy(Time([58849.0, 58850.0], format="mjd"))


def test_datetimes_are_utc_unless_they_say_otherwise():
    naive = dt.datetime(2020, 1, 1, microsecond=5)  # noqa: DTZ001, RUF100 - the point
    zone = dt.timezone(dt.timedelta(hours=2))
    assert datetime_to_tai(naive) == J2020 + 37 * SECOND + 5000
    assert datetime_to_tai(dt.datetime(2020, 1, 1, 2, tzinfo=zone)) == (
        J2020 + 37 * SECOND
    )
    assert datetime_to_tai(dt.datetime(2020, 1, 1, 2, 3, 4, tzinfo=dt.UTC)) == (
        J2020 + (7384 + 37) * SECOND
    )
    with pytest.raises(InvalidInputError, match="before 1972"):
        datetime_to_tai(dt.datetime(1971, 1, 1, tzinfo=dt.UTC))


def test_of_a_long_text_the_beginning_is_shown():
    with pytest.raises(InvalidInputError, match=f"'{'1' * 40}'… is not a time"):
        parse_time("1" * 5000)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01",
        "9999-12-31",
        "mjd/inf",
        "mjd/nan",
        "nan",
        "mjd/1e308",
        "unix/1e300",
        "mjd/1e9/utc",
        "decimalyear/1",
        "jyear/1e11",
        "1" * 5000,
        "2025-01-01T00:00:00." + "0" * 5000,
        "mjd/١٢",
    ],
)
def test_a_time_beyond_all_bounds_is_refused_in_a_short_message(text):
    with pytest.raises(InvalidInputError) as caught:
        parse_time(text)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


def test_a_fraction_below_all_units_is_none():
    assert parse_time("mjd/1e-999999999") == parse_time("mjd/0")


@pytest.mark.parametrize(
    "moment",
    [
        dt.datetime(1, 1, 1),
        dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=5))),
        dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-dt.timedelta(hours=5))),
        dt.datetime(2300, 1, 1),
    ],
)
def test_datetimes_beyond_64_bits_are_refused(moment):
    with pytest.raises(InvalidInputError):
        datetime_to_tai(moment)


def test_astropy_times_beyond_64_bits_are_refused():
    time = pytest.importorskip("astropy.time").Time(5e9, format="mjd", scale="tai")
    with pytest.raises(InvalidInputError, match="1678 to 2261"):
        from_astropy(time)


OFFLINE = """
import socket, sys
import astropy_iers_data

asked = []

def refuse(*args, **kwargs):
    asked.append(args)
    raise OSError("no network here")

socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse
# As in an installation that is some years old: astropy then looks for newer tables.
astropy_iers_data.IERS_LEAP_SECOND_FILE = "/nowhere"

from pantler.dimensions.times import parse_time
from pantler.errors import InvalidInputError

for text in sys.argv[1:]:
    try:
        parse_time(text)
    except InvalidInputError:
        pass
assert not asked, asked
"""


@pytest.mark.parametrize("first", ["0001-01-01", "1960-01-01", "unix/1e9", "2025/ut1"])
def test_no_time_makes_anybody_ask_the_network(first):
    """Whichever comes first: astropy looks for leap seconds once, at need."""
    texts = [first, "60000/ut1", "2050-01-01/ut1", "mjd/inf", "2025-01-01/tdb"]
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, *texts],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stderr


def test_astropy_may_not_use_the_network_while_it_converts(monkeypatch):
    time = pytest.importorskip("astropy.time")
    conf = pytest.importorskip("astropy.utils.data").conf
    allowed = []

    class Watched(time.Time):
        def __init__(self, *args, **kwargs):
            allowed.append(conf.allow_internet)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(time, "Time", Watched)
    parse_time("2025-01-01/tdb")
    assert allowed
    assert not any(allowed)


def test_the_first_second_of_utc_as_it_is_can_be_converted():
    assert datetime_to_tai(dt.datetime(1972, 1, 1)) == 63_072_010 * SECOND
    with pytest.raises(InvalidInputError, match="before 1972"):
        datetime_to_tai(dt.datetime(1971, 12, 31))
