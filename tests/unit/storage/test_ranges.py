"""A file that is read in ranges."""

from __future__ import annotations

import io
import random

import pytest

from pantler.errors import IntegrityError
from pantler.storage.ranges import RangeFile

DATA = random.Random(3).randbytes(500_000)


class Source:
    """Bytes that are counted."""

    def __init__(self, data=DATA):
        self.data = data
        self.asked = []

    def read(self, offset, count):
        self.asked.append((offset, count))
        return self.data[offset : offset + count]


def test_it_reads_as_any_file_does():
    choice = random.Random(7)
    file, other = RangeFile(Source().read, len(DATA)), io.BytesIO(DATA)
    for _ in range(300):
        place = choice.randrange(-5, len(DATA) + 5)
        whence = choice.choice([io.SEEK_SET, io.SEEK_END, io.SEEK_CUR])
        offset = {io.SEEK_SET: abs(place), io.SEEK_END: -abs(place) % len(DATA) * -1}
        there = offset.get(whence, choice.randrange(100))
        assert file.seek(there, whence) == other.seek(there, whence)
        count = choice.choice([0, 1, 1000, 70_000])
        assert file.read(count) == other.read(count)
        assert file.tell() == other.tell()
    file.seek(3)
    assert file.read() == DATA[3:]
    assert file.read() == b""
    buffer = bytearray(10)
    file.seek(-4, io.SEEK_END)
    assert file.readinto(buffer) == 4
    assert bytes(buffer[:4]) == DATA[-4:]
    with pytest.raises(ValueError, match="no byte -1"):
        file.seek(-1)


def test_what_follows_is_fetched_with_it_and_nothing_twice():
    source = Source()
    file = RangeFile(source.read, len(DATA), block_bytes=1000)
    for place in (0, 10, 990, 100, 0):
        file.read_at(place, 10)
    assert source.asked == [(0, 1000)]
    file.read_at(995, 10)
    assert source.asked == [(0, 1000), (1000, 1000)]


def test_ranges_that_lie_close_are_one_request():
    source = Source()
    file = RangeFile(source.read, len(DATA))
    file.prefetch([(400_000, 400_100), (0, 10), (50_000, 50_010), (450_000, 10**9)])
    assert source.asked == [(0, 50_010), (400_000, 100_000)]
    file.prefetch([(5, 9), (400_000, 400_050)])
    assert file.read_at(499_990, 100) == DATA[-10:]
    assert len(source.asked) == 2


def test_a_file_that_is_shorter_than_was_said_is_told():
    file = RangeFile(Source(DATA[:100]).read, 1000)
    assert file.size == 1000
    with pytest.raises(IntegrityError, match="100 bytes are there, and 1000 were"):
        file.read()
