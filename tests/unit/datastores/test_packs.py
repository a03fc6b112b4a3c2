"""Packs are zip files as other programs write them."""

from __future__ import annotations

import io
import zipfile

import pytest

from pantler.datastores.packs import MOST_BYTES, MOST_MEMBERS, zip_members

MEMBERS = [("Ωμέγα/1.json", b'{"a":1}'), ("é.bin", b""), ("x/ß", bytes(range(256)))]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_archive_is_to_the_byte_what_zipfile_writes(count):
    expected = io.BytesIO()
    with zipfile.ZipFile(expected, "w", zipfile.ZIP_STORED) as archive:
        for name, data in MEMBERS[:count]:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data)
    found, offsets = zip_members(MEMBERS[:count])
    assert found == expected.getvalue()
    for offset, (_, data) in zip(offsets, MEMBERS[:count], strict=True):
        assert found[offset : offset + len(data)] == data


def test_an_archive_is_within_what_the_format_without_extensions_holds():
    assert 1000 <= MOST_MEMBERS < 2**16 - 1
    # Headers and names of all members come on top of their contents.
    assert 2**20 <= MOST_BYTES < 2**32 - 1 - MOST_MEMBERS * 2**17
