"""Headers of raw frames are read with care."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.errors import HeaderError
from pantler.instruments.frame_header import FrameHeader


def header(**values: object) -> FrameHeader:
    return FrameHeader(values, "night/frame.fits")


def test_the_first_key_with_a_value_wins():
    found = header(TELESCOP="  ", OBSERVAT="Apache", SITE="other")
    assert found.text("TELESCOP", "OBSERVAT", "SITE") == "Apache"


def test_a_missing_key_names_the_file_the_key_and_the_close_one():
    with pytest.raises(HeaderError) as caught:
        header(EXPTIM=3.0, OBJECT="M13").number("EXPTIME")
    message = str(caught.value)
    assert "night/frame.fits" in message
    assert "'EXPTIME'" in message
    assert "Did you mean 'EXPTIM'?" in message
    assert "EXPTIM, OBJECT" in message


def test_a_key_without_value_is_said_to_be_empty():
    with pytest.raises(HeaderError, match="'FILTER' has no value"):
        header(FILTER=" ").text("FILTER")


@pytest.mark.parametrize("value", ["long", True, float("nan"), float("inf")])
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(HeaderError, match=r"a (finite )?number"):
        header(EXPTIME=value).number("EXPTIME")


def test_whole_numbers_are_whole():
    assert header(EXPNUM="17").integer("EXPNUM") == 17
    with pytest.raises(HeaderError, match="whole number"):
        header(EXPNUM=17.5).integer("EXPNUM")


def test_an_unknown_word_names_the_known_ones():
    with pytest.raises(
        HeaderError, match=r"known: 'bias', 'flat'.*Did you mean 'flat'"
    ):
        header(IMAGETYP="Flatt").choice({"bias": "b", "flat": "f"}, "IMAGETYP")


def test_times_are_utc_without_zone():
    frame = header(A="2019-05-03T09:03:11.25", B="2019-05-03T11:03:11+02:00")
    assert frame.utc("A") == datetime(2019, 5, 3, 9, 3, 11, 250_000)
    assert frame.utc("B") == datetime(2019, 5, 3, 9, 3, 11)


@pytest.mark.parametrize("value", ["2019-05-03", "03/05/19", "noon", 17])
def test_a_date_without_time_is_not_a_time(value):
    with pytest.raises(HeaderError, match="not a time such as"):
        header(T=value).utc("T")


def test_right_ascensions_count_hours_and_plain_numbers_degrees():
    frame = header(RA="16 41 41.00", DEC="-00:27:35.5", DEG=250.5)
    assert frame.find_angle_deg("RA", hours=True) == pytest.approx(250.4208333)
    assert frame.find_angle_deg("DEC") == pytest.approx(-0.4598611)
    assert frame.find_angle_deg("DEG", hours=True) == 250.5
    assert frame.find_angle_deg("ABSENT") is None


@given(
    st.sampled_from(["", "+", "-"]),
    st.integers(0, 89),
    st.integers(0, 59),
    st.integers(0, 5999),
)
def test_sexagesimal_text_is_the_sum_of_its_parts(sign, degrees, minutes, hundredths):
    text = f"{sign}{degrees:02d}:{minutes:02d}:{hundredths / 100:05.2f}"
    expected = degrees + minutes / 60 + hundredths / 360_000
    found = header(A=text).find_angle_deg("A")
    assert found == pytest.approx(-expected if sign == "-" else expected, abs=1e-9)
