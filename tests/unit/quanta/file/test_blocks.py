"""Blocks of columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantler.errors import IntegrityError
from pantler.quanta.file.blocks import read_block, write_block

ANY_INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30)
SMALL_INTEGERS = st.lists(st.integers(-70_000, 70_000), max_size=30)


@given(ANY_INTEGERS | SMALL_INTEGERS, st.lists(st.text() | st.none()))
def test_columns_come_back(numbers, words):
    uuids = np.arange(48, dtype=np.uint8).reshape(3, 16)
    columns = {"n": np.array(numbers, dtype=np.int64), "w": words, "u": uuids}
    found = read_block(write_block(columns), "x")
    assert found["n"].tolist() == numbers
    assert found["w"] == words
    assert (found["u"] == uuids).all()


def test_rows_that_count_up_take_no_room():
    small = write_block({"n": np.arange(10)})
    large = write_block({"n": np.arange(1_000_000)})
    assert len(large) < len(small) + 20


@pytest.mark.parametrize("place", [0, 10, -1])
def test_a_damaged_block_is_refused(place):
    data = bytearray(write_block({"n": np.arange(1000) ** 2}))
    data[place] ^= 0x55
    with pytest.raises(IntegrityError, match=r"graph\.qg is damaged"):
        read_block(bytes(data), "graph.qg")
