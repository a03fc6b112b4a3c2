"""Dimension records in bulk."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import polars as pl
import pytest

from pantler.dimensions.records import DimensionRecord, conform_records, record_columns
from pantler.dimensions.sky.regions import Circle
from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.errors import FieldNotFoundError, InvalidInputError

UNIVERSE = Universe.default()
VISIT = {
    "instrument": "D",
    "visit": 1,
    "name": "one",
    "day_obs": 20200101,
    "physical_filter": "r1",
}


def conform(element, rows):
    return conform_records(UNIVERSE[element], UNIVERSE, rows)


def test_a_frame_has_exactly_the_columns_of_the_element_in_order():
    columns = record_columns(UNIVERSE["visit"], UNIVERSE)
    frame = conform("visit", [VISIT])
    assert frame.columns == [column.name for column in columns]
    assert frame.columns[:4] == ["instrument", "visit", "physical_filter", "day_obs"]
    assert frame.columns[-3:] == ["region", "timespan_begin", "timespan_end"]
    assert [*frame.schema.values()] == [column.dtype() for column in columns]


def test_mappings_and_frames_give_the_same_records():
    rows = [VISIT, {**VISIT, "visit": 2, "name": "two", "exposure_time": 30.0}]
    assert conform("visit", rows).equals(conform("visit", pl.DataFrame(rows)))


def test_what_is_conformed_stays_as_it_is():
    frame = conform("visit", [VISIT])
    assert conform("visit", frame).equals(frame)


def test_no_records_are_an_empty_frame_with_all_columns():
    assert conform("visit", []).equals(conform("visit", [VISIT]).clear())


def test_regions_time_spans_and_numpy_values_become_columns():
    region = Circle.from_lonlat(10, 20, 1)
    row = {
        **VISIT,
        "visit": np.int32(1),
        "timespan": Timespan(3, 5),
        "region": region,
        "exposure_time": np.float32(2),
    }
    (record,) = conform("visit", [row]).to_dicts()
    assert record["region"] == region.encode()
    assert (record["timespan_begin"], record["timespan_end"]) == (3, 5)
    assert record["exposure_time"] == 2.0


@pytest.mark.parametrize("make", [list, pl.DataFrame])
def test_the_own_key_may_go_by_its_own_name(make):
    rows = make([{"instrument": "D", "id": 4, "full_name": "four"}])
    assert conform("detector", rows)["detector"].to_list() == [4]


@pytest.mark.parametrize("make", [list, pl.DataFrame])
def test_a_record_without_its_key_is_refused(make):
    with pytest.raises(InvalidInputError, match="'detector'"):
        conform("detector", make([{"instrument": "D", "full_name": "four"}]))


@pytest.mark.parametrize("make", [list, pl.DataFrame])
def test_a_band_has_just_its_key(make):
    assert conform("band", make([{"name": "r"}])).to_dicts() == [{"band": "r"}]


@pytest.mark.parametrize("make", [list, pl.DataFrame])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"visit": None}, "'visit' is missing"),
        ({"name": None}, "{instrument: 'D', visit: 1}: 'name' is missing"),
        ({"visit": "1"}, "'visit' must be int"),
        ({"visit": True}, "'visit' must be int"),
        ({"name": 5}, "'name' must be string"),
        ({"region": "abc"}, "'region' must be region"),
        ({"exposure_time": "long"}, "'exposure_time' must be float"),
        ({"instrument": "D" * 33}, "'instrument' has 33 characters"),
        ({"seq_nm": 1}, "Did you mean 'seq_num'"),
        ({"timespan_begin": 1}, "a time span needs two bounds"),
        ({"timespan_begin": 5, "timespan_end": 5}, "the first before the second"),
    ],
)
def test_a_wrong_record_is_refused_with_what_is_wrong(make, change, said):
    with pytest.raises(InvalidInputError) as caught:
        conform("visit", make([{**VISIT, **change}]))
    assert said in str(caught.value)


def test_length_counts_characters_not_bytes():
    assert len(conform("instrument", pl.DataFrame({"name": ["é" * 32]}))) == 1


def test_the_message_names_the_record_at_fault():
    rows = [{**VISIT, "visit": n, "name": "n" * n} for n in (1, 64, 65)]
    for form in (rows, pl.DataFrame(rows)):
        with pytest.raises(InvalidInputError, match="visit: 65"):
            conform("visit", form)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    ("value", "said"), [(None, "'name' is missing"), ("a\0", "NUL")]
)
def test_the_record_whose_text_cannot_be_is_named(place, value, said):
    rows = [{**VISIT, "visit": 1}, {**VISIT, "visit": 2}]
    rows[place]["name"] = value
    for form in (rows, pl.DataFrame(rows)):
        with pytest.raises(InvalidInputError, match=f"visit: {place + 1}}}.*{said}"):
            conform("visit", form)


def test_a_missing_column_is_named():
    with pytest.raises(InvalidInputError, match="lack the column 'name'"):
        conform("visit", pl.DataFrame({"instrument": ["D"], "visit": [1]}))


def test_integers_beyond_64_bits_are_refused():
    with pytest.raises(InvalidInputError, match=r"'visit': .* does not fit into 64"):
        conform("visit", [{**VISIT, "visit": 2**70}])
    frame = pl.DataFrame(
        {**VISIT, "visit": [2**64 - 1]}, schema_overrides={"visit": pl.UInt64}
    )
    with pytest.raises(InvalidInputError, match="do not fit"):
        conform("visit", frame)


def test_text_that_is_not_text_is_refused():
    with pytest.raises(
        InvalidInputError, match=r"'name': .* characters that are not text"
    ):
        conform("visit", [{**VISIT, "name": "one\ud800"}])


def test_a_time_span_key_takes_only_a_timespan():
    with pytest.raises(InvalidInputError, match="must be a Timespan"):
        conform("visit", [{**VISIT, "timespan": (1, 2)}])


def test_a_record_knows_its_time_span_and_names_near_misses():
    values = {**VISIT, "timespan_begin": 1, "timespan_end": 2}
    record = DimensionRecord(UNIVERSE["visit"], values)
    assert record.timespan == Timespan(1, 2)
    assert record["name"] == "one"
    assert DimensionRecord(UNIVERSE["visit"], VISIT).timespan is None
    with pytest.raises(KeyError, match="Did you mean 'name'"):
        record["nme"]


REGION = Circle.from_lonlat(10, 20, 1)
FULL = {
    **VISIT,
    "exposure_time": 30.0,
    "region": REGION.encode(),
    "timespan_begin": 1_700_000_000_000_000_000,
    "timespan_end": 1_700_000_030_000_000_000,
}


def test_a_record_has_what_was_inserted_by_the_same_names():
    record = DimensionRecord(UNIVERSE["visit"], FULL)
    span = Timespan(FULL["timespan_begin"], FULL["timespan_end"])
    assert record["timespan"] == record.timespan == span
    assert record["region"] == record.region == REGION
    assert record.values["region"] == REGION.encode()
    assert record["timespan_end"] == record.timespan_end == span.end
    assert record.exposure_time == record["exposure_time"] == 30.0
    bare = DimensionRecord(UNIVERSE["visit"], dict.fromkeys(FULL))
    assert bare["timespan"] is bare["region"] is bare.region is None


def test_what_a_record_does_not_have_is_an_error_of_ours():
    record = DimensionRecord(UNIVERSE["visit"], FULL)
    for name, near in (("exposure_tme", "exposure_time"), ("timspan", "timespan")):
        with pytest.raises(FieldNotFoundError, match=f"Did you mean '{near}'") as first:
            getattr(record, name)
        with pytest.raises(FieldNotFoundError) as second:
            record[name]
        assert str(first.value) == str(second.value)
    assert not hasattr(record, "nme")
    detector = DimensionRecord(UNIVERSE["detector"], {"instrument": "D", "detector": 1})
    for name in ("timespan", "region"):
        with pytest.raises(FieldNotFoundError, match="'detector' records have no"):
            detector[name]
    assert copy.deepcopy(record) == pickle.loads(pickle.dumps(record)) == record


def test_a_record_is_short_and_readable():
    record = DimensionRecord(UNIVERSE["visit"], FULL)
    assert repr(record) == "<visit {instrument: 'D', visit: 1}>"
    shown = str(record)
    assert shown.splitlines()[0] == "visit {instrument: 'D', visit: 1}"
    assert "  region: CIRCLE(10, 20, 1)" in shown.splitlines()
    assert "  timespan: [2023-11-14T" in shown
    assert "DimensionElement" not in shown
    assert "\\x" not in shown
