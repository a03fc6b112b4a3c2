"""Data IDs packed into integers."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.dimensions.packing import DataIdPacker
from pantler.dimensions.universe import Universe
from pantler.errors import DataIdError, InvalidInputError

GROUP = Universe.default().group(["visit", "detector"])
SIZES = {"visit": 2**54, "detector": 256}
PACKER = DataIdPacker(GROUP, SIZES, {"instrument": "D"})
rows = st.lists(
    st.tuples(st.integers(0, 2**54 - 1), st.integers(0, 255)), min_size=1, max_size=9
)


@given(rows)
def test_every_data_id_has_an_integer_of_its_own(some):
    ids = [{"instrument": "D", "visit": v, "detector": d} for v, d in some]
    packed = [PACKER.pack(data_id) for data_id in ids]
    assert [dict(PACKER.unpack(number)) for number in packed] == ids
    assert len(set(packed)) == len(set(some))
    assert all(0 <= number < 2**63 for number in packed)
    assert PACKER.pack_frame(pl.DataFrame(ids)).to_list() == packed
    without = pl.DataFrame(ids).drop("instrument")
    assert PACKER.pack_frame(without).to_list() == packed


@pytest.mark.parametrize(
    "change", [{"visit": -1}, {"detector": 256}, {"visit": 2**54}, {"instrument": "E"}]
)
def test_what_does_not_fit_is_refused(change):
    data_id = {"instrument": "D", "visit": 1, "detector": 1, **change}
    with pytest.raises(DataIdError):
        PACKER.pack(data_id)
    with pytest.raises(DataIdError):
        PACKER.pack_frame(pl.DataFrame([data_id]))


@pytest.mark.parametrize("packed", [2**63, -1, 2**70])
def test_an_integer_of_no_data_id_is_refused(packed):
    with pytest.raises(DataIdError, match="not the integer"):
        PACKER.unpack(packed)


@pytest.mark.parametrize(
    ("sizes", "fixed", "said"),
    [
        ({"visit": 9}, {"instrument": "D"}, "'detector' needs either"),
        ({**SIZES, "instrument": 2}, {}, "is text"),
        (SIZES, {"instrument": "D", "visit": 1}, "and not both"),
        ({**SIZES, "visit": 2**55}, {"instrument": "D"}, "63 bits"),
        ({**SIZES, "visit": 0}, {"instrument": "D"}, "above 0"),
        ({**SIZES, "vist": 3}, {"instrument": "D"}, "Did you mean 'visit'"),
    ],
)
def test_a_packer_that_cannot_be_is_refused(sizes, fixed, said):
    with pytest.raises(InvalidInputError, match=said):
        DataIdPacker(GROUP, sizes, fixed)
