"""Blocks of columns."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pantler.errors import IntegrityError
from pantler.quanta.file.blocks import Columns, read_block, write_block

ANY_INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30)
SMALL_INTEGERS = st.lists(st.integers(-70_000, 70_000), max_size=30)
# Just at the widths with which numbers and their differences are stored.
EDGES = st.lists(
    st.sampled_from(
        [sign * (2**power + more) for power in (8, 16, 32, 62) for more in (-1, 0, 1)
         for sign in (-1, 1)]
        + [0, 2**63 - 1, -(2**63)]
    ),
    max_size=6,
)  # fmt: skip


@given(ANY_INTEGERS | SMALL_INTEGERS | EDGES, st.lists(st.text() | st.none()))
def test_columns_come_back(numbers, words):
    uuids = np.arange(48, dtype=np.uint8).reshape(3, 16)
    columns = Columns(
        {"n": np.array(numbers, dtype=np.int64), "m": np.arange(3)},
        {"u": uuids},
        {"w": words},
    )
    found = read_block(write_block(columns), "x", most_values=len(numbers) + 9)
    assert found.integers["n"].tolist() == numbers
    assert found.integers["m"].tolist() == [0, 1, 2]
    assert found.texts["w"] == words
    assert (found.uuids["u"] == uuids).all()
    with pytest.raises(IntegrityError, match="more than"):
        read_block(write_block(columns), "x", most_values=len(numbers) + 8)


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 300, 601, 903, 1203, 10_000],  # steps of different sizes, all large
        [10**6, 10**6 - 300, 10**6 - 599],  # downwards
        [-5, 70_000, 140_006],
        [0, 2**33, 2**34 + 7],
        [7],
        [7, 7],
        [0, 255],
        [0, 256],
        [0, 65_535],
        [0, 65_536],
        [0, 2**32 - 1, 3],
        [0, 2**32, 3],
        [0, 2**62 - 1, 3],
        [0, 2**62, 3],
        [-(2**62), 2**62, 0],
    ],
)
def test_numbers_come_back_however_they_are_stored(numbers):
    columns = Columns({"n": np.array(numbers), "last": np.array([1, 2, 5])})
    found = read_block(write_block(columns), "x", most_values=100)
    assert found.integers["n"].tolist() == numbers
    assert found.integers["last"].tolist() == [1, 2, 5]


def test_rows_that_count_up_take_no_room():
    small = write_block(Columns({"n": np.arange(10)}))
    large = write_block(Columns({"n": np.arange(1_000_000)}))
    assert len(large) < len(small) + 20


def test_small_numbers_take_little_room():
    numbers = np.random.default_rng(3).integers(0, 256, 4096) + 10**12
    assert len(write_block(Columns({"n": numbers}))) < 4300


@pytest.mark.parametrize("place", [0, 10, -1])
def test_a_damaged_block_is_refused(place):
    data = bytearray(write_block(Columns({"n": np.arange(1000) ** 2})))
    data[place] ^= 0x55
    with pytest.raises(IntegrityError, match=r"'graph\.qg' is damaged"):
        read_block(bytes(data), "graph.qg", most_values=1000)


def made_by_hand(head, rest=b"", length=None):
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    start = struct.pack("<I", len(text) if length is None else length)
    return zstandard.ZstdCompressor().compress(start + text + rest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        zstandard.ZstdCompressor().compress(b""),
        zstandard.ZstdCompressor().compress(b"\0" * (1 << 30)),
        made_by_hand([["n", "plain", 10**15, 0, 0, 0]]),
        made_by_hand([["n", "delta", 10**15, 0, 0, 0]]),
        made_by_hand([["n", "uuid", 10**15, 0, 0, 0]]),
        made_by_hand([["n", "plain", -1, 0, 0, 0]]),
        made_by_hand([["n", "plain", 1, 0, 0, 3]]),
        made_by_hand([["n", "plain", 1, 0, 0, 8]]),
        made_by_hand([["n", "plain", 1, 10**30, 0, 0]]),
        made_by_hand([["n", "delta", 0, 0, 0, 1]]),
        made_by_hand([["n", "delta", 2, 0, 0, 1]]),
        made_by_hand([["n", "other", 1, 0, 0, 0]]),
        made_by_hand([["n", "text", 2, 0, 0, 0]], b"[1"),
        made_by_hand([["n", "text", 3, 0, 0, 0]], b"[1]"),
        made_by_hand([["n", "text", 1, 0, 0, 0]], b"1"),
        made_by_hand([["n", "plain", "1", 0, 0, 0]]),
        made_by_hand([["n"]]),
        made_by_hand({}),
        made_by_hand(b"["),
        made_by_hand(b"[" * 100_000),
        made_by_hand([], b"more"),
        made_by_hand([], length=2**32 - 1),
    ],
)
def test_a_block_made_by_hand_is_refused(data):
    with pytest.raises(IntegrityError, match=r"'graph\.qg' is damaged, or not made by"):
        read_block(data, "graph.qg", most_values=10_000)


def test_places_beyond_a_table_are_refused():
    columns = Columns({"a": np.array([0, 2]), "b": np.array([-1])})
    assert columns.codes("a", 3).tolist() == [0, 2]
    assert columns.codes("a", 3).dtype == np.int32
    with pytest.raises(IndexError, match="'a' has places beyond the 2"):
        columns.codes("a", 2)
    with pytest.raises(IndexError):
        columns.codes("b", 2)
    with pytest.raises(KeyError):
        columns.codes("c", 2)
