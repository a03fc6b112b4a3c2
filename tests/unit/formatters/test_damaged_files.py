"""Files that are damaged, in any way, give an error of ours, and soon."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, VarianceUncertainty
from astropy.table import Table
from astropy.wcs import WCS
from PIL import Image

from pantler.datasets.storage_class import get_storage_class
from pantler.errors import IntegrityError, PantlerError
from pantler.formatters.array import NpyFormatter
from pantler.formatters.fits import FitsFormatter
from pantler.formatters.picture import PngFormatter
from pantler.formatters.plain import JsonFormatter, TextFormatter, YamlFormatter
from pantler.formatters.tables.ecsv import EcsvFormatter
from pantler.formatters.tables.parquet import ParquetFormatter

MUTATIONS = int(os.environ.get("PANTLER_MUTATIONS", "120"))
LONGEST_S = 2.0  # of one read, on a busy machine
TOKENS = (
    b"-1", b"0", b"9", b"999999999", b"1e308", b"nan", b"'", b'"', b"(", b"]", b"{",
    b",", b"\n", b"\0", b"\xff", b"\xed\xa0\x80", b": ", b"&a ", b"*a", b"<i8", b"|O",
)  # fmt: skip


def some_image():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [10.0, 20.0]
    wcs.wcs.cd = [[-1e-4, 0], [0, 1e-4]]
    data = np.arange(600, dtype=np.float32).reshape(20, 30)
    return CCDData(
        data, unit="adu", wcs=wcs, mask=data > 500,
        uncertainty=VarianceUncertainty(data), meta={"EXPTIME": 3.0, "OBJECT": "M13"},
    )  # fmt: skip


def some_table():
    table = Table({"id": [1, 2, 3], "flux": [1.5, 2.5, 3.5], "name": ["a", "b", "c"]})
    table["flux"].unit = "Jy"
    table.meta["run"] = {"version": 3}
    return table


def some_frame():
    """Return columns of many types, in several pages and row groups."""
    numbers = np.arange(200)
    return pl.DataFrame(
        {
            "number": numbers,
            "flux": numbers / 7,
            "name": [f"star {n % 5}" for n in numbers],
            "good": numbers % 3 == 0,
            "pair": [[int(n), None] for n in numbers],
            "when": pl.Series(numbers).cast(pl.Datetime("ns")),
            "bytes": [bytes([n]) * (n % 4) for n in numbers],
            "rare": [None if n % 2 else n * 1.5 for n in numbers],
        }
    )


VALUES = {"run": [1, 2.5, None, True], "names": {"a": "x", "b": "é"}, "n": 10**9}
OURS = {
    "npy": (NpyFormatter, "NumpyArray", lambda: np.arange(40.0).reshape(5, 8)),
    "npy-structured": (
        NpyFormatter, "NumpyArray",
        lambda: np.zeros(9, [("ra", "f8"), ("name", "U5"), ("n", "i2", (2, 2))]),
    ),
    "fits": (FitsFormatter, "CCDImage", some_image),
    "parquet": (ParquetFormatter, "DataFrame", some_frame),
    "parquet-table": (ParquetFormatter, "Table", some_table),
    "ecsv": (EcsvFormatter, "Table", some_table),
    "json": (JsonFormatter, "StructuredDict", lambda: VALUES),
    "yaml": (YamlFormatter, "StructuredDictYaml", lambda: VALUES),
    "text": (TextFormatter, "Text", lambda: "exposé " * 20),
    "png": (PngFormatter, "Picture", lambda: Image.new("RGB", (20, 30), "red")),
}  # fmt: skip


def frame_bytes(kind):
    header = some_image().wcs.to_header()
    header["OBJECT"] = "M13"
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    hdus = fits.HDUList([fits.PrimaryHDU(pixels, header)])
    if kind == "compressed":
        hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(pixels, header)])
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.get(
        kind, bytes
    )
    return pack(buffer.getvalue())


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with one to three things wrong, most of them near the beginning."""
    broken = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        size = len(broken)
        if not size:
            break
        at = dice.randrange(min(size, 400) if dice.random() < 0.5 else size)
        how = dice.randrange(7)
        if how == 0:
            broken[at] ^= 1 << dice.randrange(8)
        elif how == 1:
            broken[at] = dice.randrange(256)
        elif how == 2:
            del broken[at : at + dice.choice((1, 2, 8, 80, 3000))]
        elif how == 3:
            broken[at:at] = dice.choice(TOKENS)
        elif how == 4:
            token = dice.choice(TOKENS)
            broken[at : at + len(token)] = token
        elif how == 5:
            del broken[at:]
        else:
            end = at + dice.choice((1, 8, 80))
            broken[at:at] = broken[at:end] * dice.choice((1, 20))
    return bytes(broken)


def read_all(formatter, path, storage_class):
    """Read a file and its parts; return whether all could be read."""
    good, said = True, set()
    components = get_storage_class(storage_class).components
    for component in (None, *components):
        begin = time.monotonic()
        try:
            formatter.read_file(
                path, get_storage_class(storage_class), component=component
            )
        except PantlerError as error:
            good = False
            said.add(str(error))
        assert time.monotonic() - begin < LONGEST_S
    assert "" not in said
    return good


@pytest.mark.filterwarnings("ignore")  # of the libraries, about odd values
@pytest.mark.parametrize("name", OURS)
def test_a_file_of_ours_that_is_damaged_gives_an_error_of_ours(name, tmp_path):
    kind, storage_class, make = OURS[name]
    formatter = kind()
    path = tmp_path / f"file{formatter.extension}"
    formatter.write_file(make(), path, get_storage_class(storage_class))
    whole = path.read_bytes()
    assert read_all(formatter, path, storage_class)
    refused = 0
    for number in range(MUTATIONS):
        path.write_bytes(mutated(whole, random.Random(f"{name} {number}")))
        refused += not read_all(formatter, path, storage_class)
    assert refused > MUTATIONS / 20


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["plain", "compressed", "gz", "bz2", "xz"])
def test_a_frame_that_is_damaged_gives_an_error_of_ours(kind, tmp_path):
    path = tmp_path / "frame.fits"
    whole = frame_bytes(kind)
    path.write_bytes(whole)
    assert read_all(FitsFormatter(), path, "CCDImage")
    refused = 0
    for number in range(MUTATIONS):
        path.write_bytes(mutated(whole, random.Random(f"{kind} {number}")))
        refused += not read_all(FitsFormatter(), path, "CCDImage")
    assert refused > MUTATIONS / 20


def test_a_parquet_file_that_announces_the_impossible_ends_no_process(tmp_path):
    path = tmp_path / "table.parquet"
    ParquetFormatter().write_file(some_table(), path, get_storage_class("Table"))
    whole = path.read_bytes()
    # The number of values of a dictionary page, 3, becomes -4: polars would abort.
    at = whole.index(b"\x15\x06\x15\x10\x15\x06")
    path.write_bytes(whole[: at + 1] + b"\x07" + whole[at + 2 :])
    code = f"""
from pathlib import Path
from pantler.datasets.storage_class import get_storage_class
from pantler.errors import IntegrityError
from pantler.formatters.tables.parquet import ParquetFormatter
try:
    ParquetFormatter().read_file(Path({str(path)!r}), get_storage_class("Table"))
except IntegrityError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the number of values of a page would be -4" in done.stdout


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NAXIS", "999999999"),
        ("NAXIS1", "1000000000000"),
        ("NAXIS1", "-5"),
        ("PCOUNT", "-1000000000"),
        ("BITPIX", "17"),
    ],
)
def test_a_header_that_announces_the_impossible_is_refused_at_once(
    tmp_path, key, value
):
    path = tmp_path / "frame.fits"
    path.write_bytes(with_card(frame_bytes("plain"), key, value))
    begin = time.monotonic()
    with pytest.raises(IntegrityError, match="Not a whole and valid FITS file"):
        FitsFormatter().read_file(path, get_storage_class("CCDImage"))
    assert time.monotonic() - begin < LONGEST_S


def test_a_distortion_of_absurd_order_is_not_followed(tmp_path, caplog):
    path = tmp_path / "frame.fits"
    data = frame_bytes("plain")
    for key in ("A_ORDER", "B_ORDER"):
        data = with_card(data, key, "9000")
    path.write_bytes(data)
    begin = time.monotonic()
    image = FitsFormatter().read_file(path, get_storage_class("CCDImage"))
    assert time.monotonic() - begin < LONGEST_S
    assert image.wcs is None
    assert "A_ORDER is 9000" in caplog.text


def with_card(data: bytes, key: str, value: str) -> bytes:
    """Return a FITS file with a card replaced, or added at the end of its header."""
    card = f"{key:8}= {value:>20}".ljust(80).encode()
    at = data.find(f"{key:8}=".encode())
    if at >= 0:
        return data[:at] + card + data[at + 80 :]
    end = data.find(b"END".ljust(80))
    return data[:end] + card + data[end : end + 80] + data[end + 160 :]
