"""Data IDs as numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pantler.dimensions.timespan import Timespan
from pantler.dimensions.universe import Universe
from pantler.errors import InternalError
from pantler.quanta.join.coding import (
    Coding,
    closed,
    deciding,
    fixed_by,
    lookup,
    number_values,
)

UNIVERSE = Universe.default()


@pytest.fixture
def coding():
    """Return two instruments; detectors 0 and 1 of the first, 1 and 2 of the other."""
    dimensions = {}
    frames = {
        "instrument": pl.DataFrame({"instrument": ["A", "B"]}),
        "detector": pl.DataFrame(
            {"instrument": ["B", "A", "A", "B"], "detector": [2, 1, 0, 1]}
        ),
    }
    for name, frame in frames.items():
        dimensions[name] = number_values(UNIVERSE, name, frame, dimensions)
    return Coding(UNIVERSE, dimensions)


def test_dimensions_fix_what_they_require_and_imply():
    assert fixed_by(UNIVERSE, "patch") == {"tract", "skymap"}
    assert {"instrument", "physical_filter", "band"} <= fixed_by(UNIVERSE, "visit")
    assert "visit" not in fixed_by(UNIVERSE, "visit")
    assert closed(UNIVERSE, ["patch"]) == {"patch", "tract", "skymap"}
    assert deciding(UNIVERSE, ["skymap", "patch", "tract"]) == ("patch",)
    assert deciding(UNIVERSE, ["visit", "detector", "instrument", "band"]) == (
        "detector",
        "visit",
    )


def test_values_are_numbered_in_the_order_of_data_ids(coding):
    detectors = coding.dimensions["detector"]
    assert detectors.values.to_list() == [0, 1, 1, 2]
    assert detectors.fixed["instrument"].tolist() == [0, 0, 1, 1]
    assert coding.size("detector") == len(detectors) == 4
    assert (detectors.begin, detectors.end, detectors.regions) == (None, None, None)


def test_data_ids_become_numbers_and_come_back(coding):
    frame = pl.DataFrame(
        {
            "instrument": ["B", "A", "B", "C"],
            "detector": [1, 1, 0, 0],
            "x": [0, 1, 2, 3],
        }
    )
    encoded = coding.encode(frame, ("detector",))
    assert encoded.columns["detector"].tolist() == [2, 1]
    assert encoded.frame["x"].to_list() == [0, 1]
    back = coding.frame(encoded.columns, ["instrument", "detector"])
    assert back.rows() == [("B", 1), ("A", 1)]
    group = UNIVERSE.group(["detector"])
    assert dict(coding.coordinate(group, encoded.columns, 1)) == {
        "instrument": "A",
        "detector": 1,
    }
    again = coding.encode(encoded.frame, ("detector",))
    assert again.frame is encoded.frame
    assert again.columns["detector"].tolist() == [2, 1]


def test_a_single_parent_is_not_looked_up_unless_another_is_meant():
    one = number_values(UNIVERSE, "instrument", pl.DataFrame({"instrument": ["A"]}), {})
    frame = pl.DataFrame({"instrument": ["A", "A"], "detector": [0, 1]})
    detectors = number_values(UNIVERSE, "detector", frame, {"instrument": one})
    coding = Coding(UNIVERSE, {"instrument": one, "detector": detectors})
    asked = pl.DataFrame({"instrument": ["A", "B"], "detector": [1, 1]})
    assert coding.encode(asked, ("detector",)).columns["detector"].tolist() == [1]
    asked = asked.with_columns(instrument=pl.lit("A"))
    assert coding.encode(asked, ("detector",)).columns["detector"].tolist() == [1, 1]


def test_a_value_fixes_what_its_parents_fix():
    dimensions = {}
    frames = {
        "instrument": pl.DataFrame({"instrument": ["A"]}),
        "band": pl.DataFrame({"band": ["g", "r"]}),
        "physical_filter": pl.DataFrame(
            {
                "instrument": ["A", "A", "A"],
                "physical_filter": ["f1", "f2", "f3"],
                "band": ["r", "g", "r"],
            }
        ),
        "day_obs": pl.DataFrame({"instrument": ["A"], "day_obs": [1]}),
        "group": pl.DataFrame({"instrument": ["A"], "group": ["x"]}),
        "exposure": pl.DataFrame(
            {
                "instrument": ["A", "A"],
                "exposure": [1, 2],
                "physical_filter": ["f2", "f3"],
                "day_obs": [1, 1],
                "group": ["x", "x"],
                "timespan_begin": [0, 1],
                "timespan_end": [1, 2],
            }
        ),
    }
    for name, frame in frames.items():
        dimensions[name] = number_values(UNIVERSE, name, frame, dimensions)
    exposures = dimensions["exposure"]
    assert exposures.fixed["physical_filter"].tolist() == [1, 2]
    assert exposures.fixed["band"].tolist() == [0, 1]
    coding = Coding(UNIVERSE, dimensions)
    columns = {"exposure": np.array([1], dtype=np.int32)}
    assert coding.frame(columns, ["band"]).rows() == [("r",)]


def test_the_one_sky_map_does_not_hide_the_tracts():
    dimensions = {}
    frames = {
        "skymap": pl.DataFrame({"skymap": ["s"]}),
        "tract": pl.DataFrame({"skymap": ["s", "s"], "tract": [3, 4]}),
        "patch": pl.DataFrame(
            {"skymap": ["s"] * 4, "tract": [3, 3, 4, 4], "patch": [0, 1, 0, 1]}
        ),
    }
    for name, frame in frames.items():
        dimensions[name] = number_values(UNIVERSE, name, frame, dimensions)
    coding = Coding(UNIVERSE, dimensions)
    asked = pl.DataFrame({"skymap": ["s"] * 3, "tract": [4, 3, 4], "patch": [0, 1, 1]})
    assert coding.encode(asked, ("patch",)).columns["patch"].tolist() == [2, 1, 3]


def test_values_that_refer_to_unknown_ones_are_left_out(coding):
    frame = pl.DataFrame(
        {
            "instrument": ["A", "C", "B"],
            "day_obs": [1, 1, 2],
            "timespan_begin": [5, 6, None],
            "timespan_end": [7, 8, None],
        }
    )
    days = number_values(UNIVERSE, "day_obs", frame, coding.dimensions)
    assert days.values.to_list() == [1, 2]
    assert days.fixed["instrument"].tolist() == [0, 1]
    # The second has no time: one that begins after it ends, and so meets no other.
    assert days.begin.tolist() == [5, Timespan.MAX]
    assert days.end.tolist() == [7, Timespan.MIN]


def test_what_nothing_fixes_has_no_numbers(coding):
    columns = {"detector": np.array([3, 0], dtype=np.int32)}
    assert coding.codes(columns, "detector").tolist() == [3, 0]
    assert coding.codes(columns, "instrument").tolist() == [1, 0]
    with pytest.raises(InternalError, match=r"\['detector'\] fixes 'visit'"):
        coding.codes(columns, "visit")


def test_keys_are_looked_up_in_tables():
    table = [pl.Series([1, 2, 2]), pl.Series(["a", "a", "b"])]
    keys = [pl.Series([2, 1, 2, 3]), pl.Series(["b", "b", "a", "a"])]
    assert lookup(keys, table).tolist() == [2, -1, 1, -1]
    none = [pl.Series([], dtype=pl.Int64)]
    assert lookup([pl.Series([1, 2])], none).tolist() == [-1, -1]
